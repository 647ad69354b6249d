import { expect, test } from 'vitest';
import { RequestMetrics, requestLabels } from './requests.ts';

test.each([
  ['GET', ['metrics', 'cadvisor'], 'GET metrics/cadvisor false'],
  ['GET', ['metrics', 'nope'], 'GET metrics false'],
  ['POST', ['exec', 'ns', 'pod', 'c'], 'POST exec true'],
  ['BREW', ['containerLogs', 'a'], 'other containerLogs false'],
  ['GET', [], 'GET other false'],
])('%s %j', (method, parts, expected) => {
  const { method: shown, path, long_running } = requestLabels(method, parts);
  expect(`${shown} ${path} ${long_running}`).toBe(expected);
});

test('one that fails is counted and under way no more', async () => {
  const metrics = new RequestMetrics();
  await expect(metrics.count('GET', ['pods'], () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await metrics.count('GET', ['pods'], async () => {});
  const lines = metrics.families
    .flatMap((family) => family.text().split('\n'))
    .filter((line) => /^kubelet.*(total|inflight_requests|count)\{/.test(line));
  expect(lines.map((line) => line.replace(/\{.*\}/, ''))).toEqual([
    'kubelet_http_inflight_requests 0',
    'kubelet_http_requests_duration_seconds_count 2',
    'kubelet_http_requests_total 2',
  ]);
});
