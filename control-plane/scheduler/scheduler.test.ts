import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Node } from '../../api/gen/types/core.v1.ts';
import type { Clock } from '../../kit/run/index.ts';
import { Cluster } from './cluster.ts';
import { podInfoOf } from './pod-info.ts';
import { Scheduler, type SchedulerParts } from './scheduler.ts';

/** More than one pass over two pods takes. */
const TURNS = 8;

/** Time goes on when a sleeper wakes and, as on a busy machine, between two looks at the clock: after look number `jumpAfter`. */
function jumpingClock(jumpAfter: number, jumpMs: number) {
  let nowMs = 0;
  let looks = 0;
  const sleepers = new Map<() => void, number>();
  const clock: Clock = {
    nowMs() {
      const seen = nowMs;
      if (++looks === jumpAfter) nowMs += jumpMs;
      return seen;
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        sleepers.set(resolve, nowMs + ms);
        signal?.addEventListener('abort', () => {
          sleepers.delete(resolve);
          reject(signal.reason);
        });
      }),
  };
  /** Wakes who is to be woken until then. */
  const advanceTo = async (endMs: number) => {
    for (;;) {
      // deciding gives the event loop back now and then, after each pod at the latest
      for (let turn = 0; turn < TURNS; turn++) await setImmediate();
      const [next] = [...sleepers].sort(([, a], [, b]) => a - b);
      if (!next || next[1] > endMs) return;
      nowMs = Math.max(nowMs, next[1]);
      sleepers.delete(next[0]);
      next[0]();
    }
  };
  return { clock, advanceTo };
}

function setup(clock: Clock) {
  const bound: string[] = [];
  const deleted: string[] = [];
  const promised: string[] = [];
  const stop = new AbortController();
  const cluster = new Cluster({
    namespacesMatching: () => [],
    ownSelector: () => undefined,
    volumes: () => undefined,
    exclusiveClaims: () => [],
    tooManyVolumes: () => undefined,
  });
  const node = (spec: Node['spec']): Node => ({
    metadata: { name: 'node-1' },
    spec,
    status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110' } },
  });
  const parts = {
    cluster,
    clock,
    events: { record: () => {} },
    forbidden: () => new Set(),
    log: { error: () => {}, warn: () => {}, debug: () => {} },
    signal: stop.signal,
    current: ({ pod }: { pod: unknown }) => pod,
    volumes: { bind: async () => {} },
    client: {
      create: async (_: unknown, __: unknown, { name }: { name: string }) => void bound.push(name),
      patch: async (_: unknown, name: string, __: unknown, { status }: { status: { nominatedNodeName?: string | null } }) =>
        void (status.nominatedNodeName && promised.push(name)),
      delete: async (_: unknown, name: string) => void deleted.push(name),
    },
  } as unknown as SchedulerParts;
  const scheduler = new Scheduler(parts);
  const nodeBecomes = (spec: Node['spec']) => {
    cluster.setNode(node(spec));
    scheduler.happened('node');
  };
  const add = (name: string) => scheduler.add(podInfoOf({ metadata: { namespace: 'n', name, uid: name }, spec: { containers: [] } }));
  return { bound, cluster, deleted, promised, nodeBecomes, add, scheduler, stop: () => stop.abort(new Error('the test is over')) };
}

const CORDONED = { unschedulable: true, taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] } as const;

// Uncordoned, the node has still the taint when the pods are tried again; nothing more happens after the taint went.
test.each(Array.from({ length: 40 }, (_, look) => look))(
  'pods of a drained node get back there, whenever time goes on: look %i',
  async (look) => {
    for (const jumpMs of [1, 5, 60, 200]) {
      const { clock, advanceTo } = jumpingClock(look, jumpMs);
      const { add, bound, nodeBecomes, stop } = setup(clock);
      nodeBecomes({ ...CORDONED, taints: [...CORDONED.taints] });
      add('a');
      await advanceTo(3);
      add('b');
      await advanceTo(1000);
      nodeBecomes({ taints: [...CORDONED.taints] });
      await advanceTo(1001);
      nodeBecomes({});
      await advanceTo(2000);
      expect(bound.sort(), `${jumpMs} ms`).toEqual(['a', 'b']);
      stop();
    }
  },
);

const PRIORITIES = { low: 1, medium: 2, high: 3 } as const;
const ofPriority = (name: keyof typeof PRIORITIES, number: number, more: object = {}) =>
  podInfoOf({
    metadata: { namespace: 'n', name: `${name}-${number}`, uid: `${name}-${number}`, ...more },
    spec: { priority: PRIORITIES[name], containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }] },
  });
const four = [0, 1, 2, 3];

test('each preemptor has a victim of its own, though the cache shows none of them going yet', async () => {
  const { clock, advanceTo } = jumpingClock(0, 0);
  const { cluster, deleted, nodeBecomes, scheduler, stop } = setup(clock);
  nodeBecomes({});
  for (const i of four) cluster.addPod(ofPriority('low', i), 'node-1');
  for (const i of four) scheduler.add(ofPriority('medium', i));
  await advanceTo(100);
  expect([...new Set(deleted)].sort()).toEqual(four.map((i) => `low-${i}`));
  stop();
});

test('what goes already is promised to the more important, who take nobody else; the others get what these leave', async () => {
  const { clock, advanceTo } = jumpingClock(0, 0);
  const { bound, cluster, deleted, nodeBecomes, promised, scheduler, stop } = setup(clock);
  nodeBecomes({});
  for (const i of four) cluster.addPod(ofPriority('low', i, { deletionTimestamp: '2026-01-01T00:00:00Z' }), 'node-1');
  for (const i of four) scheduler.add(ofPriority('medium', i));
  await advanceTo(100);
  for (const i of [0, 1]) scheduler.add(ofPriority('high', i));
  await advanceTo(200);
  expect(new Set(promised)).toEqual(new Set([...four.map((i) => `medium-${i}`), 'high-0', 'high-1']));
  expect(deleted).toEqual([]);
  for (const i of four) cluster.removePod(`low-${i}`);
  scheduler.happened('pod-gone');
  await advanceTo(100_000);
  expect(bound.sort()).toEqual(['high-0', 'high-1', expect.stringMatching('medium'), expect.stringMatching('medium')]);
  stop();
});
