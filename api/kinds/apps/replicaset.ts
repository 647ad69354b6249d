// apps/v1 ReplicaSet.
import { deepEqual, type KubeObject, type Problem } from '../../meta/index.ts';
import { ageColumn, containersColumn, count, imagesColumn, nameColumn, scaleSelectorText, selectorText, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { childOf, immutable, nonNegativeFields, setDefaults } from '../rules.ts';
import { defaultTemplate, templateWarnings } from '../template.ts';
import { podNameWarning, replicaCountProblems } from '../workload.ts';
import { validateSelectorAndTemplate } from './deployment.ts';

function defaults(object: KubeObject): void {
  const spec = childOf(object, 'spec');
  setDefaults(spec, { replicas: 1 });
  defaultTemplate(spec.template);
}

const counters = ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration', 'terminatingReplicas'];

function validateStatus({ status }: KubeObject): Problem[] {
  return [...replicaCountProblems(status, counters, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'])];
}

export const replicaSet: Behaviour = {
  defaults,
  validate: ({ spec }, old) => [
    ...nonNegativeFields(spec, 'spec', ['replicas', 'minReadySeconds']),
    ...validateSelectorAndTemplate(spec, old?.['spec'].template),
  ],
  validateUpdate: (object, old) => immutable('spec.selector', object['spec'].selector, old['spec'].selector),
  validateSubresource: { status: validateStatus },
  warnings: (object, old) => {
    if (!old) return [...podNameWarning(object), ...templateWarnings(object['spec'].template, 'spec.template')];
    if (deepEqual(object['spec'], old['spec'])) return [];
    return templateWarnings(object['spec'].template, 'spec.template', old['spec'].template);
  },
  fieldSelectors: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  columns: [
    nameColumn,
    count('Desired', ({ spec }) => spec.replicas),
    count('Current', ({ status }) => status?.replicas),
    count('Ready', ({ status }) => status?.readyReplicas),
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
