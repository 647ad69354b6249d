import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { WatchBody } from '../bodies.ts';
import { Deadlines, type LateEnd } from '../deadlines.ts';
import type { Encoded } from '../encode.ts';
import type { ServedKind } from '../kind-table.ts';
import type { ApiRequest } from '../request.ts';
import { requestInfo } from '../requestinfo.ts';
import { countLongRunning } from './long-running.ts';
import { RequestMetrics } from './requests.ts';

const POD = { kind: { subresources: [{ name: 'exec' }, { name: 'log' }] } } as unknown as ServedKind;
const LABELS = 'component="apiserver",group="",resource="pods"';

function requestOf(method: string, url: string, more: Partial<ApiRequest> = {}): ApiRequest {
  const [path = '', query] = url.split('?');
  const parsed = new URLSearchParams(query);
  return {
    method,
    path,
    query: parsed,
    headers: {},
    info: requestInfo(method, path, parsed),
    served: POD,
    onSent: [],
    ...more,
  } as ApiRequest;
}
const samples = (metrics: RequestMetrics, name: string) =>
  metrics.families.flatMap((family) => family.text().split('\n')).filter((line) => line.startsWith(name) && !line.includes('_bucket{'));

test('the server’s own time is without what others took; a dry run has none', () => {
  const metrics = new RequestMetrics();
  metrics.observe(requestOf('GET', '/api/v1/pods', { waitedSeconds: 0.75 }), 200, 1, 10, false);
  metrics.observe(requestOf('GET', '/api/v1/pods'), 200, 0.25, 10, false);
  metrics.observe(requestOf('DELETE', '/api/v1/pods?dryRun=All'), 200, 1, 10, false);
  const labels = `{${LABELS},scope="cluster",subresource="",verb="LIST",version="v1"}`;
  expect(samples(metrics, 'apiserver_request_sli_duration_seconds')).toEqual([
    `apiserver_request_sli_duration_seconds_sum${labels} 0.5`,
    `apiserver_request_sli_duration_seconds_count${labels} 2`,
  ]);
  expect(samples(metrics, 'apiserver_request_duration_seconds_count')).toHaveLength(2);
});

test('self-defence, answers that were given up, handshakes', () => {
  const metrics = new RequestMetrics();
  const request = requestOf('GET', '/api/v1/namespaces/a/pods');
  const rest = 'scope="namespace",subresource="",verb="LIST",version="v1"';
  expect(samples(metrics, 'apiserver_tls')).toEqual(['apiserver_tls_handshake_errors_total 0']);
  metrics.terminated(request, 429, false);
  metrics.terminated(request, 504, false);
  metrics.terminated(request, 504, false);
  metrics.aborted(request);
  metrics.handshakeFailed();
  expect(samples(metrics, 'apiserver_request_term')).toEqual([
    `apiserver_request_terminations_total{${LABELS},${rest},code="429"} 1`,
    `apiserver_request_terminations_total{${LABELS},${rest},code="504"} 2`,
  ]);
  expect(samples(metrics, 'apiserver_request_aborts')).toEqual([
    'apiserver_request_aborts_total{group="",resource="pods",scope="namespace",subresource="",verb="LIST",version="v1"} 1',
  ]);
  expect(samples(metrics, 'apiserver_tls')).toEqual(['apiserver_tls_handshake_errors_total 1']);
});

test.each([
  ['ok' as const, (done: () => void, _: (why: Error) => void) => done()],
  ['error' as const, (_: () => void, fail: (why: Error) => void) => fail(new Error('too late'))],
])('work that ends after its request timed out: %s', async (end, finish) => {
  let nowMs = 0;
  const ends: LateEnd[] = [];
  const deadlines = new Deadlines(
    () => nowMs,
    (late) => ends.push(late),
  );
  let settle = () => {};
  const work = new Promise<void>((resolve, reject) => (settle = () => finish(resolve, reject)));
  const inTime = deadlines.within(requestOf('GET', '/api/v1/pods'), async () => 'done');
  await expect(inTime).resolves.toBe('done');
  const request = requestOf('GET', '/api/v1/pods');
  const answer = deadlines.within(request, () => work);
  nowMs = 60_001;
  deadlines.tick();
  await expect(answer).rejects.toMatchObject({ code: 504 });
  expect(ends).toEqual([]);
  settle();
  await work.catch(() => {});
  expect(ends).toEqual([end]);
  const metrics = new RequestMetrics();
  metrics.endedLate(end);
  expect(samples(metrics, 'apiserver_request_post_timeout_total')).toEqual([
    `apiserver_request_post_timeout_total{source="timeout-handler",status="${end}"} 1`,
  ]);
});

test('what goes on is counted until it is over: watches, logs, connections', () => {
  const metrics = new RequestMetrics();
  const open = () =>
    samples(metrics, 'apiserver_longrunning_requests').map((line) => [/verb="([A-Z]+)"/.exec(line)![1], Number(line.split(' ').at(-1))]);
  const begin = (request: ApiRequest, encoded: Partial<Encoded>) => {
    const whole = { status: 200, headers: {}, body: undefined, ...encoded };
    countLongRunning(request, whole, () => metrics.longRunning(request, false));
    return whole;
  };
  const watch = requestOf('GET', '/api/v1/pods?watch=1');
  const lines = { watch: new WatchBody(POD, () => () => {}), line: () => '' };
  begin(watch, { body: lines });
  const log = requestOf('GET', '/api/v1/namespaces/a/pods/b/log');
  begin(log, { body: (async function* () {})() });
  const socket = new EventEmitter();
  const exec = requestOf('POST', '/api/v1/namespaces/a/pods/b/exec', { upgrade: { socket: socket as Duplex, head: new Uint8Array() } });
  begin(exec, { hijacked: true });
  begin(requestOf('GET', '/api/v1/namespaces/a/pods/b/log'), { body: 'no such container' }); // answered at once
  begin(requestOf('GET', '/api/v1/pods'), { body: (async function* () {})() }); // a long list is no long-running request
  expect(open()).toEqual([
    ['WATCH', 1],
    ['CONNECT', 1],
    ['CONNECT', 1],
  ]);
  const stop = lines.watch.start({ event: () => true, ready: async () => {}, end: () => {} });
  stop();
  stop();
  for (const done of log.onSent!) done();
  socket.emit('close');
  expect(open().map(([, count]) => count)).toEqual([0, 0, 0]);
});
