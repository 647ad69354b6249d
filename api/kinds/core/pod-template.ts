// The PodTemplate kind; template.ts of the kinds uses it for templates inside other kinds.
import type { PodTemplateSpec } from '../../gen/types/core.v1.ts';
import { containersColumn, imagesColumn, labelsText, nameColumn, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { defaultPodSpec } from './pod-spec/defaults.ts';
import { validatePodTemplate } from './pod-spec/validate.ts';
import { podSpecWarnings } from './pod-spec/warnings.ts';

export const podTemplate: Behaviour = {
  defaults(object) {
    const template = (object['template'] ??= {}) as PodTemplateSpec;
    template.spec ??= { containers: [] };
    defaultPodSpec(template.spec);
  },
  validate: (object) => validatePodTemplate(object['template'] ?? {}, 'template'),
  warnings: (object) => podSpecWarnings(object['template']?.spec ?? { containers: [] }, 'template.spec'),
  hasGeneration: true,
  generationFields: ['template'],
  columns: [
    nameColumn,
    containersColumn(false),
    imagesColumn(false),
    string('Pod Labels', (object) => labelsText(object['template']?.metadata?.labels)),
  ],
};
