// autoscaling/v2 HorizontalPodAutoscaler.
import {
  canonicalQuantity,
  invalidValue,
  type KubeObject,
  negativeText,
  notSupported,
  type Problem,
  quantitySign,
  required,
} from '../../meta/index.ts';
import { ageColumn, nameColumn, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { childOf, nonNegativeFields, setDefaults } from '../rules.ts';
import { metricsText, validateMetrics, validateReference } from './metrics.ts';

const isSet = (value: unknown): boolean => value !== undefined && value !== null;

export const defaultMetric = (): unknown => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
});

/** Rules that are not written are those of the controller, written out. */
function completeBehavior(behavior: any): void {
  setDefaults(childOf(behavior, 'scaleUp'), {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
  });
  setDefaults(childOf(behavior, 'scaleDown'), { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] });
}

function defaults(object: KubeObject): void {
  const spec = childOf(object, 'spec');
  setDefaults(spec, { minReplicas: 1 });
  if (!spec.metrics?.length) spec.metrics = [defaultMetric()];
  if (spec.behavior) completeBehavior(spec.behavior);
}

function validatePolicy(policy: any, path: string): Problem[] {
  const problems: Problem[] = [];
  if (policy.type !== 'Pods' && policy.type !== 'Percent') {
    problems.push(notSupported(`${path}.type`, policy.type ?? '', ['Percent', 'Pods']));
  }
  const period = policy.periodSeconds ?? 0;
  if ((policy.value ?? 0) <= 0) problems.push(invalidValue(`${path}.value`, policy.value ?? 0, 'must be greater than zero'));
  if (period <= 0) problems.push(invalidValue(`${path}.periodSeconds`, period, 'must be greater than zero'));
  if (period > 1800) problems.push(invalidValue(`${path}.periodSeconds`, period, 'must be less than or equal to 1800'));
  return problems;
}

function validateRules(rules: any, path: string): Problem[] {
  if (!rules) return [];
  const problems: Problem[] = [];
  const window = rules.stabilizationWindowSeconds;
  const field = `${path}.stabilizationWindowSeconds`;
  if (isSet(window) && window < 0) problems.push(invalidValue(field, window, 'must be greater than or equal to zero'));
  if (isSet(window) && window > 3600) problems.push(invalidValue(field, window, 'must be less than or equal to 3600'));
  if (isSet(rules.selectPolicy) && !['Disabled', 'Max', 'Min'].includes(rules.selectPolicy)) {
    problems.push(notSupported(`${path}.selectPolicy`, rules.selectPolicy, ['Disabled', 'Max', 'Min']));
  }
  const policies: any[] = rules.policies ?? [];
  if (policies.length === 0) problems.push(required(`${path}.policies`, 'must specify at least one Policy'));
  problems.push(...policies.flatMap((policy, i) => validatePolicy(policy, `${path}.policies[${i}]`)));
  if (isSet(rules.tolerance) && quantitySign(rules.tolerance) < 0) {
    problems.push(invalidValue(`${path}.tolerance`, canonicalQuantity(rules.tolerance), negativeText));
  }
  return problems;
}

export function validate({ spec }: KubeObject, old?: KubeObject): Problem[] {
  const problems: Problem[] = [];
  const { minReplicas: min, maxReplicas: max = 0 } = spec;
  const lowest = old?.['spec'].minReplicas === 0 ? 0 : 1;
  if (isSet(min) && min < lowest) problems.push(invalidValue('spec.minReplicas', min, `must be greater than or equal to ${lowest}`));
  if (max === 0) problems.push(required('spec.maxReplicas', 'must be set and greater than 0'));
  else if (max < 0) problems.push(invalidValue('spec.maxReplicas', max, 'must be greater than or equal to 1'));
  if (isSet(min) && max < min) problems.push(invalidValue('spec.maxReplicas', max, 'must be greater than or equal to `minReplicas`'));
  const oldVersion = old && (old['spec'].scaleTargetRef?.apiVersion ?? '');
  // The one kind of the core group that can be scaled.
  const coreAllowed = spec.scaleTargetRef?.kind === 'ReplicationController';
  problems.push(...validateReference(spec.scaleTargetRef, 'spec.scaleTargetRef', coreAllowed, oldVersion));
  problems.push(...validateMetrics(spec.metrics ?? [], 'spec.metrics', min));
  problems.push(...validateRules(spec.behavior?.scaleUp, 'spec.behavior.scaleUp'));
  return [...problems, ...validateRules(spec.behavior?.scaleDown, 'spec.behavior.scaleDown')];
}

export const validateStatus = ({ status }: KubeObject): Problem[] =>
  nonNegativeFields(status, 'status', ['currentReplicas', 'desiredReplicas']);

export const horizontalPodAutoscaler: Behaviour = {
  hasGeneration: false,
  defaults,
  validate,
  validateSubresource: { status: validateStatus },
  columns: [
    nameColumn,
    string('Reference', ({ spec }) => `${spec.scaleTargetRef?.kind}/${spec.scaleTargetRef?.name}`),
    string('Targets', ({ spec, status }) => metricsText(spec.metrics, status?.currentMetrics)),
    string('MinPods', ({ spec }) => (isSet(spec.minReplicas) ? String(spec.minReplicas) : '<unset>')),
    string('MaxPods', ({ spec }) => spec.maxReplicas ?? 0),
    string('Replicas', ({ status }) => status?.currentReplicas ?? 0),
    ageColumn,
  ],
};
