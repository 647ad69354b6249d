import { expect, test } from 'vitest';
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import type { PodDisruptionBudget } from '../../../api/gen/types/policy.v1.ts';
import { desiredHealthy, nextExpiryMs, statusOf } from './status.ts';

const NOW = Date.parse('2026-01-01T00:10:00Z');
const budget = (spec: PodDisruptionBudget['spec'], disruptedPods?: Record<string, string>): PodDisruptionBudget => ({
  metadata: { name: 'b', generation: 1 },
  spec: { ...spec },
  ...(disruptedPods ? { status: { disruptedPods } } : {}),
});
const pod = (name: string, ready = true): Pod => ({
  metadata: { name },
  status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});

test.each([
  [{ minAvailable: 2 }, 5, 2],
  [{ minAvailable: '34%' }, 3, 2],
  [{ maxUnavailable: 1 }, 3, 2],
  [{ maxUnavailable: '50%' }, 3, 1],
  [{ maxUnavailable: 5 }, 3, 0],
])('%j of %i pods wants %i healthy', (spec, expected, healthy) => {
  expect(desiredHealthy(budget(spec), expected)).toBe(healthy);
});

test('what is healthy beyond the wanted may go', () => {
  expect(statusOf(budget({ minAvailable: 1 }), [pod('a'), pod('b'), pod('c', false)], 3, NOW)).toMatchObject({
    disruptionsAllowed: 1,
    currentHealthy: 2,
    expectedPods: 3,
  });
  expect(statusOf(budget({ minAvailable: 0 }), [], 0, NOW)).toMatchObject({ disruptionsAllowed: 0 });
});

test('a pod that was let go does not count as healthy, for two minutes', () => {
  const status = statusOf(
    budget({ minAvailable: 1 }, { a: '2026-01-01T00:09:00Z', gone: '2026-01-01T00:09:00Z', b: '2026-01-01T00:07:00Z' }),
    [pod('a'), pod('b')],
    2,
    NOW,
  );
  expect(status.disruptedPods).toEqual({ a: '2026-01-01T00:09:00Z' });
  expect(status.currentHealthy).toBe(1);
  expect(nextExpiryMs(status, NOW)).toBe(60_000);
});
