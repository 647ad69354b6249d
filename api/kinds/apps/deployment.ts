// apps/v1 Deployment.
import { deepEqual, forbiddenField, invalidValue, type KubeObject, notSupported, type Problem, required } from '../../meta/index.ts';
import { ageColumn, containersColumn, imagesColumn, nameColumn, scaleSelectorText, selectorText, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import {
  childOf,
  immutable,
  intOrPercent,
  intOrPercentNumber,
  nonNegative,
  nonNegativeFields,
  notMoreThan100Percent,
  setDefaults,
} from '../rules.ts';
import { defaultTemplate, templateWarnings, validateTemplate } from '../template.ts';
import {
  compiled,
  notDecremented,
  podNameWarning,
  replicaCountProblems,
  templateLabelsProblem,
  validateLongRunning,
  validateSelector,
} from '../workload.ts';

function defaults(object: KubeObject): void {
  const spec = childOf(object, 'spec');
  setDefaults(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
  const strategy = childOf(spec, 'strategy');
  setDefaults(strategy, { type: 'RollingUpdate' });
  if (strategy.type === 'RollingUpdate') setDefaults(childOf(strategy, 'rollingUpdate'), { maxUnavailable: '25%', maxSurge: '25%' });
  defaultTemplate(spec.template);
}

function validateRollingUpdate(update: any, path: string): Problem[] {
  const problems = [...intOrPercent(`${path}.maxUnavailable`, update.maxUnavailable), ...intOrPercent(`${path}.maxSurge`, update.maxSurge)];
  if (intOrPercentNumber(update.maxUnavailable) === 0 && intOrPercentNumber(update.maxSurge) === 0) {
    problems.push(invalidValue(`${path}.maxUnavailable`, update.maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  }
  return [...problems, ...notMoreThan100Percent(`${path}.maxUnavailable`, update.maxUnavailable)];
}

function validateStrategy(strategy: any, path: string): Problem[] {
  if (strategy.type === 'Recreate') {
    return strategy.rollingUpdate
      ? [forbiddenField(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")]
      : [];
  }
  if (strategy.type === 'RollingUpdate') {
    if (strategy.rollingUpdate) return validateRollingUpdate(strategy.rollingUpdate, `${path}.rollingUpdate`);
    return [required(`${path}.rollingUpdate`, 'this should be defaulted and never be nil')];
  }
  const { maxUnavailable, maxSurge } = strategy.rollingUpdate ?? {};
  const shown = strategy.rollingUpdate ? { MaxUnavailable: maxUnavailable ?? 0, MaxSurge: maxSurge ?? 0 } : null;
  return [notSupported(path, { Type: strategy.type ?? '', RollingUpdate: shown }, ['Recreate', 'RollingUpdate'])];
}

/** Of Deployments and ReplicaSets: selector, and template against it. */
export function validateSelectorAndTemplate(spec: any, oldTemplate: any): Problem[] {
  const problems = validateSelector(spec.selector, 'spec.selector', 'deployment');
  const selector = compiled(spec.selector);
  if (!selector) return [...problems, invalidValue('spec.selector', spec.selector, 'invalid label selector')];
  if (!selector.empty && !selector.matches(spec.template?.metadata?.labels)) {
    problems.push(templateLabelsProblem(spec.template, 'spec.template'));
  }
  problems.push(...validateTemplate(spec.template, 'spec.template', oldTemplate));
  return [...problems, ...validateLongRunning(spec.template, 'spec.template', 'ReplicaSet')];
}

function validate({ spec }: KubeObject, old?: KubeObject): Problem[] {
  const problems = [...nonNegative('spec.replicas', spec.replicas), ...validateSelectorAndTemplate(spec, old?.['spec'].template)];
  problems.push(...validateStrategy(spec.strategy, 'spec.strategy'));
  problems.push(...nonNegativeFields(spec, 'spec', ['minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds']));
  const deadline = spec.progressDeadlineSeconds;
  if (typeof deadline === 'number' && deadline <= (spec.minReadySeconds ?? 0)) {
    problems.push(invalidValue('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
  }
  return problems;
}

const counters = [
  'observedGeneration',
  'replicas',
  'updatedReplicas',
  'readyReplicas',
  'availableReplicas',
  'unavailableReplicas',
  'terminatingReplicas',
  'collisionCount',
];

function validateStatus({ status }: KubeObject, old: KubeObject): Problem[] {
  return [
    ...replicaCountProblems(status, counters, ['updatedReplicas', 'readyReplicas', 'availableReplicas']),
    ...notDecremented(status, old['status'], 'collisionCount'),
  ];
}

function updateStatus(object: KubeObject, old: KubeObject): void {
  object['spec'] = old['spec'];
  if (old.metadata.labels) object.metadata.labels = old.metadata.labels;
  else delete object.metadata.labels;
}

export const deployment: Behaviour = {
  defaults,
  validate,
  validateUpdate: (object, old) => immutable('spec.selector', object['spec'].selector, old['spec'].selector),
  subresourceUpdate: { status: updateStatus },
  validateSubresource: { status: validateStatus },
  warnings: (object, old) => {
    if (!old) return [...podNameWarning(object), ...templateWarnings(object['spec'].template, 'spec.template')];
    if (deepEqual(object['spec'], old['spec'])) return [];
    return templateWarnings(object['spec'].template, 'spec.template', old['spec'].template);
  },
  generationFields: ['spec', 'metadata.annotations'],
  columns: [
    nameColumn,
    string('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`),
    string('Up-to-date', ({ status }) => status?.updatedReplicas ?? 0),
    string('Available', ({ status }) => status?.availableReplicas ?? 0),
    ageColumn,
    containersColumn(),
    imagesColumn(),
    string('Selector', ({ spec }) => selectorText(spec.selector), true),
  ],
  scale: {
    specReplicas: 'spec.replicas',
    statusReplicas: 'status.replicas',
    selector: (object) => scaleSelectorText(object['spec'].selector),
  },
};
