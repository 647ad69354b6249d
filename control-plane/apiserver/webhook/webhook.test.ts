import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import { fakeReader } from '../fake-reader.ts';
import { shownUrl, urlOf } from './client-config.ts';
import { answerText } from './go-errors.ts';
import { resolveService } from './service-address.ts';

test.each([
  [{ service: { name: 's', namespace: 'n' } }, 'https://s.n.svc:443/?timeout=10s'],
  [{ service: { name: 's', namespace: 'n', port: 8443, path: '/a/b' } }, 'https://s.n.svc:8443/a/b?timeout=10s'],
  [{ url: 'https://h.example' }, 'https://h.example/?timeout=10s'],
  [{ url: 'https://h.example:443/x' }, 'https://h.example:443/x?timeout=10s'],
  [{ url: 'https://[::1]:9/x' }, 'https://[::1]:9/x?timeout=10s'],
])('%j is shown as %s', (config, shown) => expect(shownUrl(urlOf(config, 10), config)).toBe(shown));

test('an answer without a Status', () => {
  expect(answerText(503, 'text/html', 'x')).toBe('the server is currently unable to handle the request');
  expect(answerText(500, 'application/json', '{}')).toBe('an error on the server ("unknown") has prevented the request from succeeding');
  expect(answerText(302, undefined, '')).toBe('the server responded with the status code 302 but did not return more information');
});

describe('a Service', () => {
  const meta = (name: string) => ({ name, namespace: 'n' });
  const service = (spec: object): KubeObject => ({ apiVersion: 'v1', kind: 'Service', metadata: meta('s'), spec });
  const slice = (name: string, addresses: string[], more: object = {}): KubeObject => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...meta(name), labels: { 'kubernetes.io/service-name': 's' } },
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: {} })),
    ports: [{ name: '', port: 8443 }],
    ...more,
  });
  const ports = [{ port: 443 }];
  const found = (objects: KubeObject[], turn = 0, port?: number) =>
    resolveService(fakeReader(objects), { name: 's', namespace: 'n', ...(port ? { port } : {}) }, turn);

  test('leads to its ready endpoints in turn', () => {
    const objects = [
      service({ ports }),
      slice('a', ['10.0.0.1']),
      slice('b', ['10.0.0.2']),
      slice('c', ['10.0.0.3'], { ports: [{ name: 'other', port: 1 }] }),
    ];
    expect([0, 1, 2].map((turn) => found(objects, turn).host)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.1']);
    expect(found(objects).port).toBe(8443);
  });

  test('prefers its first family', () => {
    const objects = [service({ ports, ipFamilies: ['IPv6', 'IPv4'] }), slice('a', ['10.0.0.1']), slice('b', ['fd00::1'])];
    expect(found(objects).host).toBe('fd00::1');
  });

  test('outside of the cluster is its name', () => {
    expect(found([service({ type: 'ExternalName', externalName: 'x.example' })], 0, 9)).toEqual({ host: 'x.example', port: 9 });
  });

  test.each<[string, KubeObject[], string]>([
    ['is absent', [], 'service "s" not found'],
    ['has another port', [service({ ports: [{ port: 80 }] })], 'no service port 443 found for service "s"'],
    [
      'has an empty slice',
      [service({ ports }), slice('a', [], { ports: null, endpoints: null })],
      'no endpoints available for service "s"',
    ],
    ['has no slice', [service({ ports })], 'no endpoints available for service "s"'],
    [
      'has nothing ready',
      [service({ ports }), slice('a', [], { endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: false } }] })],
      'no endpoints available for service "s"',
    ],
  ])('%s', (_, objects, text) => expect(() => found(objects)).toThrow(text));
});
