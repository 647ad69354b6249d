// What the kinds that keep pods running have in common: selector and template checks, warnings of the name.
import {
  dns1123Label,
  forbiddenField,
  invalidValue,
  type KubeObject,
  notSupported,
  type Problem,
  required,
  type Selector,
  selectorFrom,
  validateLabelSelector,
} from '../meta/index.ts';
import { goList, nonNegativeFields } from './rules.ts';

/** Undefined: the selector cannot be one (its problems were reported). */
export const compiled = (selector: any): Selector | undefined =>
  validateLabelSelector(selector, '').length > 0 ? undefined : selectorFrom(selector);

const isEmpty = (selector: any): boolean => Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;

/** spec.selector: required, valid, not empty. `noun` is upstream's word for the kind. */
export function validateSelector(selector: any, field: string, noun: string): Problem[] {
  if (!selector) return [required(field)];
  const problems = validateLabelSelector(selector, field);
  if (isEmpty(selector)) problems.push(invalidValue(field, selector, `empty selector is invalid for ${noun}`));
  return problems;
}

export const templateLabelsProblem = (template: any, path: string): Problem =>
  invalidValue(`${path}.metadata.labels`, template?.metadata?.labels, '`selector` does not match template `labels`');

/** Templates of pods that run for ever. */
export function validateLongRunning(template: any, path: string, kind: string): Problem[] {
  const problems: Problem[] = [];
  const spec = template?.spec ?? {};
  if (spec.restartPolicy !== 'Always') problems.push(notSupported(`${path}.spec.restartPolicy`, spec.restartPolicy ?? '', ['Always']));
  if (spec.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds !== null) {
    problems.push(forbiddenField(`${path}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${kind} is not Supported`));
  }
  return problems;
}

/** The object's name becomes part of its pods' names. */
export function podNameWarning(object: KubeObject): string[] {
  const wrong = dns1123Label(object.metadata.name ?? '');
  if (wrong.length === 0) return [];
  const why = 'this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended';
  return [`metadata.name: ${why}: ${goList(wrong)}`];
}

/** Status counters: none negative, none above `replicas`. */
export function notAbove(status: any, path: string, names: readonly string[], limit: string, text: string): Problem[] {
  return names
    .filter((name) => (status?.[name] ?? 0) > (status?.[limit] ?? 0))
    .map((name) => invalidValue(`${path}.${name}`, status?.[name] ?? 0, text));
}

/** Status of Deployments and ReplicaSets; `parts` are among the replicas. */
export const replicaCountProblems = (status: any, counters: readonly string[], parts: readonly string[]): Problem[] => [
  ...nonNegativeFields(status, 'status', counters),
  ...notAbove(status, 'status', parts, 'replicas', 'cannot be greater than status.replicas'),
  ...notAbove(status, 'status', ['availableReplicas'], 'readyReplicas', 'cannot be greater than readyReplicas'),
];

export const notDecremented = (status: any, old: any, name: string): Problem[] =>
  old?.[name] !== undefined && old[name] !== null && (status?.[name] ?? -1) < old[name]
    ? [invalidValue(`status.${name}`, status?.[name] ?? 0, 'cannot be decremented')]
    : [];
