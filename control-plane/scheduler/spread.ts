// Topology spread constraints that must hold: the skew between the domains of a key stays within bounds.

import { requiredOf, untolerated } from '../../kit/placement/index.ts';
import type { Cluster } from './cluster.ts';
import { busy, type Filter, hopeless } from './filter.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo, SpreadTerm } from './pod-info.ts';

const NO_MATCH = busy("node(s) didn't match pod topology spread constraints");
const NO_LABEL = hopeless("node(s) didn't match pod topology spread constraints (missing required label)");

/** Which nodes make up the domains of a constraint. */
export function inclusionOf(pod: PodInfo, terms: readonly SpreadTerm[]): (node: NodeInfo, term: SpreadTerm) => boolean {
  const required = requiredOf(pod.pod);
  return (info, term) => {
    const { node } = info;
    if (!node || terms.some(({ topologyKey }) => info.labels[topologyKey] === undefined)) return false;
    if (term.honorAffinity && required && !required(node)) return false;
    return !term.honorTaints || !untolerated(node.spec?.taints ?? [], pod.tolerations, ['NoSchedule', 'NoExecute']);
  };
}

/** Matching pods by domain; domains without any are there with 0. */
export function countsByDomain(
  pod: PodInfo,
  term: SpreadTerm,
  cluster: Cluster,
  includes: (node: NodeInfo, term: SpreadTerm) => boolean,
): Map<string, number> {
  const matching = cluster.matching([pod.namespace], term.selector, false);
  const counts = new Map<string, number>();
  for (const node of cluster.nodes.values()) {
    if (!includes(node, term)) continue;
    const domain = node.labels[term.topologyKey] as string;
    counts.set(domain, (counts.get(domain) ?? 0) + (matching.get(node.name) ?? 0));
  }
  return counts;
}

export const topologySpread: Filter = {
  name: 'PodTopologySpread',
  helpedBy: ['node', 'pod-gone', 'pod-new'],
  prepare(pod, cluster) {
    if (pod.spreadHard.length === 0) return undefined;
    const includes = inclusionOf(pod, pod.spreadHard);
    const constraints = pod.spreadHard.map((term) => {
      const counts = countsByDomain(pod, term, cluster, includes);
      // Fewer domains than asked for: the missing ones count as empty.
      const least = counts.size < term.minDomains ? 0 : Math.min(...counts.values());
      return { term, counts, least, self: term.selector.matches(pod.labels) ? 1 : 0 };
    });
    return ({ labels }) => {
      for (const { term, counts, least, self } of constraints) {
        const domain = labels[term.topologyKey];
        if (domain === undefined) return NO_LABEL;
        if ((counts.get(domain) ?? 0) + self - least > term.maxSkew) return NO_MATCH;
      }
      return undefined;
    };
  },
};
