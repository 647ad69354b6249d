// Which daemon pods to make and which to remove: keeping one a node, and rolling to a new template. Pure.
import type { DaemonSet, DaemonSetStatus } from '../../../api/gen/types/apps.v1.ts';
import type { Node, Pod } from '../../../api/gen/types/core.v1.ts';
import { isFinished, isReady } from '../../../kit/pods/index.ts';
import { scaledValue } from '../deployment/arithmetic.ts';
import { availableInMs } from '../shared/pods.ts';
import { fitsNode, isUpdated } from './pod.ts';

export interface DaemonWorld {
  set: DaemonSet;
  hash: string;
  nodes: readonly Node[];
  podsByNode: ReadonlyMap<string, readonly Pod[]>;
  nowMs: number;
}

export interface DaemonPlan {
  create: string[];
  delete: Pod[];
  /** Pods that ended; they are removed too, the failed ones with patience. */
  ended: { pod: Pod; node: string }[];
}

const nameOf = (node: Node): string => node.metadata.name ?? '';
const isAvailable = (pod: Pod, { set, nowMs }: DaemonWorld): boolean => availableInMs(pod, set.spec?.minReadySeconds ?? 0, nowMs) === 0;

/** Pods that run on a node before those that do not, then the older. */
const byAge = (a: Pod, b: Pod): number =>
  Number(!a.spec?.nodeName) - Number(!b.spec?.nodeName) ||
  ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1);

function limitsOf(set: DaemonSet, desired: number): { surge: number; unavailable: number } {
  const { maxSurge = 0, maxUnavailable = 1 } = set.spec?.updateStrategy?.rollingUpdate ?? {};
  const surge = scaledValue(maxSurge, desired, Math.ceil);
  const unavailable = scaledValue(maxUnavailable, desired, Math.ceil);
  return { surge, unavailable: desired > 0 && surge === 0 && unavailable === 0 ? 1 : unavailable };
}

/** One pod on each node that should have one; two only while surging. */
export function keepOneANode(world: DaemonWorld): DaemonPlan {
  const plan: DaemonPlan = { create: [], delete: [], ended: [] };
  const surges = world.set.spec?.updateStrategy?.type === 'RollingUpdate' && limitsOf(world.set, world.nodes.length).surge > 0;
  for (const node of world.nodes) {
    const { run, stay } = fitsNode(world.set, node);
    const pods = world.podsByNode.get(nameOf(node)) ?? [];
    if (run && pods.length === 0) plan.create.push(nameOf(node));
    else if (stay) tidyNode(world, nameOf(node), pods, surges, run, plan);
    else plan.delete.push(...pods.filter(({ metadata }) => !metadata.deletionTimestamp));
  }
  return plan;
}

function tidyNode(world: DaemonWorld, node: string, pods: readonly Pod[], surges: boolean, run: boolean, plan: DaemonPlan): void {
  const living = pods.filter(({ metadata }) => !metadata.deletionTimestamp);
  const ended = living.filter(isFinished);
  plan.ended.push(...ended.map((pod) => ({ pod, node })));
  const running = living.filter((pod) => !ended.includes(pod)).sort(byAge);
  if (!surges) {
    plan.delete.push(...running.slice(1));
    return;
  }
  if (running.length === 0 && run && ended.length === 0) plan.create.push(node);
  if (running.length <= 1) return;
  const fresh = running.filter((pod) => isUpdated(pod, world.set, world.hash));
  const old = running.filter((pod) => !isUpdated(pod, world.set, world.hash));
  plan.delete.push(...fresh.slice(1), ...old.slice(1));
  if (fresh[0] && old[0] && (!isReady(old[0]) || isAvailable(fresh[0], world))) plan.delete.push(old[0]);
}

/** The next step of a rolling update. */
export function roll(world: DaemonWorld): DaemonPlan {
  const desired = world.nodes.filter((node) => fitsNode(world.set, node).run).length;
  const { surge, unavailable } = limitsOf(world.set, desired);
  return surge > 0 ? rollBySurge(world, surge) : rollInPlace(world, unavailable);
}

interface OnNode {
  node: Node;
  fresh: Pod | undefined;
  old: Pod | undefined;
}

/** Undefined where there are more pods than one of each: they are tidied first. */
function onNode(world: DaemonWorld, node: Node): OnNode | undefined {
  const living = (world.podsByNode.get(nameOf(node)) ?? []).filter(({ metadata }) => !metadata.deletionTimestamp);
  const fresh = living.filter((pod) => isUpdated(pod, world.set, world.hash));
  const old = living.filter((pod) => !isUpdated(pod, world.set, world.hash));
  return fresh.length > 1 || old.length > 1 ? undefined : { node, fresh: fresh[0], old: old[0] };
}

const occupied = (world: DaemonWorld): Node[] => world.nodes.filter((node) => (world.podsByNode.get(nameOf(node))?.length ?? 0) > 0);

function rollInPlace(world: DaemonWorld, unavailableMax: number): DaemonPlan {
  let unavailable = 0;
  const broken: Pod[] = [];
  const candidates: Pod[] = [];
  for (const node of occupied(world)) {
    const pods = onNode(world, node);
    if (!pods || !pods.fresh === !pods.old) unavailable++;
    else if (pods.fresh) unavailable += isAvailable(pods.fresh, world) ? 0 : 1;
    else if (pods.old && !isAvailable(pods.old, world)) {
      broken.push(pods.old);
      unavailable++;
    } else if (pods.old) candidates.push(pods.old);
  }
  return { create: [], delete: [...broken, ...candidates.slice(0, Math.max(0, unavailableMax - unavailable))], ended: [] };
}

function rollBySurge(world: DaemonWorld, surgeMax: number): DaemonPlan {
  const plan: DaemonPlan = { create: [], delete: [], ended: [] };
  const candidates: string[] = [];
  let surging = 0;
  for (const node of occupied(world)) {
    const pods = onNode(world, node);
    if (!pods) surging++;
    if (!pods?.old) continue;
    const { run } = fitsNode(world.set, node);
    if (pods.fresh) {
      if (isAvailable(pods.fresh, world)) plan.delete.push(pods.old);
      else surging++;
    } else if (!run) plan.delete.push(pods.old);
    else if (!isAvailable(pods.old, world)) plan.create.push(nameOf(node));
    else candidates.push(nameOf(node));
  }
  plan.create.push(...candidates.slice(0, Math.max(0, surgeMax - surging)));
  return plan;
}

export function statusOf(world: DaemonWorld, collisionCount: number | undefined): DaemonSetStatus {
  const counts = { desired: 0, current: 0, misscheduled: 0, ready: 0, updated: 0, available: 0 };
  for (const node of world.nodes) {
    const pod = [...(world.podsByNode.get(nameOf(node)) ?? [])].filter(({ metadata }) => !metadata.deletionTimestamp).sort(byAge)[0];
    if (!fitsNode(world.set, node).run) {
      if (pod) counts.misscheduled++;
      continue;
    }
    counts.desired++;
    if (!pod) continue;
    counts.current++;
    if (isReady(pod)) counts.ready++;
    if (isAvailable(pod, world)) counts.available++;
    if (isUpdated(pod, world.set, world.hash)) counts.updated++;
  }
  const unavailable = counts.desired - counts.available;
  return {
    currentNumberScheduled: counts.current,
    numberMisscheduled: counts.misscheduled,
    desiredNumberScheduled: counts.desired,
    numberReady: counts.ready,
    observedGeneration: world.set.metadata.generation ?? 0,
    ...(counts.updated > 0 ? { updatedNumberScheduled: counts.updated } : {}),
    ...(counts.available > 0 ? { numberAvailable: counts.available } : {}),
    ...(unavailable > 0 ? { numberUnavailable: unavailable } : {}),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    ...(world.set.status?.conditions ? { conditions: world.set.status.conditions } : {}),
  };
}
