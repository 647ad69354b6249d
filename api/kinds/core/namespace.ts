// The Namespace kind.
import { invalidValue, type KubeObject, type Problem, qualifiedName } from '../../meta/index.ts';
import { ageColumn, nameColumn, string } from '../columns.ts';
import { validateFinalizerName } from '../finalizers.ts';
import type { Behaviour } from '../kind.ts';
import { texts } from '../rules.ts';

const NAME_LABEL = 'kubernetes.io/metadata.name';

function label(object: KubeObject): void {
  if (object.metadata.name) object.metadata.labels = { ...object.metadata.labels, [NAME_LABEL]: object.metadata.name };
}

const validateFinalizers = (finalizers: string[], indexed: boolean): Problem[] =>
  finalizers.flatMap((name, at) => {
    const field = indexed ? `spec.finalizers[${at}]` : 'spec.finalizers';
    return [...texts(field, name, qualifiedName(name)), ...validateFinalizerName(name, field)];
  });

export const namespace: Behaviour = {
  defaults(object) {
    label(object);
    const status = (object['status'] ??= {});
    status.phase ||= 'Active';
  },
  prepareForCreate(object) {
    label(object);
    object['status'] = { phase: 'Active' };
    const spec = (object['spec'] ??= {});
    if (!spec.finalizers?.includes('kubernetes')) spec.finalizers = [...(spec.finalizers ?? []), 'kubernetes'];
  },
  prepareForUpdate(object, old) {
    label(object);
    object['spec'] = { ...object['spec'], finalizers: old['spec']?.finalizers };
    if (object['spec'].finalizers === undefined) delete object['spec'].finalizers;
    object['status'] = old['status'];
  },
  subresourceUpdate: {
    status(object, old) {
      object['spec'] = old['spec'];
    },
    finalize(object, old) {
      object['status'] = old['status'];
    },
  },
  validate: (object) => validateFinalizers(object['spec']?.finalizers ?? [], false),
  validateSubresource: {
    finalize: (object) => validateFinalizers(object['spec']?.finalizers ?? [], true),
    status(object) {
      const phase = object['status']?.phase ?? '';
      const deleting = Boolean(object.metadata.deletionTimestamp);
      const wanted = deleting ? 'Terminating' : 'Active';
      if (phase === wanted) return [];
      return [invalidValue('status.Phase', phase, `may only be '${wanted}' if \`deletionTimestamp\` is ${deleting ? 'not ' : ''}empty`)];
    },
  },
  nameRule: 'label',
  hasGeneration: false,
  fieldSelectors: { 'status.phase': (object) => object['status']?.phase ?? '', name: (object) => object.metadata.name ?? '' },
  columns: [nameColumn, string('Status', (object) => object['status']?.phase ?? ''), ageColumn],
};
