import { expect, test } from 'vitest';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { silentLogger } from '../../kit/run/index.ts';
import { announcement, delayOf } from './logind.ts';
import { NodeShutdown } from './node-shutdown.ts';
import { shutdownPlan } from './plan.ts';
import { checkShutdown, gracesOf, shutdownDefaults } from './settings.ts';

const pod = (uid: string, priority?: number, terminationGracePeriodSeconds?: number, phase = 'Running') =>
  ({ metadata: { uid, name: uid }, spec: { priority, terminationGracePeriodSeconds }, status: { phase } }) as unknown as Pod;
const CRITICAL = 2_000_001_000;
const byPriority = [100, 0, 1000].map((priority) => ({ priority, shutdownGracePeriodSeconds: priority / 100 }));

test.each([
  ['nothing set', {}, []],
  [
    'critical pods have their part',
    { shutdownGracePeriodMs: 30_000, shutdownGracePeriodCriticalPodsMs: 10_000 },
    [
      { priority: 0, seconds: 20 },
      { priority: 2_000_000_000, seconds: 10 },
    ],
  ],
  [
    'by priority, in any order',
    { shutdownGracePeriodByPodPriority: byPriority },
    [
      { priority: 0, seconds: 0 },
      { priority: 100, seconds: 1 },
      { priority: 1000, seconds: 10 },
    ],
  ],
])('groups: %s', (_, settings, graces) => {
  expect(gracesOf({ ...shutdownDefaults, ...settings })).toEqual(graces);
});

test.each([
  [{ shutdownGracePeriodMs: 500 }, 'field shutdownGracePeriodMs: must be 0 or at least 1000 milliseconds, is 500'],
  [{ shutdownGracePeriodMs: '30s' }, 'field shutdownGracePeriodMs: must be 0 or at least 1000 milliseconds, is "30s"'],
  [
    { shutdownGracePeriodCriticalPodsMs: 2000 },
    'field shutdownGracePeriodCriticalPodsMs: must be at most shutdownGracePeriodMs (0), is 2000',
  ],
  [{ shutdownGracePeriodByPodPriority: [{ priority: 1 }] }, /must be a list of \{ priority, shutdownGracePeriodSeconds \}/],
  [{ shutdownGracePeriodMs: 1000, shutdownGracePeriodByPodPriority: byPriority }, /cannot be set together with shutdownGracePeriodMs/],
])('%o is refused', (settings, why) => {
  expect(() => checkShutdown({ ...shutdownDefaults, ...settings })).toThrow(why);
});

test("pods end by priority, with the shorter of their own grace and their group's; who has ended is left alone", () => {
  const graces = [
    { priority: 10, seconds: 20 },
    { priority: 2_000_000_000, seconds: 5 },
  ];
  const pods = [
    pod('critical', CRITICAL, 60),
    pod('low', 1),
    pod('negative', -5, 3),
    pod('over', 20, 30, 'Succeeded'),
    pod('high', 1000, 30),
  ];
  const plan = shutdownPlan(graces, pods).map(({ seconds, pods: some }) => [
    seconds,
    some.map((p) => `${p.pod.metadata.uid} ${p.graceSeconds}`),
  ]);
  expect(plan).toEqual([
    [20, ['low 20', 'negative 3', 'high 20']],
    [5, ['critical 5']],
  ]);
  expect(shutdownPlan(graces, [pod('critical', CRITICAL)])).toHaveLength(1);
});

/** A node whose pods run until `die` is called for them, and a clock that moves when somebody waits. */
function bed(pods: Pod[], stubborn: readonly string[] = []) {
  const story: string[] = [];
  const alive = new Set(pods.map(({ metadata }) => metadata.uid ?? ''));
  let nowMs = 0;
  const shutdown = new NodeShutdown({
    graces: [
      { priority: 0, seconds: 2 },
      { priority: 2_000_000_000, seconds: 1 },
    ],
    pods: () => pods,
    running: async () => alive,
    end: (uid, { reason, graceSeconds }) => {
      story.push(`${nowMs} ${uid} ${reason} ${graceSeconds}`);
      if (!stubborn.includes(uid)) alive.delete(uid);
    },
    changed: () => story.push(`ready: ${shutdown.notReady.join() || 'yes'}`),
    tell: (_, message) => story.push(message),
    clock: {
      nowMs: () => nowMs,
      sleep: async (ms) => {
        nowMs += ms;
      },
    },
    log: silentLogger,
  });
  return { shutdown, story };
}

test('the node says so first, then ends the critical pods last', async () => {
  const { shutdown, story } = bed([pod('critical', CRITICAL), pod('a', 0), pod('b', 0)]);
  expect(shutdown.refusal()).toBeUndefined();
  await shutdown.begin();
  expect(story).toEqual([
    'Shutdown manager detected shutdown event',
    'ready: node is shutting down',
    '0 a Terminated 2',
    '0 b Terminated 2',
    '0 critical Terminated 1',
  ]);
  expect(shutdown.refusal()?.reason).toBe('NodeShutdown');
  shutdown.cancel();
  expect(shutdown.refusal()).toBeUndefined();
});

test("a pod that does not end holds the next group up for its group's time only; announced twice is once", async () => {
  const { shutdown, story } = bed([pod('stubborn', 0), pod('critical', CRITICAL)], ['stubborn']);
  await Promise.all([shutdown.begin(), shutdown.begin()]);
  expect(story.slice(2)).toEqual(['0 stubborn Terminated 2', '2000 critical Terminated 1']);
});

test.each([
  ['{"type":"signal","member":"PrepareForShutdown","payload":{"type":"b","data":[true]}}', true],
  ['{"type":"signal","member":"PrepareForShutdown","payload":{"type":"b","data":[false]}}', false],
  ['{"type":"signal","member":"SessionNew","payload":{"type":"so","data":["1","/x"]}}', undefined],
  ['Monitoring bus message stream.', undefined],
])('%s', (line, goesDown) => {
  expect(announcement(line)).toBe(goesDown);
});

test('how long logind waits', () => {
  expect([delayOf('t 5000000\n'), delayOf('Failed to get property')]).toEqual([5000, undefined]);
});
