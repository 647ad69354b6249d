// apps/v1 DaemonSet.
import {
  invalidValue,
  type KubeObject,
  notSupported,
  type Problem,
  required,
  semanticEqual,
  validateLabelSelector,
} from '../../meta/index.ts';
import { ageColumn, containersColumn, count, imagesColumn, labelsText, nameColumn, selectorText, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { childOf, immutable, intOrPercent, intOrPercentNumber, nonNegativeFields, notMoreThan100Percent, setDefaults } from '../rules.ts';
import { defaultTemplate, templateWarnings, validateTemplate } from '../template.ts';
import { compiled, notDecremented, templateLabelsProblem, validateLongRunning } from '../workload.ts';

function defaults(object: KubeObject): void {
  const spec = childOf(object, 'spec');
  setDefaults(spec, { revisionHistoryLimit: 10 });
  const strategy = childOf(spec, 'updateStrategy');
  setDefaults(strategy, { type: 'RollingUpdate' });
  if (strategy.type === 'RollingUpdate') setDefaults(childOf(strategy, 'rollingUpdate'), { maxUnavailable: 1, maxSurge: 0 });
  defaultTemplate(spec.template);
}

function validateRollingUpdate(update: any, path: string): Problem[] {
  const problems: Problem[] = [];
  for (const check of [intOrPercent, notMoreThan100Percent]) {
    problems.push(...check(`${path}.maxUnavailable`, update.maxUnavailable), ...check(`${path}.maxSurge`, update.maxSurge));
  }
  const unavailable = intOrPercentNumber(update.maxUnavailable) !== 0;
  const surge = intOrPercentNumber(update.maxSurge) !== 0;
  if (unavailable && surge)
    problems.push(invalidValue(`${path}.maxSurge`, update.maxSurge, 'may not be set when maxUnavailable is non-zero'));
  if (!unavailable && !surge) problems.push(required(`${path}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  return problems;
}

function validateStrategy(strategy: any): Problem[] {
  const path = 'spec.updateStrategy';
  if (strategy.type === 'OnDelete') return [];
  if (strategy.type === 'RollingUpdate') {
    return strategy.rollingUpdate
      ? validateRollingUpdate(strategy.rollingUpdate, `${path}.rollingUpdate`)
      : [required(`${path}.rollingUpdate`)];
  }
  const update = strategy.rollingUpdate;
  const shown = update ? { MaxUnavailable: update.maxUnavailable ?? 0, MaxSurge: update.maxSurge ?? 0 } : null;
  return [notSupported(path, { Type: strategy.type ?? '', RollingUpdate: shown }, ['RollingUpdate', 'OnDelete'])];
}

function validate({ spec }: KubeObject, old?: KubeObject): Problem[] {
  const problems = old ? immutable('spec.selector', spec.selector, old['spec'].selector) : [];
  problems.push(...validateLabelSelector(spec.selector, 'spec.selector'));
  const selector = compiled(spec.selector);
  if (selector && !selector.matches(spec.template?.metadata?.labels)) problems.push(templateLabelsProblem(spec.template, 'spec.template'));
  if (spec.selector && selector?.empty) {
    problems.push(invalidValue('spec.selector', spec.selector, 'empty selector is invalid for daemonset'));
  }
  problems.push(...validateTemplate(spec.template, 'spec.template', old?.['spec'].template));
  problems.push(...validateLongRunning(spec.template, 'spec.template', 'DaemonSet'));
  problems.push(...nonNegativeFields(spec, 'spec', ['minReadySeconds']));
  problems.push(...validateStrategy(spec.updateStrategy));
  return [...problems, ...nonNegativeFields(spec, 'spec', ['revisionHistoryLimit'])];
}

const counters = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
];

const generationAnnotation = 'deprecated.daemonset.template.generation';

/** v1 keeps the template's generation in an annotation that only the server writes. */
function setTemplateGeneration(object: KubeObject, old?: KubeObject): void {
  const before = Number(old?.metadata.annotations?.[generationAnnotation] ?? 0);
  const changed = old !== undefined && !semanticEqual(object['spec'].template, old['spec'].template);
  const wanted = old === undefined ? Number(object.metadata.annotations?.[generationAnnotation] ?? 1) : changed ? before + 1 : before;
  childOf(object.metadata, 'annotations')[generationAnnotation] = String(Math.max(1, wanted || 1));
}

export const daemonSet: Behaviour = {
  defaults,
  prepareForCreate: (object) => setTemplateGeneration(object),
  prepareForUpdate: setTemplateGeneration,
  validate,
  validateSubresource: {
    status: ({ status }, old) => [
      ...nonNegativeFields(status, 'status', counters),
      ...notDecremented(status, old['status'], 'collisionCount'),
    ],
  },
  warnings: (object, old) => {
    if (old && semanticEqual(object['spec'].template, old['spec'].template)) return [];
    return templateWarnings(object['spec'].template, 'spec.template', old?.['spec'].template);
  },
  columns: [
    nameColumn,
    count('Desired', ({ status }) => status?.desiredNumberScheduled),
    count('Current', ({ status }) => status?.currentNumberScheduled),
    count('Ready', ({ status }) => status?.numberReady),
    count('Up-to-date', ({ status }) => status?.updatedNumberScheduled),
    count('Available', ({ status }) => status?.numberAvailable),
    string('Node Selector', ({ spec }) => labelsText(spec.template?.spec?.nodeSelector)),
    ageColumn,
    containersColumn(),
    imagesColumn(),
    string('Selector', ({ spec }) => selectorText(spec.selector), true),
  ],
};
