// The next steps of a StatefulSet: one ordinal after the other, updates from the top down. Pure.
import type { StatefulSet, StatefulSetStatus } from '../../../api/gen/types/apps.v1.ts';
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { isFinished, isReady } from '../../../kit/pods/index.ts';
import { REVISION_HASH } from '../shared/history.ts';
import { availableInMs } from '../shared/pods.ts';
import { ordinalOf } from './pod.ts';

export interface StatefulWorld {
  set: StatefulSet;
  pods: readonly Pod[];
  /** Names of ControllerRevisions. */
  currentRevision: string;
  updateRevision: string;
  nowMs: number;
}

export type Step = { do: 'create'; ordinal: number; revision: string } | { do: 'delete'; pod: Pod; why: 'failed' | 'scaled' | 'updated' };

const startOf = (set: StatefulSet): number => set.spec?.ordinals?.start ?? 0;
const isTerminating = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;
const isRunningAndReady = (pod: Pod): boolean => pod.status?.phase === 'Running' && isReady(pod);
const isHealthy = (pod: Pod | undefined): boolean => pod !== undefined && isRunningAndReady(pod) && !isTerminating(pod);
const isAvailable = (pod: Pod, { set, nowMs }: StatefulWorld): boolean =>
  isRunningAndReady(pod) && availableInMs(pod, set.spec?.minReadySeconds ?? 0, nowMs) === 0;

/** What a pod that is made now comes from: below the partition it is the current revision. */
function revisionFor(ordinal: number, { set, currentRevision, updateRevision }: StatefulWorld): string {
  if (set.spec?.updateStrategy?.type !== 'RollingUpdate') return updateRevision;
  const below = set.spec.updateStrategy.rollingUpdate?.partition ?? set.status?.currentReplicas ?? 0;
  return ordinal < startOf(set) + below ? currentRevision : updateRevision;
}

function sorted(world: StatefulWorld): { replicas: (Pod | undefined)[]; condemned: Pod[] } {
  const start = startOf(world.set);
  const replicas: (Pod | undefined)[] = Array.from({ length: world.set.spec?.replicas ?? 1 });
  const condemned: Pod[] = [];
  for (const pod of world.pods) {
    const ordinal = ordinalOf(world.set, pod);
    if (ordinal === undefined) continue;
    if (ordinal >= start && ordinal < start + replicas.length) replicas[ordinal - start] = pod;
    else condemned.push(pod);
  }
  condemned.sort((a, b) => (ordinalOf(world.set, b) ?? 0) - (ordinalOf(world.set, a) ?? 0));
  return { replicas, condemned };
}

export function stepsOf(world: StatefulWorld): Step[] {
  const ordered = world.set.spec?.podManagementPolicy !== 'Parallel';
  const { replicas, condemned } = sorted(world);
  const steps: Step[] = [];
  const start = startOf(world.set);
  for (const [i, pod] of replicas.entries()) {
    const ordinal = start + i;
    if (!pod) steps.push({ do: 'create', ordinal, revision: revisionFor(ordinal, world) });
    else if (isFinished(pod)) {
      // Only when it is gone may its name be used again.
      if (!isTerminating(pod)) steps.push({ do: 'delete', pod, why: 'failed' });
      if (ordered) return steps;
      continue;
    }
    if (ordered && (!pod || isTerminating(pod) || !isAvailable(pod, world))) return steps;
  }
  const unhealthy = [...replicas, ...[...condemned].reverse()].find((pod) => pod !== undefined && !isHealthy(pod));
  for (const pod of condemned) {
    if (isTerminating(pod)) {
      if (ordered) return steps;
      continue;
    }
    if (ordered && pod !== unhealthy && !isAvailable(pod, world)) return steps;
    steps.push({ do: 'delete', pod, why: 'scaled' });
    if (ordered) return steps;
  }
  if (world.set.spec?.updateStrategy?.type === 'OnDelete') return steps;
  return [...steps, ...updateStep(world, replicas)];
}

/** At most one: the highest ordinal that is not of the new revision, once all above it are healthy. */
function updateStep(world: StatefulWorld, replicas: readonly (Pod | undefined)[]): Step[] {
  const partition = world.set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  const lowest = Math.max(0, partition - startOf(world.set));
  for (let i = replicas.length - 1; i >= lowest; i--) {
    const pod = replicas[i];
    if (pod && pod.metadata.labels?.[REVISION_HASH] !== world.updateRevision && !isTerminating(pod))
      return [{ do: 'delete', pod, why: 'updated' }];
    if (!isHealthy(pod) || (pod && !isAvailable(pod, world))) return [];
  }
  return [];
}

export function statusOf(world: StatefulWorld, collisionCount: number): StatefulSetStatus {
  const { set, pods } = world;
  const created = pods.filter((pod) => pod.status?.phase);
  const of = (revision: string) => created.filter((pod) => !isTerminating(pod) && pod.metadata.labels?.[REVISION_HASH] === revision).length;
  const counts = {
    replicas: created.length,
    readyReplicas: pods.filter(isRunningAndReady).length,
    currentReplicas: of(world.currentRevision),
    updatedReplicas: of(world.updateRevision),
    availableReplicas: pods.filter((pod) => isAvailable(pod, world)).length,
  };
  const wanted = set.spec?.replicas ?? 1;
  const complete =
    set.spec?.updateStrategy?.type === 'RollingUpdate' &&
    [counts.updatedReplicas, counts.readyReplicas, counts.replicas].every((count) => count === wanted);
  const currentReplicas = complete ? counts.updatedReplicas : counts.currentReplicas;
  return {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: counts.replicas,
    ...(counts.readyReplicas > 0 ? { readyReplicas: counts.readyReplicas } : {}),
    ...(currentReplicas > 0 ? { currentReplicas } : {}),
    ...(counts.updatedReplicas > 0 ? { updatedReplicas: counts.updatedReplicas } : {}),
    currentRevision: complete ? world.updateRevision : world.currentRevision,
    updateRevision: world.updateRevision,
    collisionCount,
    availableReplicas: counts.availableReplicas,
    ...(set.status?.conditions ? { conditions: set.status.conditions } : {}),
  };
}
