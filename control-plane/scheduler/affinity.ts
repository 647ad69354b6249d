// Inter-pod affinity and anti-affinity: topology pairs (label key and value of nodes) with the pods that match in them.
import type { Cluster } from './cluster.ts';
import { busy, type Check, type Filter, hopeless } from './filter.ts';
import type { AffinityTerm, PodInfo } from './pod-info.ts';

const AFFINITY = hopeless("node(s) didn't match pod affinity rules");
const ANTI_AFFINITY = busy("node(s) didn't match pod anti-affinity rules");
const EXISTING_ANTI_AFFINITY = busy("node(s) didn't satisfy existing pods anti-affinity rules");

function namespacesOf(term: AffinityTerm, cluster: Cluster): readonly string[] {
  if (!term.namespaceSelector) return term.namespaces;
  return [...new Set([...term.namespaces, ...cluster.surroundings.namespacesMatching(term.namespaceSelector)])].sort();
}

export const termMatchesPod = (term: AffinityTerm, pod: PodInfo, cluster: Cluster): boolean =>
  term.selector.matches(pod.labels) && namespacesOf(term, cluster).includes(pod.namespace);

/** Matching pods by the value which nodes have for the term's topology key. */
export function countsByTopology(term: AffinityTerm, cluster: Cluster): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [name, count] of cluster.matching(namespacesOf(term, cluster), term.selector, true)) {
    const value = cluster.nodes.get(name)?.labels[term.topologyKey];
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + count);
  }
  return counts;
}

/** `key=value` pairs in which a pod lives that wants none like this one near. */
function repellingPairs(pod: PodInfo, cluster: Cluster): Set<string> {
  const pairs = new Set<string>();
  for (const { pod: other, node } of cluster.antiAffine.values()) {
    const labels = cluster.nodes.get(node)?.labels;
    for (const term of other.antiAffinity) {
      const value = labels?.[term.topologyKey];
      if (value !== undefined && termMatchesPod(term, pod, cluster)) pairs.add(`${term.topologyKey}=${value}`);
    }
  }
  return pairs;
}

export const podAffinity: Filter = {
  name: 'InterPodAffinity',
  helpedBy: ['node', 'pod-gone', 'pod-new'],
  prepare(pod, cluster) {
    const repelling = repellingPairs(pod, cluster);
    if (pod.affinity.length === 0 && pod.antiAffinity.length === 0 && repelling.size === 0) return undefined;
    const wanted = pod.affinity.map((term) => ({ key: term.topologyKey, counts: countsByTopology(term, cluster) }));
    const unwanted = pod.antiAffinity.map((term) => ({ key: term.topologyKey, counts: countsByTopology(term, cluster) }));
    // The first of a group that wants to be together has nobody to go to: it may go anywhere.
    const first = wanted.every(({ counts }) => counts.size === 0) && pod.affinity.every((term) => termMatchesPod(term, pod, cluster));
    const check: Check = ({ labels }) => {
      if (wanted.some(({ key }) => labels[key] === undefined)) return AFFINITY;
      if (!first && wanted.some(({ key, counts }) => !counts.get(labels[key] as string))) return AFFINITY;
      if (unwanted.some(({ key, counts }) => labels[key] !== undefined && counts.get(labels[key] as string))) return ANTI_AFFINITY;
      if (repelling.size > 0) for (const key in labels) if (repelling.has(`${key}=${labels[key]}`)) return EXISTING_ANTI_AFFINITY;
      return undefined;
    };
    return check;
  },
};
