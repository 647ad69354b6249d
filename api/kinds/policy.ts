// Behaviours of the kinds of policy/v1.
import { invalidValue, type KubeObject, notSupported, type Problem, validateConditions, validateLabelSelector } from '../meta/index.ts';
import type { Behaviours } from './behaviours.ts';
import { ageColumn, count, nameColumn, string } from './columns.ts';
import { intOrPercent, nonNegativeFields, notMoreThan100Percent } from './rules.ts';

const isSet = (value: unknown): boolean => value !== undefined && value !== null;

function validate({ spec = {} }: KubeObject): Problem[] {
  const problems: Problem[] = [];
  if (isSet(spec.minAvailable) && isSet(spec.maxUnavailable)) {
    const shown = {
      MinAvailable: spec.minAvailable,
      Selector: spec.selector ?? null,
      MaxUnavailable: spec.maxUnavailable,
      UnhealthyPodEvictionPolicy: spec.unhealthyPodEvictionPolicy ?? null,
    };
    problems.push(invalidValue('spec', shown, 'minAvailable and maxUnavailable cannot be both set'));
  }
  for (const name of ['minAvailable', 'maxUnavailable']) {
    if (!isSet(spec[name])) continue;
    problems.push(...intOrPercent(`spec.${name}`, spec[name]), ...notMoreThan100Percent(`spec.${name}`, spec[name]));
  }
  problems.push(...validateLabelSelector(spec.selector, 'spec.selector'));
  const policy = spec.unhealthyPodEvictionPolicy;
  if (isSet(policy) && !['AlwaysAllow', 'IfHealthyBudget'].includes(policy)) {
    problems.push(notSupported('spec.unhealthyPodEvictionPolicy', policy, ['AlwaysAllow', 'IfHealthyBudget']));
  }
  return problems;
}

export const policy: Behaviours = {
  Eviction: { virtual: true },
  PodDisruptionBudget: {
    validate,
    unconditionalUpdate: false,
    validateSubresource: {
      status: ({ status }) => [
        ...validateConditions(status?.conditions, 'status.conditions'),
        ...nonNegativeFields(status, 'status', ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods']),
      ],
    },
    columns: [
      nameColumn,
      string('Min Available', ({ spec }) => String(spec?.minAvailable ?? 'N/A')),
      string('Max Unavailable', ({ spec }) => String(spec?.maxUnavailable ?? 'N/A')),
      count('Allowed Disruptions', ({ status }) => status?.disruptionsAllowed),
      ageColumn,
    ],
  },
};
