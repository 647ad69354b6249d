import { expect, test } from 'vitest';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { type Backoff, heldUntilMs, raised, recovered, restarts } from './restart.ts';

test.each([
  ['Always', undefined, 0, false, true],
  ['OnFailure', undefined, 0, false, false],
  ['OnFailure', undefined, 1, false, true],
  ['Never', undefined, 1, false, false],
  ['Never', 'OnFailure', 1, false, true],
  ['Always', 'Never', 0, false, false],
  ['Always', undefined, 0, true, false],
  ['Always', undefined, 1, true, true],
  ['Never', undefined, 1, true, false],
  ['Never', 'Always', 0, true, true],
])('pod %s, container %s, exit %i, init %s -> %s', (policy, own, exitCode, isInit, again) => {
  const pod = { metadata: {}, spec: { restartPolicy: policy, containers: [] } } as Pod;
  expect(restarts(pod, { name: 'c', ...(own ? { restartPolicy: own } : {}) }, exitCode, isInit)).toBe(again);
});

test('rules come before the policy', () => {
  const pod = { metadata: {}, spec: { restartPolicy: 'Never', containers: [] } } as Pod;
  const container = {
    name: 'c',
    restartPolicy: 'Never',
    restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
  };
  expect(restarts(pod, container, 42, false)).toBe(true);
  expect(restarts(pod, container, 1, false)).toBe(false);
});

test('the first restart is at once, then 10 s doubling to 5 min, and a good run clears it', () => {
  let backoff: Backoff | undefined;
  const waits: number[] = [];
  let now = 0;
  for (let i = 0; i < 8; i++) {
    const until = heldUntilMs(backoff, now);
    waits.push(((until ?? now) - now) / 1000);
    backoff = raised(backoff, now, until ?? now);
    now = until ?? now;
  }
  expect(waits).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
  expect(heldUntilMs(backoff, now + 601_000)).toBeUndefined();
  expect(raised(backoff, now + 601_000, now + 601_000).delayMs).toBe(10_000);
});

test('a restarted agent remembers by the count', () => {
  expect(recovered(0, 5)).toBeUndefined();
  expect(recovered(3, 5)).toEqual({ delayMs: 40_000, raisedAtMs: 5 });
});
