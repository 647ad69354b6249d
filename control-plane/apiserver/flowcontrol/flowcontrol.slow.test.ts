// Priority and fairness: which flow, how many seats, whose turn; and over real HTTP that a flood stays its author's own trouble.
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import { createHttpsClient, RESOURCES } from '../../../kit/client/index.ts';
import { type Clock, systemClock } from '../../../kit/run/index.ts';
import { requestInfo } from '../requestinfo.ts';
import { startTestServer } from '../testing.ts';
import { flowConfig, type LevelConfig } from './config.ts';
import { FlowMetrics } from './figures.ts';
import { Level, Refused, type Seat } from './level.ts';
import { deal } from './queues.ts';
import { seatsOf } from './seats.ts';

const level = (name: string, limited: object): KubeObject => ({ metadata: { name }, spec: { type: 'Limited', limited } });
const schema = (name: string, levelName: string, matchingPrecedence: number, rule: object): KubeObject => ({
  metadata: { name },
  spec: { priorityLevelConfiguration: { name: levelName }, matchingPrecedence, distinguisherMethod: { type: 'ByUser' }, rules: [rule] },
});
const infoOf = (method: string, url: string) => {
  const [path = '', query] = url.split('?');
  return requestInfo(method, path, new URLSearchParams(query));
};

describe('configuration', () => {
  const user = (name: string) => ({ kind: 'User', user: { name } });
  const config = flowConfig(
    [
      schema('b-pods', 'work', 100, {
        subjects: [user('*')],
        resourceRules: [{ verbs: ['list'], apiGroups: [''], resources: ['pods', 'pods/status'], namespaces: ['a'] }],
      }),
      schema('a-all-of-sa', 'work', 100, {
        subjects: [{ kind: 'ServiceAccount', serviceAccount: { namespace: 'a', name: '*' } }],
        resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
      }),
      schema('dangling', 'nowhere', 2, { subjects: [user('*')], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] }),
      schema('probes', 'work', 50, { subjects: [user('*')], nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz/*'] }] }),
    ],
    [level('work', { nominalConcurrencyShares: 15, lendablePercent: 50, borrowingLimitPercent: 100 })],
    100,
  );
  const alice = { name: 'alice', groups: ['system:authenticated'] };
  test.each([
    ['GET', '/api/v1/namespaces/a/pods', alice, 'b-pods'],
    ['GET', '/api/v1/namespaces/b/pods', alice, 'catch-all'],
    ['GET', '/api/v1/pods', alice, 'catch-all'],
    ['GET', '/api/v1/namespaces/a/pods', { name: 'system:serviceaccount:a:x', groups: [] }, 'a-all-of-sa'],
    ['GET', '/healthz/etcd', alice, 'probes'],
    ['GET', '/version', alice, 'catch-all'],
    ['GET', '/version', { name: 'root', groups: ['system:masters'] }, 'exempt'],
  ])('%s %s by %j goes to %s', (method, url, asker, name) => {
    expect(config.schemas.find((one) => one.matches(infoOf(method, url), asker))?.name).toBe(name);
  });

  test('seats are shared out by shares', () => {
    expect(config.levels.get('work')).toMatchObject({ nominal: 75, lendable: 38, borrowing: 75 });
    expect(config.levels.get('catch-all')).toMatchObject({ nominal: 25, lendable: 0 });
    expect(config.levels.get('exempt')).toMatchObject({ exempt: true, nominal: 0 });
  });
});

test.each([
  ['/api/v1/pods', 950, 10],
  ['/api/v1/pods', 150, 2],
  ['/api/v1/pods?limit=100', 950, 1],
  ['/api/v1/pods?limit=100&labelSelector=a', 950, 10],
  ['/api/v1/pods?fieldSelector=metadata.name=x', 950, 1],
  ['/api/v1/namespaces/a/pods/x', 950, 1],
  ['/api/v1/pods?watch=1&resourceVersion=7', 950, 1],
  ['/api/v1/pods?watch=1', 950, 10],
])('%s among %i takes %i seats', (url, stored, seats) => {
  expect(seatsOf(infoOf('GET', url), new URLSearchParams(url.split('?')[1]), () => stored)).toBe(seats);
});

test('a flow has always the same hand of different queues', () => {
  const hand = deal('global-default\u0000alice', 128, 6);
  expect(new Set(hand).size).toBe(6);
  expect(deal('global-default\u0000alice', 128, 6)).toEqual(hand);
  expect(deal('global-default\u0000bob', 128, 6)).not.toEqual(hand);
  expect(deal('x', 8, 8).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

describe('a level', () => {
  const never = () => new AbortController().signal;
  const config = (more: Partial<LevelConfig>): LevelConfig => ({
    name: 'work',
    uid: '',
    exempt: false,
    nominal: 2,
    lendable: 0,
    borrowing: 0,
    queuing: { queues: 8, handSize: 2, lengthMax: 3 },
    ...more,
  });
  const alone = { spare: () => 0, freed: () => {} };

  test('takes turns between flows, whatever each has waiting', async () => {
    const work = new Level(
      config({ nominal: 1, queuing: { queues: 64, handSize: 1, lengthMax: 50 } }),
      alone,
      systemClock,
      new FlowMetrics(),
    );
    const order: string[] = [];
    const first = work.take('s', 'flood', 1, never) as Seat;
    const ask = (flow: string) => (work.take('s', flow, 1, never) as Promise<Seat>).then((seat) => (order.push(flow), seat.release()));
    const all = [...Array.from({ length: 10 }, () => ask('flood')), ask('small'), ask('small')];
    first.release();
    await Promise.all(all);
    expect(order.slice(0, 4).filter((flow) => flow === 'small')).toHaveLength(2);
  });

  test('refuses when the flow has no room in a queue, and when nobody may wait', async () => {
    const work = new Level(
      config({ nominal: 1, queuing: { queues: 1, handSize: 1, lengthMax: 3 } }),
      alone,
      systemClock,
      new FlowMetrics(),
    );
    const seat = work.take('s', 'a', 1, never) as Seat;
    const waiting = [1, 2, 3].map(() => work.take('s', 'a', 1, never) as Promise<Seat>);
    expect(() => work.take('s', 'a', 1, never)).toThrow(Refused);
    seat.release();
    for (const one of waiting) (await one).release();
    expect([work.inUse, work.waiting]).toEqual([0, 0]);
    const { queuing: _, ...rejecting } = config({});
    const strict = new Level(rejecting, alone, systemClock, new FlowMetrics());
    for (let i = 0; i < 2; i++) strict.take('s', 'a', 1, never);
    expect(() => strict.take('s', 'a', 1, never)).toThrow('concurrency-limit');
    expect([...strict.figures.get('s')!.refused]).toEqual([['concurrency-limit', 1]]);
  });

  test('one who goes away or waits too long leaves the queue', async () => {
    let ring: () => void = () => {};
    const clock: Clock = { nowMs: () => 0, sleep: () => new Promise((resolve) => (ring = resolve)) };
    const work = new Level(config({ nominal: 1 }), alone, clock, new FlowMetrics());
    work.take('s', 'a', 1, never);
    const leaving = new AbortController();
    const gone = expect(work.take('s', 'a', 1, () => leaving.signal)).rejects.toMatchObject({ reason: 'cancelled' });
    leaving.abort();
    await gone;
    const late = expect(work.take('s', 'a', 1, never)).rejects.toMatchObject({ reason: 'time-out' });
    ring();
    await late;
    expect(work.waiting).toBe(0);
  });

  test('borrows what others lend, and they have it back when seats come free', async () => {
    const levels: Level[] = [];
    const neighbours = {
      spare: (asking: Level) =>
        levels.reduce((sum, one) => sum + (one === asking ? 0 : one.lends), 0) - levels.reduce((sum, one) => sum + one.borrowed, 0),
      freed: () => {},
    };
    const busy = new Level(config({ nominal: 2, borrowing: 10 }), neighbours, systemClock, new FlowMetrics());
    const idle = new Level(config({ nominal: 4, lendable: 2 }), neighbours, systemClock, new FlowMetrics());
    levels.push(busy, idle);
    const seats = [1, 2, 3, 4].map(() => busy.take('s', 'a', 1, never));
    expect(seats.every((seat) => !(seat instanceof Promise))).toBe(true);
    const leaving = new AbortController();
    const waits = busy.take('s', 'a', 1, () => leaving.signal);
    expect(waits).toBeInstanceOf(Promise);
    leaving.abort();
    await expect(waits).rejects.toThrow(Refused);
    expect(idle.take('s', 'a', 1, never)).not.toBeInstanceOf(Promise);
    expect([busy.inUse, busy.borrowed, idle.inUse]).toEqual([4, 2, 1]);
  });
});

test('one user floods the server with lists: another one’s gets come back within a second, the flood gets 429 or its lists', {
  timeout: 120_000,
}, async () => {
  const world = await startTestServer({
    authenticate(request, next) {
      request.user ??= {
        name: request.headers['x-user'] ?? 'admin',
        groups: [request.headers['x-user'] ? 'system:authenticated' : 'system:masters'],
      };
      return next(request);
    },
  });
  const queuing = { queues: 64, handSize: 6, queueLengthLimit: 3 };
  await world.client.create(RESOURCES.prioritylevelconfigurations, {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'PriorityLevelConfiguration',
    ...level('all', { nominalConcurrencyShares: 5, limitResponse: { type: 'Queue', queuing } }),
  });
  await world.client.create(RESOURCES.flowschemas, {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'FlowSchema',
    ...schema('all', 'all', 500, {
      subjects: [{ kind: 'Group', group: { name: 'system:authenticated' } }],
      resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
    }),
  });
  const maps = (i: number) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `m${i}`, namespace: 'default' },
    data: { text: 'x'.repeat(500) },
  });
  for (let i = 0; i < 3000; i += 100)
    await Promise.all(Array.from({ length: 100 }, (_, j) => world.client.create(RESOURCES.configmaps, maps(i + j))));
  const flood = createHttpsClient({ server: world.url, ca: world.ca });
  const small = createHttpsClient({ server: world.url, ca: world.ca });
  const forms = ['application/json', 'application/json;as=Table;v=v1;g=meta.k8s.io', 'application/yaml'];
  const stop = new AbortController();
  const codes = new Map<number, number>();
  const lists = Array.from({ length: 60 }, async (_, i) => {
    while (!stop.signal.aborted) {
      const { status } = await flood.request('GET', '/api/v1/configmaps', { headers: { 'x-user': 'mallory', accept: forms[i % 3]! } });
      codes.set(status, (codes.get(status) ?? 0) + 1);
    }
  });
  const delays: number[] = [];
  for (let i = 0; i < 40; i++) {
    const started = performance.now();
    const { status, headers } = await small.request('GET', '/api/v1/namespaces/default/configmaps/m1', { headers: { 'x-user': 'alice' } });
    delays.push(performance.now() - started);
    expect(status).toBe(200);
    expect(headers).toHaveProperty('x-kubernetes-pf-flowschema-uid');
  }
  stop.abort();
  await Promise.all(lists);
  await Promise.all([flood.close(), small.close()]);
  await world.close();
  expect(Math.max(...delays)).toBeLessThan(1000); // the promise itself
  expect([...codes.keys()].sort()).toEqual([200, 429]);
});
