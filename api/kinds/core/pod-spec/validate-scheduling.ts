// Checks of affinity and topology spread.
import type {
  Affinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
  PodAntiAffinity,
  TopologySpreadConstraint,
} from '../../../gen/types/core.v1.ts';
import {
  dns1123Label,
  dns1123Subdomain,
  duplicate,
  forbiddenField,
  invalidValue,
  labelValue,
  notSupported,
  type Problem,
  qualifiedName,
  required,
  validateLabelSelector,
} from '../../../meta/index.ts';
import { texts } from '../../rules.ts';

const NOT_AN_OPERATOR = 'not a valid selector operator';

function validateRequirement({ key, operator, values = [] }: NodeSelectorRequirement, path: string, checkValues: boolean): Problem[] {
  const problems: Problem[] = [];
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) problems.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0)
      problems.push(forbiddenField(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else if (operator === 'Gt' || operator === 'Lt') {
    if (values.length !== 1) problems.push(required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
  } else problems.push(invalidValue(`${path}.operator`, operator, NOT_AN_OPERATOR));
  problems.push(...texts(`${path}.key`, key, qualifiedName(key)));
  if (checkValues) problems.push(...values.flatMap((value, at) => texts(`${path}.values[${at}]`, value, labelValue(value))));
  return problems;
}

function validateFieldRequirement({ key, operator, values = [] }: NodeSelectorRequirement, path: string): Problem[] {
  const problems: Problem[] = [];
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length !== 1)
      problems.push(required(`${path}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
  } else problems.push(invalidValue(`${path}.operator`, operator, NOT_AN_OPERATOR));
  if (key !== 'metadata.name') problems.push(invalidValue(`${path}.key`, key, 'not a valid field selector key'));
  else problems.push(...values.flatMap((value, at) => texts(`${path}.values[${at}]`, value, dns1123Subdomain(value))));
  return problems;
}

const validateTerm = ({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, path: string, checkValues: boolean): Problem[] => [
  ...matchExpressions.flatMap((one, at) => validateRequirement(one, `${path}.matchExpressions[${at}]`, checkValues)),
  ...matchFields.flatMap((one, at) => validateFieldRequirement(one, `${path}.matchFields[${at}]`)),
];

function validateNodeSelector({ nodeSelectorTerms }: NodeSelector, path: string): Problem[] {
  const here = `${path}.nodeSelectorTerms`;
  if (!nodeSelectorTerms?.length) return [required(here, 'must have at least one node selector term')];
  return nodeSelectorTerms.flatMap((term, at) => validateTerm(term, `${here}[${at}]`, true));
}

const badWeight = (weight: number | undefined, field: string): Problem[] =>
  (weight ?? 0) <= 0 || weight! > 100 ? [invalidValue(field, weight ?? 0, 'must be in the range 1-100')] : [];

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

export function validateAffinity(affinity: Affinity | undefined, path: string): Problem[] {
  const problems: Problem[] = [];
  const node = affinity?.nodeAffinity;
  if (node) {
    const here = `${path}.nodeAffinity`;
    if (node[REQUIRED]) problems.push(...validateNodeSelector(node[REQUIRED], `${here}.${REQUIRED}`));
    for (const [at, { weight, preference }] of (node[PREFERRED] ?? []).entries()) {
      const item = `${here}.${PREFERRED}[${at}]`;
      problems.push(...badWeight(weight, `${item}.weight`), ...validateTerm(preference ?? {}, `${item}.preference`, false));
    }
  }
  problems.push(...validatePodAffinity(affinity?.podAffinity, `${path}.podAffinity`));
  problems.push(...validatePodAffinity(affinity?.podAntiAffinity, `${path}.podAntiAffinity`));
  return problems;
}

function validatePodAffinity(affinity: PodAffinity | PodAntiAffinity | undefined, path: string): Problem[] {
  if (!affinity) return [];
  return [
    ...(affinity[REQUIRED] ?? []).flatMap((term, at) => validatePodTerm(term, `${path}.${REQUIRED}[${at}]`)),
    ...(affinity[PREFERRED] ?? []).flatMap(({ weight, podAffinityTerm }, at) => {
      const here = `${path}.${PREFERRED}[${at}]`;
      return [...badWeight(weight, `${here}.weight`), ...validatePodTerm(podAffinityTerm, `${here}.podAffinityTerm`)];
    }),
  ];
}

function validatePodTerm(term: PodAffinityTerm, path: string): Problem[] {
  const problems = [
    ...validateLabelSelector(term.labelSelector as never, `${path}.labelSelector`),
    ...validateLabelSelector(term.namespaceSelector as never, `${path}.namespaceSelector`),
    ...(term.namespaces ?? []).flatMap((name) => texts(`${path}.namespace`, name, dns1123Label(name))),
    ...validateMatchKeys(term, path),
  ];
  if (!term.topologyKey) problems.push(required(`${path}.topologyKey`, 'can not be empty'));
  return [...problems, ...texts(`${path}.topologyKey`, term.topologyKey ?? '', qualifiedName(term.topologyKey ?? ''))];
}

type MatchKeys = Pick<PodAffinityTerm, 'matchLabelKeys' | 'mismatchLabelKeys' | 'labelSelector'>;

/** Keys that are looked up in the pod's own labels. */
function validateMatchKeys({ matchLabelKeys = [], mismatchLabelKeys = [], labelSelector }: MatchKeys, path: string): Problem[] {
  const problems: Problem[] = [];
  for (const [name, keys] of [
    ['matchLabelKeys', matchLabelKeys],
    ['mismatchLabelKeys', mismatchLabelKeys],
  ] as const) {
    for (const [at, key] of keys.entries()) problems.push(...texts(`${path}.${name}[${at}]`, key, qualifiedName(key)));
    if (keys.length && !labelSelector)
      problems.push(forbiddenField(`${path}.${name}`, 'must not be specified when labelSelector is not set'));
  }
  for (const [at, key] of matchLabelKeys.entries()) {
    if (mismatchLabelKeys.includes(key))
      problems.push(invalidValue(`${path}.matchLabelKeys[${at}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys'));
  }
  return problems;
}

export function validateSpread(constraints: readonly TopologySpreadConstraint[], path: string): Problem[] {
  return constraints.flatMap((constraint, at) => {
    const here = `${path}[${at}]`;
    const { maxSkew = 0, topologyKey = '', whenUnsatisfiable = '', minDomains } = constraint;
    const actions = ['DoNotSchedule', 'ScheduleAnyway'];
    const problems: Problem[] = [];
    if (maxSkew <= 0) problems.push(invalidValue(`${here}.maxSkew`, maxSkew, 'must be greater than zero'));
    if (topologyKey === '') problems.push(required(`${here}.topologyKey`, 'can not be empty'));
    if (!actions.includes(whenUnsatisfiable)) problems.push(notSupported(`${here}.whenUnsatisfiable`, whenUnsatisfiable, actions));
    const again = constraints
      .slice(at + 1)
      .some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable);
    if (again) problems.push(duplicate(`${here}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${whenUnsatisfiable}}`));
    if (minDomains !== undefined) {
      if (minDomains <= 0) problems.push(invalidValue(`${here}.minDomains`, minDomains, 'must be greater than zero'));
      if (whenUnsatisfiable !== 'DoNotSchedule') {
        const text = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
        problems.push(invalidValue(`${here}.minDomains`, minDomains, text));
      }
    }
    for (const name of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      const policies = ['Honor', 'Ignore'];
      const policy = constraint[name];
      if (policy !== undefined && !policies.includes(policy)) problems.push(notSupported(`${here}.${name}`, policy, policies));
    }
    problems.push(...validateMatchKeys(constraint as MatchKeys, here));
    return [...problems, ...validateLabelSelector(constraint.labelSelector as never, `${here}.labelSelector`)];
  });
}
