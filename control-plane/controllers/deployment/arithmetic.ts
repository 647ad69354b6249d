// How many pods each ReplicaSet of a Deployment may have: surge, unavailability, proportions. Pure.
import type { Deployment, ReplicaSet } from '../../../api/gen/types/apps.v1.ts';

export const DESIRED = 'deployment.kubernetes.io/desired-replicas';
export const MAXIMUM = 'deployment.kubernetes.io/max-replicas';

export const REVISION = 'deployment.kubernetes.io/revision';

/** The number of the template that an object has, of 64 bits; 0: none yet. */
export function revisionOf(object: { metadata: { annotations?: Record<string, string> } }): bigint {
  const text = object.metadata.annotations?.[REVISION] ?? '';
  const revision = /^[+-]?[0-9]{1,19}$/.test(text) ? BigInt(text.replace('+', '')) : 0n;
  return BigInt.asIntN(64, revision) === revision ? revision : 0n;
}

/** A size that a ReplicaSet should get. */
export interface Resize {
  set: ReplicaSet;
  replicas: number;
}

export const replicasOf = (object: { spec?: { replicas?: number } }): number => object.spec?.replicas ?? 1;
export const availableOf = (set: ReplicaSet): number => set.status?.availableReplicas ?? 0;
export const sumOf = <T>(items: readonly T[], of: (item: T) => number): number => items.reduce((sum, item) => sum + of(item), 0);

const isRolling = (deployment: Deployment): boolean => deployment.spec?.strategy?.type !== 'Recreate';

/** `25%` of `total`, or the plain number. */
export function scaledValue(value: number | string | undefined, total: number, round: (value: number) => number): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  return value.endsWith('%') ? round((Number(value.slice(0, -1)) * total) / 100) : Number(value);
}

/** Surge rounds up, unavailable rounds down; were both zero nothing could move, so one may be unavailable. */
export function fenceposts(deployment: Deployment): { surge: number; unavailable: number } {
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment.spec?.strategy?.rollingUpdate ?? {};
  const total = replicasOf(deployment);
  const surge = scaledValue(maxSurge, total, Math.ceil);
  const unavailable = scaledValue(maxUnavailable, total, Math.floor);
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

export const maxSurgeOf = (deployment: Deployment): number => (isRolling(deployment) ? fenceposts(deployment).surge : 0);

export function maxUnavailableOf(deployment: Deployment): number {
  const total = replicasOf(deployment);
  return !isRolling(deployment) || total === 0 ? 0 : Math.min(fenceposts(deployment).unavailable, total);
}

/** The size of the new set, as far as the surge lets it grow now. */
export function newSetReplicas(deployment: Deployment, all: readonly ReplicaSet[], now: number): number {
  const wanted = replicasOf(deployment);
  if (!isRolling(deployment)) return wanted;
  const room = wanted + maxSurgeOf(deployment) - sumOf(all, replicasOf);
  return room <= 0 ? now : now + Math.min(room, wanted - now);
}

export const byRevision = (a: ReplicaSet, b: ReplicaSet): number => compare(revisionOf(a), revisionOf(b));

/** Oldest first; of one second the lower revision, since times are whole seconds. */
export const byCreation = (a: ReplicaSet, b: ReplicaSet): number =>
  compare(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') ||
  byRevision(a, b) ||
  compare(a.metadata.name ?? '', b.metadata.name ?? '');
const compare = <T extends string | bigint>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * How old sets shrink now: unhealthy pods first, then as many healthy ones as the new set's available pods make
 * superfluous. Never below the least number of available pods.
 */
export function shrinkOldSets(deployment: Deployment, newSet: ReplicaSet, old: readonly ReplicaSet[]): Resize[] {
  const sets = [...old].sort(byCreation);
  const leastAvailable = replicasOf(deployment) - maxUnavailableOf(deployment);
  const newUnavailable = replicasOf(newSet) - availableOf(newSet);
  let mayGo = sumOf([...sets, newSet], replicasOf) - leastAvailable - newUnavailable;
  if (sumOf(sets, replicasOf) === 0 || mayGo <= 0) return [];
  const sizes = new Map(sets.map((set) => [set, replicasOf(set)]));
  const take = (set: ReplicaSet, count: number) => sizes.set(set, (sizes.get(set) ?? 0) - count);
  for (const set of sets) {
    const unhealthy = Math.min(mayGo, Math.max(0, replicasOf(set) - availableOf(set)));
    take(set, unhealthy);
    mayGo -= unhealthy;
  }
  let superfluous = sumOf([...sets, newSet], availableOf) - leastAvailable;
  for (const set of sets) {
    const healthy = Math.min(Math.max(0, superfluous), sizes.get(set) ?? 0);
    take(set, healthy);
    superfluous -= healthy;
  }
  return sets.flatMap((set) => (sizes.get(set) === replicasOf(set) ? [] : [{ set, replicas: sizes.get(set) ?? 0 }]));
}

/** Scaling in the middle of a rollout: each active set gets its share, the rest goes to the largest. */
export function proportionalSizes(deployment: Deployment, active: readonly ReplicaSet[]): Resize[] {
  const wanted = replicasOf(deployment);
  const allowed = wanted > 0 ? wanted + maxSurgeOf(deployment) : 0;
  const toAdd = allowed - sumOf(active, replicasOf);
  const newerFirst = toAdd > 0 ? -1 : 1;
  const sets = [...active].sort((a, b) => replicasOf(b) - replicasOf(a) || newerFirst * byCreation(a, b));
  let added = 0;
  const sizes = sets.map((set) => {
    const share = shareOf(set, deployment, toAdd, added);
    added += share;
    return { set, replicas: replicasOf(set) + share };
  });
  const largest = sizes[0];
  if (largest && toAdd !== 0) largest.replicas = Math.max(0, largest.replicas + toAdd - added);
  return sizes;
}

function shareOf(set: ReplicaSet, deployment: Deployment, toAdd: number, added: number): number {
  if (replicasOf(set) === 0 || toAdd === 0 || toAdd === added) return 0;
  const fraction = fractionOf(set, deployment);
  return toAdd > 0 ? Math.min(fraction, toAdd - added) : Math.max(fraction, toAdd - added);
}

function fractionOf(set: ReplicaSet, deployment: Deployment): number {
  const now = replicasOf(set);
  if (replicasOf(deployment) === 0) return -now;
  // What the whole was when the set got its present size.
  const before = Number(set.metadata.annotations?.[MAXIMUM]) || deployment.status?.replicas || 0;
  if (before === 0) return 0;
  return Math.round((now * (replicasOf(deployment) + maxSurgeOf(deployment))) / before) - now;
}
