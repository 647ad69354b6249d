// Whether a node is what a pod asks for by nodeSelector and node affinity.
import type { Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../../api/gen/types/core.v1.ts';
import { type Labels, labelsMatch } from '../../api/meta/index.ts';

const INTEGER = /^[-+]?[0-9]+$/;

function requirementMatches({ key, operator, values = [] }: NodeSelectorRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      const bound = values[0];
      if (value === undefined || bound === undefined || !INTEGER.test(value) || !INTEGER.test(bound)) return false;
      return operator === 'Gt' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
    }
    default:
      return false;
  }
}

/** An empty term matches nothing. */
export function termMatches(term: NodeSelectorTerm, node: Node): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchExpressions.every((requirement) => requirementMatches(requirement, node.metadata.labels ?? {})) &&
    matchFields.every((requirement) => requirementMatches(requirement, { 'metadata.name': node.metadata.name ?? '' }))
  );
}

export const nodeSelectorMatches = (selector: NodeSelector, node: Node): boolean =>
  selector.nodeSelectorTerms.some((term) => termMatches(term, node));

/** Undefined when the pod asks for nothing: every node will do. */
export function requiredOf(pod: Pod): ((node: Node) => boolean) | undefined {
  const labels = pod.spec?.nodeSelector;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if ((!labels || Object.keys(labels).length === 0) && !required) return undefined;
  return (node) => (!labels || labelsMatch(labels, node.metadata.labels)) && (!required || nodeSelectorMatches(required, node));
}

/** Names of the only nodes that can match, when every term names them (pods of a DaemonSet); undefined: any. */
export function namesOnlyOf(pod: Pod): Set<string> | undefined {
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const names = new Set<string>();
  for (const term of terms) {
    const field = term.matchFields?.find(({ key, operator }) => key === 'metadata.name' && operator === 'In');
    if (!field) return undefined;
    for (const name of field.values ?? []) names.add(name);
  }
  return terms.length === 0 ? undefined : names;
}
