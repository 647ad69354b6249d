// How many pods a disruption budget lets go. Pure.
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../../api/gen/types/policy.v1.ts';
import { isReady } from '../../../kit/pods/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';

/** A pod that was let go but is still there after so long counts again. */
const DISRUPTION_EXPIRES_MS = 120_000;

const isPercent = (value: number | string | undefined): value is string => typeof value === 'string' && value.endsWith('%');
const shareOf = (value: number | string, total: number): number =>
  isPercent(value) ? Math.ceil((Number(value.slice(0, -1)) * total) / 100) : Number(value);

/** Whether the owners' sizes must be known: a plain minAvailable looks at the pods alone. */
export const needsScale = ({ spec }: PodDisruptionBudget): boolean => spec?.maxUnavailable !== undefined || isPercent(spec?.minAvailable);

export function desiredHealthy({ spec }: PodDisruptionBudget, expected: number): number {
  if (spec?.maxUnavailable !== undefined) return Math.max(0, expected - shareOf(spec.maxUnavailable, expected));
  return shareOf(spec?.minAvailable ?? 0, expected);
}

export function statusOf(budget: PodDisruptionBudget, pods: readonly Pod[], expected: number, nowMs: number): PodDisruptionBudgetStatus {
  const disrupted = Object.entries(budget.status?.disruptedPods ?? {}).filter(([name, time]) => {
    const pod = pods.find(({ metadata }) => metadata.name === name);
    return pod && !pod.metadata.deletionTimestamp && Date.parse(time) + DISRUPTION_EXPIRES_MS > nowMs;
  });
  const gone = new Set(disrupted.map(([name]) => name));
  const healthy = pods.filter((pod) => !pod.metadata.deletionTimestamp && !gone.has(pod.metadata.name ?? '') && isReady(pod)).length;
  const wanted = desiredHealthy(budget, expected);
  const allowed = expected > 0 ? Math.max(0, healthy - wanted) : 0;
  const generation = budget.metadata.generation ?? 0;
  const before = budget.status?.conditions?.find(({ type }) => type === 'DisruptionAllowed');
  const status = allowed > 0 ? 'True' : 'False';
  return {
    observedGeneration: generation,
    ...(disrupted.length > 0 ? { disruptedPods: Object.fromEntries(disrupted) } : {}),
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy: wanted,
    expectedPods: expected,
    conditions: [
      {
        type: 'DisruptionAllowed',
        status,
        observedGeneration: generation,
        lastTransitionTime: before?.status === status ? before.lastTransitionTime : rfc3339(nowMs),
        reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods',
        message: '',
      },
    ],
  };
}

/** When the next entry of disruptedPods expires, in milliseconds from now. */
export function nextExpiryMs(status: PodDisruptionBudgetStatus, nowMs: number): number | undefined {
  const times = Object.values(status.disruptedPods ?? {}).map((time) => Date.parse(time) + DISRUPTION_EXPIRES_MS - nowMs);
  return times.length > 0 ? Math.max(0, Math.min(...times)) : undefined;
}
