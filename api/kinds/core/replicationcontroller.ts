// The ReplicationController kind.
import { invalidValue, type KubeObject, labelsMatch, type Problem, required } from '../../meta/index.ts';
import { ageColumn, containersColumn, count, imagesColumn, labelsText, nameColumn, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { nonNegativeFields } from '../rules.ts';
import { defaultTemplate, validateTemplate } from '../template.ts';
import { notAbove, validateLongRunning } from '../workload.ts';

function validateSpec(object: KubeObject): Problem[] {
  const spec = object['spec'] ?? {};
  const problems = nonNegativeFields(spec, 'spec', ['minReadySeconds']);
  if (Object.keys(spec.selector ?? {}).length === 0) problems.push(required('spec.selector'));
  problems.push(...nonNegativeFields(spec, 'spec', ['replicas']));
  if (!spec.template) return [...problems, required('spec.template')];
  if (Object.keys(spec.selector ?? {}).length && !labelsMatch(spec.selector, spec.template.metadata?.labels)) {
    problems.push(
      invalidValue('spec.template.metadata.labels', spec.template.metadata?.labels, '`selector` does not match template `labels`'),
    );
  }
  return [
    ...problems,
    ...validateTemplate(spec.template, 'spec.template'),
    ...validateLongRunning(spec.template, 'spec.template', 'ReplicationController'),
  ];
}

export const replicationController: Behaviour = {
  defaults(object) {
    const spec = (object['spec'] ??= {});
    spec.replicas ??= 1;
    const labels = spec.template?.metadata?.labels;
    if (labels) {
      if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
      if (Object.keys(object.metadata.labels ?? {}).length === 0) object.metadata.labels = { ...labels };
    }
    defaultTemplate(spec.template);
  },
  prepareForCreate(object) {
    object['status'] = { replicas: 0 };
  },
  validate: validateSpec,
  validateSubresource: {
    status: (object) => {
      const status = object['status'];
      const names = ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration'];
      return [
        ...nonNegativeFields(status, 'status', names),
        ...notAbove(
          status,
          'status',
          ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'],
          'replicas',
          'cannot be greater than status.replicas',
        ),
      ];
    },
  },
  hasGeneration: true,
  defaultPropagation: 'Orphan',
  fieldSelectors: { 'status.replicas': (object) => String(object['status']?.replicas ?? 0) },
  scale: {
    specReplicas: 'spec.replicas',
    statusReplicas: 'status.replicas',
    selector: (object) => {
      const text = labelsText(object['spec']?.selector);
      return text === '<none>' ? '' : text;
    },
  },
  columns: [
    nameColumn,
    count('Desired', (object) => object['spec']?.replicas),
    count('Current', (object) => object['status']?.replicas),
    count('Ready', (object) => object['status']?.readyReplicas),
    ageColumn,
    containersColumn(),
    imagesColumn(),
    string('Selector', (object) => labelsText(object['spec']?.selector), true),
  ],
};
