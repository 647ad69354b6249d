// The status of a ReplicaSet (or ReplicationController) from the pods it has.
import type { ReplicaSetCondition, ReplicaSetStatus } from '../../../api/gen/types/apps.v1.ts';
import type { Pod, PodTemplateSpec } from '../../../api/gen/types/core.v1.ts';
import { labelsMatch } from '../../../api/meta/index.ts';
import { isReady } from '../../../kit/pods/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { findCondition, withCondition, withoutCondition } from '../shared/conditions.ts';
import { availableInMs, isActive, isTerminating } from '../shared/pods.ts';

export interface Counted {
  replicas: number;
  template: PodTemplateSpec | undefined;
  minReadySeconds: number;
  generation: number | undefined;
  before: ReplicaSetStatus | undefined;
}

/** `failure`: why pods could not be made or removed. `nextMs`: when a pod becomes available just by time passing. */
export function statusOf(
  set: Counted,
  pods: readonly Pod[],
  failure: string | undefined,
  nowMs: number,
): { status: ReplicaSetStatus; nextMs: number | undefined } {
  const active = pods.filter(isActive);
  const fullyLabeled = active.filter((pod) => labelsMatch(set.template?.metadata?.labels ?? {}, pod.metadata.labels)).length;
  const ready = active.filter(isReady).length;
  const waits = active.flatMap((pod) => availableInMs(pod, set.minReadySeconds, nowMs) ?? []);
  const available = waits.filter((ms) => ms === 0).length;
  const pending = waits.filter((ms) => ms > 0);
  const conditions = failureCondition(set.before?.conditions, failure, active.length - set.replicas, nowMs);
  const status: ReplicaSetStatus = {
    replicas: active.length,
    ...(fullyLabeled > 0 ? { fullyLabeledReplicas: fullyLabeled } : {}),
    ...(ready > 0 ? { readyReplicas: ready } : {}),
    ...(available > 0 ? { availableReplicas: available } : {}),
    terminatingReplicas: pods.filter(isTerminating).length,
    ...(set.generation === undefined ? {} : { observedGeneration: set.generation }),
    ...(conditions.length > 0 ? { conditions } : {}),
  };
  return { status, nextMs: pending.length > 0 ? Math.min(...pending) : undefined };
}

function failureCondition(
  before: ReplicaSetCondition[] | undefined,
  failure: string | undefined,
  surplus: number,
  nowMs: number,
): ReplicaSetCondition[] {
  if (failure === undefined) return withoutCondition(before, 'ReplicaFailure');
  if (findCondition(before, 'ReplicaFailure')) return before ?? [];
  const reason = surplus < 0 ? 'FailedCreate' : 'FailedDelete';
  return withCondition(before, { type: 'ReplicaFailure', status: 'True', reason, message: failure, lastTransitionTime: rfc3339(nowMs) });
}
