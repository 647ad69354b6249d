// The status of a Deployment: counts, and the conditions Available, Progressing and ReplicaFailure. Pure.
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../../api/gen/types/apps.v1.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { findCondition, withCondition, withoutCondition } from '../shared/conditions.ts';
import { availableOf, maxUnavailableOf, replicasOf, sumOf } from './arithmetic.ts';

const NO_DEADLINE = 2 ** 31 - 1;

export const hasDeadline = (deployment: Deployment): boolean => (deployment.spec?.progressDeadlineSeconds ?? NO_DEADLINE) !== NO_DEADLINE;

export const conditionAt = (type: string, status: string, reason: string, message: string, nowMs: number): DeploymentCondition => ({
  type,
  status,
  lastUpdateTime: rfc3339(nowMs),
  lastTransitionTime: rfc3339(nowMs),
  reason,
  message,
});

/** Zeros are left out, as upstream's JSON does. */
const nonZero = (counts: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));

export function countsOf(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  all: readonly ReplicaSet[],
  nowMs: number,
): DeploymentStatus {
  const available = sumOf(all, availableOf);
  const enough = available >= replicasOf(deployment) - maxUnavailableOf(deployment);
  const availability = enough
    ? conditionAt('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', nowMs)
    : conditionAt('Available', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.', nowMs);
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    ...nonZero({
      replicas: sumOf(all, (set) => set.status?.replicas ?? 0),
      updatedReplicas: newSet?.status?.replicas ?? 0,
      readyReplicas: sumOf(all, (set) => set.status?.readyReplicas ?? 0),
      availableReplicas: available,
      unavailableReplicas: Math.max(0, sumOf(all, replicasOf) - available),
    }),
    terminatingReplicas: sumOf(all, (set) => set.status?.terminatingReplicas ?? 0),
    ...(deployment.status?.collisionCount === undefined ? {} : { collisionCount: deployment.status.collisionCount }),
    conditions: withCondition(deployment.status?.conditions, availability),
  };
}

export const isComplete = (deployment: Deployment, status: DeploymentStatus | undefined): boolean => {
  const wanted = replicasOf(deployment);
  const { updatedReplicas = 0, replicas = 0, availableReplicas = 0, observedGeneration = 0 } = status ?? {};
  return (
    updatedReplicas === wanted &&
    replicas === wanted &&
    availableReplicas === wanted &&
    observedGeneration >= (deployment.metadata.generation ?? 0)
  );
};

function isProgressing(before: DeploymentStatus | undefined, after: DeploymentStatus): boolean {
  const count = (status: DeploymentStatus | undefined, field: 'updatedReplicas' | 'replicas' | 'readyReplicas' | 'availableReplicas') =>
    status?.[field] ?? 0;
  const old = (status: DeploymentStatus | undefined) => count(status, 'replicas') - count(status, 'updatedReplicas');
  return (
    count(after, 'updatedReplicas') > count(before, 'updatedReplicas') ||
    old(after) < old(before) ||
    count(after, 'readyReplicas') > count(before, 'readyReplicas') ||
    count(after, 'availableReplicas') > count(before, 'availableReplicas')
  );
}

/** When the deadline passes, in milliseconds since the epoch; undefined: it does not run. */
function deadlineMs(deployment: Deployment, progressing: DeploymentCondition | undefined): number | undefined {
  if (!hasDeadline(deployment) || !progressing || progressing.reason === 'NewReplicaSetAvailable') return undefined;
  return (Date.parse(progressing.lastUpdateTime ?? '') || 0) + (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000;
}

/** The status after a step of a rollout. */
export function rolloutStatus(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  all: readonly ReplicaSet[],
  nowMs: number,
): DeploymentStatus {
  const status = countsOf(deployment, newSet, all, nowMs);
  const before = findCondition(deployment.status?.conditions, 'Progressing');
  let conditions = status.conditions ?? [];
  const settled = status.replicas === status.updatedReplicas && before?.reason === 'NewReplicaSetAvailable';
  if (!hasDeadline(deployment)) conditions = withoutCondition(conditions, 'Progressing');
  else if (!settled) conditions = progress(deployment, newSet, status, conditions, before, nowMs);
  const failed = (newSet ? [newSet, ...all] : all).flatMap((set) => findCondition(set.status?.conditions, 'ReplicaFailure') ?? [])[0];
  if (failed) {
    const { status: value, reason = '', message = '', lastTransitionTime } = failed;
    conditions = withCondition(conditions, {
      ...conditionAt('ReplicaFailure', value, reason, message, nowMs),
      ...(lastTransitionTime ? { lastTransitionTime, lastUpdateTime: lastTransitionTime } : {}),
    });
  } else conditions = withoutCondition(conditions, 'ReplicaFailure');
  return { ...status, conditions };
}

function progress(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  status: DeploymentStatus,
  conditions: DeploymentCondition[],
  before: DeploymentCondition | undefined,
  nowMs: number,
): DeploymentCondition[] {
  const what = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  if (isComplete(deployment, status))
    return withCondition(
      conditions,
      conditionAt('Progressing', 'True', 'NewReplicaSetAvailable', `${what} has successfully progressed.`, nowMs),
    );
  if (isProgressing(deployment.status, status)) {
    const next = conditionAt('Progressing', 'True', 'ReplicaSetUpdated', `${what} is progressing.`, nowMs);
    // Its time of update moves with each step: that is what the deadline runs from.
    const kept = before?.status === 'True' && before.lastTransitionTime ? { ...next, lastTransitionTime: before.lastTransitionTime } : next;
    return [...withoutCondition(conditions, 'Progressing'), kept];
  }
  const deadline = deadlineMs(deployment, findCondition(conditions, 'Progressing'));
  const timedOut = before?.reason === 'ProgressDeadlineExceeded' || (deadline !== undefined && deadline < nowMs);
  if (timedOut)
    return withCondition(
      conditions,
      conditionAt('Progressing', 'False', 'ProgressDeadlineExceeded', `${what} has timed out progressing.`, nowMs),
    );
  return conditions;
}

/** Milliseconds until the deadline must be looked at; undefined: it need not. */
export function deadlineCheckMs(deployment: Deployment, status: DeploymentStatus, nowMs: number): number | undefined {
  const progressing = findCondition(status.conditions, 'Progressing');
  if (isComplete(deployment, status) || progressing?.reason === 'ProgressDeadlineExceeded') return undefined;
  const deadline = deadlineMs(deployment, progressing);
  return deadline === undefined ? undefined : Math.max(0, deadline - nowMs) + 1000;
}

/** Pausing and resuming are conditions of their own, so that the deadline does not run meanwhile. Undefined: nothing to change. */
export function pausedConditions(deployment: Deployment, nowMs: number): DeploymentCondition[] | undefined {
  const before = findCondition(deployment.status?.conditions, 'Progressing');
  if (!hasDeadline(deployment) || before?.reason === 'ProgressDeadlineExceeded') return undefined;
  const told = before?.reason === 'DeploymentPaused';
  const paused = deployment.spec?.paused === true;
  if (paused === told) return undefined;
  const next = paused
    ? conditionAt('Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused', nowMs)
    : conditionAt('Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed', nowMs);
  return withCondition(deployment.status?.conditions, next);
}
