// Whether a node has enough of what a pod requests left.
import type { Filter, Refusal } from './filter.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

const TOO_MANY: Refusal = { reasons: ['Too many pods'], resolvable: true };

function fits(pod: PodInfo, node: NodeInfo): Refusal | undefined {
  let reasons: string[] | undefined;
  let resolvable = true;
  if (node.pods.size + 1 > (node.allocatable['pods'] ?? 0)) reasons = [...TOO_MANY.reasons];
  for (const name in pod.requests) {
    const wanted = pod.requests[name] as number;
    const allocatable = node.allocatable[name] ?? 0;
    if (wanted === 0 || wanted <= allocatable - (node.requested[name] ?? 0)) continue;
    (reasons ??= []).push(`Insufficient ${name}`);
    // More than the whole node has: no victim could make room.
    if (wanted > allocatable) resolvable = false;
  }
  return reasons && { reasons, resolvable };
}

export const resources: Filter = {
  name: 'NodeResourcesFit',
  helpedBy: ['node', 'pod-gone'],
  prepare: (pod) => (node) => fits(pod, node),
};
