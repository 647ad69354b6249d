// storage.k8s.io/v1 StorageClass and VolumeAttributesClass.
import {
  forbiddenField,
  invalidValue,
  type KubeObject,
  notSupported,
  type Problem,
  qualifiedName,
  required,
  semanticEqual,
  tooLong,
} from '../../meta/index.ts';
import { ageColumn, nameColumn, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { immutableFields, setDefaults, texts } from '../rules.ts';

const parametersMax = 512;
const parametersMaxBytes = 256 * 1024;

function validateProvisioner(field: string, name: string): Problem[] {
  return name === '' ? [required(field)] : texts(field, name, qualifiedName(name.toLowerCase()));
}

function validateParameters(parameters: Record<string, string>, emptyAllowed: boolean): Problem[] {
  const entries = Object.entries(parameters);
  if (entries.length > parametersMax) return [tooLong('parameters', parametersMax)];
  const problems = entries.filter(([key]) => key === '').map(([key]) => invalidValue('parameters', key, 'field can not be empty.'));
  const size = entries.reduce((total, [key, value]) => total + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (size > parametersMaxBytes) problems.push(tooLong('parameters', parametersMaxBytes));
  if (!emptyAllowed && entries.length === 0) problems.push(required('parameters', 'must contain at least one key/value pair'));
  return problems;
}

function validateTopologies(terms: any[]): Problem[] {
  const problems: Problem[] = [];
  const seen: string[] = [];
  terms.forEach((term, i) => {
    const path = `allowedTopologies[${i}].matchLabelExpressions`;
    const expressions: any[] = term.matchLabelExpressions ?? [];
    const keys = new Set<string>();
    expressions.forEach((expression, j) => {
      const values: string[] = expression.values ?? [];
      if (values.length === 0) problems.push(required(`${path}[${j}].values`));
      values.forEach((value, k) => {
        if (values.indexOf(value) < k) {
          problems.push({ field: `${path}[${j}].values[${k}]`, reason: 'FieldValueDuplicate', message: `Duplicate value: "${value}"` });
        }
      });
      problems.push(...texts(`${path}[${j}].key`, expression.key ?? '', qualifiedName(expression.key ?? '')));
      if (keys.has(expression.key)) {
        problems.push({ field: `${path}[${j}].key`, reason: 'FieldValueDuplicate', message: `Duplicate value: "${expression.key}"` });
      }
      keys.add(expression.key);
    });
    const shape = JSON.stringify(expressions.map(({ key, values }) => [key, [...(values ?? [])].sort()]).sort());
    if (seen.includes(shape)) problems.push({ field: path, reason: 'FieldValueDuplicate', message: 'Duplicate value: ""' });
    seen.push(shape);
  });
  return problems;
}

const modes = ['Immediate', 'WaitForFirstConsumer'];

function validateClass(object: KubeObject): Problem[] {
  const problems = [
    ...validateProvisioner('provisioner', object['provisioner'] ?? ''),
    ...validateParameters(object['parameters'] ?? {}, true),
  ];
  const { reclaimPolicy: policy, volumeBindingMode: mode } = object;
  if (policy && policy !== 'Delete' && policy !== 'Retain') problems.push(notSupported('reclaimPolicy', policy, ['Delete', 'Retain']));
  if (!mode) problems.push(required('volumeBindingMode'));
  else if (!modes.includes(mode)) problems.push(notSupported('volumeBindingMode', mode, modes));
  return [...problems, ...validateTopologies(object['allowedTopologies'] ?? [])];
}

const defaultAnnotation = 'storageclass.kubernetes.io/is-default-class';
const betaAnnotation = 'storageclass.beta.kubernetes.io/is-default-class';

export const storageClass: Behaviour = {
  defaults: (object) => setDefaults(object, { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' }),
  validate: validateClass,
  validateUpdate: (object, old) => immutableFields(object, old, '', ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode']),
  columns: [
    {
      ...nameColumn,
      of: ({ metadata: { name = '', annotations = {} } }) =>
        annotations[defaultAnnotation] === 'true' || annotations[betaAnnotation] === 'true' ? `${name} (default)` : name,
    },
    string('Provisioner', (object) => object['provisioner'] ?? ''),
    string('ReclaimPolicy', (object) => object['reclaimPolicy'] ?? 'Delete'),
    string('VolumeBindingMode', (object) => object['volumeBindingMode'] ?? 'Immediate'),
    string('AllowVolumeExpansion', (object) => object['allowVolumeExpansion'] === true),
    ageColumn,
  ],
};

export const volumeAttributesClass: Behaviour = {
  validate: (object) => [
    ...validateProvisioner('driverName', object['driverName'] ?? ''),
    ...validateParameters(object['parameters'] ?? {}, false),
  ],
  validateUpdate: (object, old) => [
    ...(object['driverName'] === old['driverName'] ? [] : [forbiddenField('driverName', 'updates to driverName are forbidden.')]),
    ...(semanticEqual(object['parameters'], old['parameters'])
      ? []
      : [forbiddenField('parameters', 'updates to parameters are forbidden.')]),
  ],
  columns: [nameColumn, string('DriverName', (object) => object['driverName'] ?? ''), ageColumn],
};
