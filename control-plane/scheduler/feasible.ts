// Which nodes a pod can go to, and upstream's sentence for why it cannot go anywhere.

import { namesOnlyOf } from '../../kit/placement/index.ts';
import type { Cluster } from './cluster.ts';
import type { Help, Refusal } from './filter.ts';
import { filters } from './filters.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

export interface Feasible {
  nodes: NodeInfo[];
  /** Refused nodes by name; empty when a problem forbids all nodes at once. */
  refused: Map<string, Refusal>;
  /** Forbids every node: a claim that is not there. */
  problem: string | undefined;
  helpedBy: Set<Help>;
}

/**
 * How many nodes are enough to choose among (upstream's rule: all of up to 100, then a share that falls
 * from 50 % by 1 % for each 125 nodes, at least 5 %).
 */
export function enoughNodes(total: number): number {
  if (total <= 100) return total;
  const percent = Math.max(5, 50 - Math.floor(total / 125));
  return Math.max(100, Math.floor((total * percent) / 100));
}

/** `start` rotates where the search begins, so that all nodes of a large cluster get their turn. */
export function feasibleNodes(pod: PodInfo, cluster: Cluster, start: number): Feasible {
  const result: Feasible = { nodes: [], refused: new Map(), problem: cluster.surroundings.volumes(pod)?.problem, helpedBy: new Set() };
  if (result.problem !== undefined) {
    result.helpedBy.add('volume');
    return result;
  }
  const checks = filters.flatMap((filter) => {
    const check = filter.prepare(pod, cluster);
    return check ? [{ filter, check }] : [];
  });
  const all = [...cluster.nodes.values()];
  const only = namesOnlyOf(pod.pod);
  const enough = enoughNodes(all.length);
  for (let i = 0; i < all.length && result.nodes.length < enough; i++) {
    const node = all[(start + i) % all.length] as NodeInfo;
    if (only && !only.has(node.name)) {
      result.refused.set(node.name, NOT_NAMED);
      result.helpedBy.add('node');
      continue;
    }
    const refusal = firstRefusal(node, checks, result.helpedBy);
    if (refusal) result.refused.set(node.name, refusal);
    else result.nodes.push(node);
  }
  return result;
}

const NOT_NAMED: Refusal = { reasons: ["node(s) didn't satisfy plugin(s) [NodeAffinity]"], resolvable: false };

function firstRefusal(
  node: NodeInfo,
  checks: readonly { filter: (typeof filters)[number]; check: (node: NodeInfo) => Refusal | undefined }[],
  helpedBy: Set<Help>,
): Refusal | undefined {
  for (const { filter, check } of checks) {
    const refusal = check(node);
    if (!refusal) continue;
    for (const help of filter.helpedBy) helpedBy.add(help);
    return refusal;
  }
  return undefined;
}

/** `3 Insufficient cpu, 1 node(s) were unschedulable`, sorted as text. */
function histogram(reasons: Iterable<string>): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort(byBytes)
    .join(', ');
}

const byBytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Why no node fits. `preemption` is what was found when looking for victims. */
export function explain(total: number, result: Feasible, preemption: string): string {
  if (total === 0) return 'no nodes available to schedule pods';
  const reasons = result.problem ?? histogram([...result.refused.values()].flatMap((refusal) => refusal.reasons));
  return `0/${total} nodes are available: ${reasons}. preemption: ${preemption}`;
}

/** The sentence of a search for victims that found none. */
export function explainNoVictims(total: number, result: Feasible): string {
  let resolvable = 0;
  for (const refusal of result.refused.values()) if (refusal.resolvable) resolvable++;
  const reasons = [
    ...Array<string>(resolvable).fill('No preemption victims found for incoming pod'),
    ...Array<string>(total - resolvable).fill('Preemption is not helpful for scheduling'),
  ];
  return `0/${total} nodes are available: ${histogram(reasons)}.`;
}
