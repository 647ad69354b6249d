// Which pods of lower priority would have to go so that a pod fits, and on which node this hurts least.
import type { Cluster } from './cluster.ts';
import type { Feasible } from './feasible.ts';
import { filters } from './filters.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

export interface Victims {
  node: string;
  pods: PodInfo[];
  /** How many of them no disruption budget allows to take. */
  violations: number;
}

/** Whether a budget forbids taking one more pod; pods already taken in this plan are counted by the caller's closure. */
export type ForbiddenBy = (pods: readonly PodInfo[]) => ReadonlySet<PodInfo>;

/** Nodes that are looked at, at most (upstream: 10 %, at least 100). */
const CANDIDATES_MAX = 100;

/**
 * Undefined: nothing can be done. Pods that are going already are among the victims: nobody else need go for what they leave. The cluster
 * is changed while looking, and put back.
 */
export function findVictims(pod: PodInfo, cluster: Cluster, result: Feasible, forbidden: ForbiddenBy): Victims | undefined {
  let found: Victims | undefined;
  let candidates = 0;
  for (const [name, refusal] of result.refused) {
    const node = cluster.nodes.get(name);
    if (!refusal.resolvable || !node) continue;
    const victims = victimsOn(pod, cluster, node, forbidden);
    if (!victims) continue;
    if (!found || hurtsLess(victims, found)) found = victims;
    if (++candidates >= CANDIDATES_MAX) break;
  }
  return found;
}

function victimsOn(pod: PodInfo, cluster: Cluster, node: NodeInfo, forbidden: ForbiddenBy): Victims | undefined {
  const lower = [...node.pods.values()].filter((other) => other.priority < pod.priority);
  if (lower.length === 0) return undefined;
  for (const other of lower) cluster.removePod(other.uid);
  const victims: PodInfo[] = [];
  let violations = 0;
  try {
    if (!fitsNow(pod, cluster, node)) return undefined;
    const protectedPods = forbidden(lower);
    // Each that can stay is let stay: those that a budget protects first, then the most important and oldest.
    const order = [...lower].sort((a, b) => Number(protectedPods.has(b)) - Number(protectedPods.has(a)) || moreImportant(a, b));
    for (const other of order) {
      cluster.addPod(other, node.name);
      if (fitsNow(pod, cluster, node)) continue;
      cluster.removePod(other.uid);
      victims.push(other);
      if (protectedPods.has(other)) violations++;
    }
    return { node: node.name, pods: victims.sort(moreImportant), violations };
  } finally {
    for (const other of lower) cluster.addPod(other, node.name);
  }
}

function fitsNow(pod: PodInfo, cluster: Cluster, node: NodeInfo): boolean {
  return filters.every((filter) => !filter.prepare(pod, cluster)?.(node));
}

/** It was asked to go for the sake of a more important one. */
export const goesForAnother = ({ pod: { metadata, status } }: PodInfo): boolean =>
  metadata.deletionTimestamp !== undefined &&
  status?.conditions?.some(({ type, status, reason }) => type === 'DisruptionTarget' && status === 'True' && reason === PREEMPTED) === true;

export const PREEMPTED = 'PreemptionByScheduler';

const startOf = (pod: PodInfo): string => pod.pod.status?.startTime ?? '9999';

/** Higher priority first, then the one that runs longer. */
function moreImportant(a: PodInfo, b: PodInfo): number {
  return b.priority - a.priority || (startOf(a) < startOf(b) ? -1 : startOf(a) > startOf(b) ? 1 : 0);
}

/** Upstream's order: fewer broken budgets, lower highest priority, lower sum, fewer pods, the highest started later. */
function hurtsLess(a: Victims, b: Victims): boolean {
  const sum = (v: Victims) => v.pods.reduce((total, pod) => total + pod.priority + 2 ** 31, 0);
  const differences = [
    a.violations - b.violations,
    (a.pods[0]?.priority ?? 0) - (b.pods[0]?.priority ?? 0),
    sum(a) - sum(b),
    a.pods.length - b.pods.length,
  ];
  const first = differences.find((difference) => difference !== 0);
  if (first !== undefined) return first < 0;
  return a.pods[0] !== undefined && b.pods[0] !== undefined && startOf(a.pods[0]) > startOf(b.pods[0]);
}
