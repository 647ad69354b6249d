// The list of scores is the documentation: each gives 0 to 100 to the nodes that fit, times its weight (upstream's weights).

import { termMatches, tolerates } from '../../kit/placement/index.ts';
import { countsByTopology, termMatchesPod } from './affinity.ts';
import type { Cluster } from './cluster.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo, SpreadTerm } from './pod-info.ts';
import { countsByDomain, inclusionOf } from './spread.ts';

export interface Score {
  readonly name: string;
  readonly weight: number;
  /** Undefined: the pod asks for nothing that this score looks at. The values come in the order of `nodes`. */
  prepare(pod: PodInfo, cluster: Cluster, nodes: readonly NodeInfo[]): number[] | undefined;
}

const MAX = 100;

/** Scales so that the largest becomes 100; `reverse`: it becomes 0. */
function scaled(values: number[], reverse: boolean): number[] {
  const most = Math.max(...values);
  if (most === 0) return values.map(() => (reverse ? MAX : 0));
  return values.map((value) => (reverse ? MAX - Math.floor((value * MAX) / most) : Math.floor((value * MAX) / most)));
}

const taintToleration: Score = {
  name: 'TaintToleration',
  weight: 3,
  prepare(pod, _cluster, nodes) {
    let any = false;
    const values = nodes.map(({ node }) => {
      const count = (node?.spec?.taints ?? []).filter(
        (taint) => taint.effect === 'PreferNoSchedule' && !pod.tolerations.some((t) => tolerates(t, taint)),
      ).length;
      any ||= count > 0;
      return count;
    });
    return any ? scaled(values, true) : undefined;
  },
};

const nodeAffinity: Score = {
  name: 'NodeAffinity',
  weight: 2,
  prepare(pod, _cluster, nodes) {
    const preferred = pod.pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution;
    if (!preferred || preferred.length === 0) return undefined;
    return scaled(
      nodes.map(({ node }) =>
        preferred.reduce((sum, { weight, preference }) => sum + (node && termMatches(preference, node) ? weight : 0), 0),
      ),
      false,
    );
  },
};

const leastAllocated: Score = {
  name: 'NodeResourcesFit',
  weight: 1,
  prepare: (pod, _cluster, nodes) =>
    nodes.map((node) => {
      const free = (allocatable: number | undefined, taken: number) =>
        !allocatable || taken > allocatable ? 0 : Math.floor(((allocatable - taken) * MAX) / allocatable);
      const cpu = free(node.allocatable['cpu'], node.scoredCpuMilli + pod.scored.cpuMilli);
      const memory = free(node.allocatable['memory'], node.scoredMemoryBytes + pod.scored.memoryBytes);
      return Math.floor((cpu + memory) / 2);
    }),
};

const balanced: Score = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  prepare: (pod, _cluster, nodes) =>
    nodes.map((node) => {
      const share = (name: string) => {
        const allocatable = node.allocatable[name] ?? 0;
        return allocatable === 0 ? 1 : Math.min(1, ((node.requested[name] ?? 0) + (pod.requests[name] ?? 0)) / allocatable);
      };
      return Math.floor((1 - Math.abs(share('cpu') - share('memory')) / 2) * MAX);
    }),
};

/** Without constraints of its own a pod is spread from its Service's and controller's others: over nodes and zones. */
function softTerms(pod: PodInfo, cluster: Cluster): readonly SpreadTerm[] {
  if (pod.spreadSoft.length > 0 || pod.spreadHard.length > 0) return pod.spreadSoft;
  const selector = cluster.surroundings.ownSelector(pod);
  if (!selector) return [];
  const term = (topologyKey: string, maxSkew: number): SpreadTerm => ({
    topologyKey,
    maxSkew,
    selector,
    minDomains: 1,
    honorAffinity: true,
    honorTaints: false,
  });
  return [term('kubernetes.io/hostname', 3), term('topology.kubernetes.io/zone', 5)];
}

const spread: Score = {
  name: 'PodTopologySpread',
  weight: 2,
  prepare(pod, cluster, nodes) {
    const terms = softTerms(pod, cluster);
    if (terms.length === 0) return undefined;
    const values = nodes.map(() => 0);
    for (const term of terms) {
      const own = term.topologyKey === 'kubernetes.io/hostname';
      const counts = own
        ? cluster.matching([pod.namespace], term.selector, false)
        : countsByDomain(pod, term, cluster, inclusionOf(pod, [term]));
      const weight = Math.log((own ? nodes.length : new Set(nodes.map((n) => n.labels[term.topologyKey])).size) + 2);
      nodes.forEach((node, i) => {
        const domain = own ? node.name : node.labels[term.topologyKey];
        if (domain !== undefined) values[i] = (values[i] as number) + (counts.get(domain) ?? 0) * weight + (term.maxSkew - 1);
      });
    }
    const most = Math.round(Math.max(...values));
    const least = Math.round(Math.min(...values));
    return values.map((value) => (most === 0 ? MAX : Math.floor((MAX * (most + least - Math.round(value))) / most)));
  },
};

const podAffinity: Score = {
  name: 'InterPodAffinity',
  weight: 2,
  prepare(pod, cluster, nodes) {
    const byPair = new Map<string, number>();
    const give = (key: string, value: string | undefined, weight: number) => {
      if (value !== undefined && weight !== 0) byPair.set(`${key}=${value}`, (byPair.get(`${key}=${value}`) ?? 0) + weight);
    };
    for (const [terms, sign] of [
      [pod.preferredAffinity, 1],
      [pod.preferredAntiAffinity, -1],
    ] as const)
      for (const term of terms)
        for (const [value, count] of countsByTopology(term, cluster)) give(term.topologyKey, value, sign * term.weight * count);
    // Those that are there have wishes too; one that must be near others is glad of each more (upstream: weight 1).
    for (const { pod: other, node } of cluster.affine.values()) {
      const labels = cluster.nodes.get(node)?.labels;
      const wishes = [
        ...other.affinity.map((term) => ({ term, weight: 1 })),
        ...other.preferredAffinity.map((term) => ({ term, weight: term.weight })),
        ...other.preferredAntiAffinity.map((term) => ({ term, weight: -term.weight })),
      ];
      for (const { term, weight } of wishes)
        if (termMatchesPod(term, pod, cluster)) give(term.topologyKey, labels?.[term.topologyKey], weight);
    }
    if (byPair.size === 0) return undefined;
    const keys = new Set([...byPair.keys()].map((pair) => pair.slice(0, pair.indexOf('='))));
    const values = nodes.map(({ labels }) => [...keys].reduce((sum, key) => sum + (byPair.get(`${key}=${labels[key]}`) ?? 0), 0));
    const least = Math.min(...values);
    const range = Math.max(...values) - least;
    return values.map((value) => (range === 0 ? 0 : Math.floor((MAX * (value - least)) / range)));
  },
};

/** Upstream's thresholds: an image below 23 MB says nothing, above 1 GB for each container nothing more. */
const MEGABYTE = 1024 * 1024;
const IMAGE_BYTES_MIN = 23 * MEGABYTE;
const IMAGE_BYTES_MAX = 1000 * MEGABYTE;

const imageLocality: Score = {
  name: 'ImageLocality',
  weight: 1,
  prepare(pod, cluster, nodes) {
    const images = pod.images.map((image) =>
      image.includes(':', image.lastIndexOf('/')) || image.includes('@') ? image : `${image}:latest`,
    );
    const sums = nodes.map(() => 0);
    for (const image of images) {
      const having = nodes.filter((node) => node.imageBytes.has(image)).length;
      if (having === 0) continue;
      nodes.forEach((node, i) => {
        sums[i] = (sums[i] as number) + ((node.imageBytes.get(image) ?? 0) * having) / cluster.nodes.size;
      });
    }
    if (sums.every((sum) => sum < IMAGE_BYTES_MIN)) return undefined;
    const most = IMAGE_BYTES_MAX * Math.max(1, images.length);
    return sums.map((sum) =>
      Math.floor((MAX * (Math.min(Math.max(sum, IMAGE_BYTES_MIN), most) - IMAGE_BYTES_MIN)) / (most - IMAGE_BYTES_MIN)),
    );
  },
};

const scores: readonly Score[] = [taintToleration, nodeAffinity, leastAllocated, spread, podAffinity, balanced, imageLocality];

/** The best of the nodes; among equals `random` (0 to 1) decides. */
export function best(pod: PodInfo, cluster: Cluster, nodes: readonly NodeInfo[], random: () => number): NodeInfo {
  if (nodes.length === 1) return nodes[0] as NodeInfo;
  const totals = new Float64Array(nodes.length);
  for (const score of scores) {
    const values = score.prepare(pod, cluster, nodes);
    values?.forEach((value, i) => {
      totals[i] = (totals[i] as number) + value * score.weight;
    });
  }
  let chosen = 0;
  let equals = 1;
  for (let i = 1; i < nodes.length; i++) {
    const difference = (totals[i] as number) - (totals[chosen] as number);
    if (difference > 0) [chosen, equals] = [i, 1];
    else if (difference === 0 && random() * ++equals < 1) chosen = i;
  }
  return nodes[chosen] as NodeInfo;
}
