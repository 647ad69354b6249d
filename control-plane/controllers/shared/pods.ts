// What the state of a pod means to those that count pods.
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { conditionOf, isFinished } from '../../../kit/pods/index.ts';

/** Counts as a replica: neither finished nor being deleted. */
export const isActive = (pod: Pod): boolean => !isFinished(pod) && !pod.metadata.deletionTimestamp;

export const isTerminating = (pod: Pod): boolean => !isFinished(pod) && pod.metadata.deletionTimestamp !== undefined;

/** When the pod became ready, in milliseconds; undefined: it is not. */
export function readySinceMs(pod: Pod): number | undefined {
  const ready = conditionOf(pod, 'Ready');
  return ready?.status === 'True' ? Date.parse(ready.lastTransitionTime ?? '') || 0 : undefined;
}

/** Milliseconds until the pod counts as available: 0 it does, undefined it is not even ready. */
export function availableInMs(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  const since = readySinceMs(pod);
  if (since === undefined) return undefined;
  return minReadySeconds === 0 ? 0 : Math.max(0, since + minReadySeconds * 1000 - nowMs);
}

export const restartsOf = (pod: Pod): number =>
  (pod.status?.containerStatuses ?? []).reduce((most, { restartCount }) => Math.max(most, restartCount ?? 0), 0);
