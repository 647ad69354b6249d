// Keys of the pod's own labels that affinity and spread terms ask for become part of their selectors when the pod is made.
import type { PodAffinityTerm, PodSpec, TopologySpreadConstraint } from '../../../gen/types/core.v1.ts';

type Term = Pick<PodAffinityTerm, 'matchLabelKeys' | 'mismatchLabelKeys' | 'labelSelector'>;

/** In place. */
export function mergeLabelKeys(spec: PodSpec, labels: Readonly<Record<string, string>>): void {
  for (const affinity of [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity]) {
    for (const term of affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) merge(term, labels);
    for (const { podAffinityTerm } of affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []) merge(podAffinityTerm, labels);
  }
  for (const constraint of spec.topologySpreadConstraints ?? []) merge(constraint as TopologySpreadConstraint & Term, labels);
}

function merge(term: Term, labels: Readonly<Record<string, string>>): void {
  const selector = term.labelSelector;
  if (!selector) return;
  for (const [keys, operator] of [
    [term.matchLabelKeys ?? [], 'In'],
    [term.mismatchLabelKeys ?? [], 'NotIn'],
  ] as const) {
    for (const key of keys) {
      const value = labels[key];
      if (value !== undefined) selector.matchExpressions = [...(selector.matchExpressions ?? []), { key, operator, values: [value] }];
    }
  }
}
