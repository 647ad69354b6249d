// What the scheduler needs of a pod, computed once: requests as numbers, ports, selectors and affinity terms ready to match.
import type { Affinity, Pod, PodAffinityTerm, Toleration, TopologySpreadConstraint } from '../../api/gen/types/core.v1.ts';
import {
  type LabelSelector,
  type Labels,
  parseQuantity,
  type Selector,
  selectorFrom,
  selectorOf,
  toInteger,
  toMilli,
} from '../../api/meta/index.ts';
import { type HostPort, hostPortsOf } from '../../kit/placement/index.ts';
import { isSidecar } from '../../kit/pods/index.ts';

/** Amounts by resource name: cpu in thousandths, all else in whole units (bytes, pieces). */
export type Amounts = Readonly<Record<string, number>>;

/** What scores assume for a container without requests (upstream: 100m and 200 MiB). */
const ASSUMED_CPU_MILLI = 100;
const ASSUMED_MEMORY_BYTES = 200 * 1024 * 1024;

export interface AffinityTerm {
  selector: Selector;
  topologyKey: string;
  /** Undefined: the namespaces that `namespaceSelector` selects. */
  namespaces: readonly string[];
  namespaceSelector: Selector | undefined;
  weight: number;
}

export interface SpreadTerm {
  maxSkew: number;
  topologyKey: string;
  selector: Selector;
  minDomains: number;
  honorAffinity: boolean;
  honorTaints: boolean;
}

export interface PodInfo {
  readonly pod: Pod;
  readonly key: string;
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly priority: number;
  readonly requests: Amounts;
  /** cpu and memory as scores see them. */
  readonly scored: { cpuMilli: number; memoryBytes: number };
  readonly hostPorts: readonly HostPort[];
  readonly tolerations: readonly Toleration[];
  readonly images: readonly string[];
  /** Names of the claims behind its volumes, those made from templates included. */
  readonly claims: readonly string[];
  readonly affinity: readonly AffinityTerm[];
  readonly antiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly AffinityTerm[];
  readonly preferredAntiAffinity: readonly AffinityTerm[];
  readonly spreadHard: readonly SpreadTerm[];
  readonly spreadSoft: readonly SpreadTerm[];
}

export function podInfoOf(pod: Pod): PodInfo {
  const spec = pod.spec ?? { containers: [] };
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const affinity: Affinity = spec.affinity ?? {};
  const spread = spec.topologySpreadConstraints ?? [];
  const term = (of: PodAffinityTerm, weight = 0) => affinityTermOf(of, pod, weight);
  const namespace = pod.metadata.namespace ?? '';
  const name = pod.metadata.name ?? '';
  return {
    pod,
    key: `${namespace}/${name}`,
    uid: pod.metadata.uid ?? '',
    name,
    namespace,
    labels: pod.metadata.labels ?? {},
    priority: spec.priority ?? 0,
    requests: requestsOf(pod),
    scored: scoredOf(pod),
    hostPorts: hostPortsOf(containers),
    tolerations: spec.tolerations ?? [],
    images: containers.flatMap((container) => (container.image ? [container.image] : [])),
    claims: claimsOf(pod),
    affinity: (affinity.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((t) => term(t)),
    antiAffinity: (affinity.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((t) => term(t)),
    preferredAffinity: (affinity.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((w) =>
      term(w.podAffinityTerm, w.weight),
    ),
    preferredAntiAffinity: (affinity.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((w) =>
      term(w.podAffinityTerm, w.weight),
    ),
    spreadHard: spread.filter((c) => c.whenUnsatisfiable !== 'ScheduleAnyway').map((c) => spreadTermOf(c, pod)),
    spreadSoft: spread.filter((c) => c.whenUnsatisfiable === 'ScheduleAnyway').map((c) => spreadTermOf(c, pod)),
  };
}

const amountOf = (name: string, quantity: string): number =>
  Number(name === 'cpu' ? toMilli(parseQuantity(quantity)) : toInteger(parseQuantity(quantity)));

/** Parses a resource list. */
export function amountsOf(list: Readonly<Record<string, string>> | undefined): Record<string, number> {
  const amounts: Record<string, number> = {};
  for (const name in list) amounts[name] = amountOf(name, list[name] as string);
  return amounts;
}

function addTo(sum: Record<string, number>, more: Amounts): void {
  for (const name in more) sum[name] = (sum[name] ?? 0) + (more[name] as number);
}

function raiseTo(sum: Record<string, number>, least: Amounts): void {
  for (const name in least) sum[name] = Math.max(sum[name] ?? 0, least[name] as number);
}

/**
 * What the pod takes of a node: the larger of its containers with sidecars and of each init container with the
 * sidecars started before it; requests of the pod as a whole win; plus overhead.
 */
export function requestsOf(pod: Pod): Record<string, number> {
  const spec = pod.spec ?? { containers: [] };
  const total: Record<string, number> = {};
  for (const container of spec.containers) addTo(total, amountsOf(container.resources?.requests));
  const sidecars: Record<string, number> = {};
  const starting: Record<string, number> = {};
  for (const container of spec.initContainers ?? []) {
    const requests = amountsOf(container.resources?.requests);
    if (isSidecar(container)) {
      addTo(sidecars, requests);
      addTo(total, requests);
      raiseTo(starting, sidecars);
    } else {
      const together = { ...requests };
      addTo(together, sidecars);
      raiseTo(starting, together);
    }
  }
  raiseTo(total, starting);
  Object.assign(total, amountsOf(spec.resources?.requests));
  addTo(total, amountsOf(spec.overhead));
  return total;
}

function scoredOf(pod: Pod): PodInfo['scored'] {
  let cpuMilli = 0;
  let memoryBytes = 0;
  for (const container of pod.spec?.containers ?? []) {
    const requests = container.resources?.requests ?? {};
    cpuMilli += requests['cpu'] === undefined ? ASSUMED_CPU_MILLI : amountOf('cpu', requests['cpu']);
    memoryBytes += requests['memory'] === undefined ? ASSUMED_MEMORY_BYTES : amountOf('memory', requests['memory']);
  }
  return { cpuMilli, memoryBytes };
}

const claimsOf = ({ metadata, spec }: Pod): string[] =>
  (spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [persistentVolumeClaim.claimName];
    return ephemeral ? [`${metadata.name}-${name}`] : [];
  });

function affinityTermOf(term: PodAffinityTerm, pod: Pod, weight: number): AffinityTerm {
  const own = term.namespaces?.length || term.namespaceSelector ? [] : [pod.metadata.namespace ?? ''];
  return {
    selector: withLabelKeys(term.labelSelector, pod, term.matchLabelKeys, term.mismatchLabelKeys),
    topologyKey: term.topologyKey,
    namespaces: [...(term.namespaces ?? []), ...own],
    namespaceSelector: term.namespaceSelector ? selectorFrom(term.namespaceSelector) : undefined,
    weight,
  };
}

function spreadTermOf(constraint: TopologySpreadConstraint, pod: Pod): SpreadTerm {
  return {
    maxSkew: constraint.maxSkew,
    topologyKey: constraint.topologyKey,
    selector: withLabelKeys(constraint.labelSelector, pod, constraint.matchLabelKeys),
    minDomains: constraint.minDomains ?? 1,
    honorAffinity: constraint.nodeAffinityPolicy !== 'Ignore',
    honorTaints: constraint.nodeTaintsPolicy === 'Honor',
  };
}

/** A selector narrowed by the pod's own values of some labels. */
function withLabelKeys(
  selector: LabelSelector | undefined,
  pod: Pod,
  match: readonly string[] = [],
  mismatch: readonly string[] = [],
): Selector {
  const base = selectorFrom(selector);
  if (match.length === 0 && mismatch.length === 0) return base;
  const requirements = [...base.requirements];
  for (const [keys, operator] of [
    [match, 'in'],
    [mismatch, 'notin'],
  ] as const)
    for (const key of keys) {
      const value = pod.metadata.labels?.[key];
      if (value !== undefined) requirements.push({ key, operator, values: [value] });
    }
  return selectorOf(requirements);
}
