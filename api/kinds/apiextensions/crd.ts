// apiextensions.k8s.io/v1 CustomResourceDefinition.
import { deepEqual, index, invalidValue, type KubeObject, notSupported, type Problem, required } from '../../meta/index.ts';
import { isKnownFormat, type JsonSchema, someSchema } from '../../structural/index.ts';
import type { Behaviour } from '../kind.ts';
import { childOf, immutable, setDefaults } from '../rules.ts';
import { validateConversion } from './conversion.ts';
import { requiredNames, validateApproval, validateGroup, validateNames } from './names.ts';
import { validateVersions } from './versions.ts';

function defaults(object: KubeObject): void {
  const spec = childOf(object, 'spec');
  const names = childOf(spec, 'names');
  if (names.kind) setDefaults(names, { singular: names.kind.toLowerCase(), listKind: `${names.kind}List` });
  if (!spec.conversion) spec.conversion = { strategy: 'None' };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service) setDefaults(service, { port: 443 });
  if (!object['status']?.storedVersions?.length) recordStorageVersion(object);
}

/** The version in which objects are stored is remembered: it may not go away while objects of it may be there. */
function recordStorageVersion(object: KubeObject): void {
  const storage = (object['spec']?.versions ?? []).find((version: any) => version.storage)?.name;
  const stored: string[] = object['status']?.storedVersions ?? [];
  // The status may be the old object's own: it is not written to.
  if (storage !== undefined && !stored.includes(storage)) object['status'] = { ...object['status'], storedVersions: [...stored, storage] };
}

function validateStoredVersions(object: KubeObject): Problem[] {
  const field = 'status.storedVersions';
  const stored: string[] = object['status']?.storedVersions ?? [];
  const versions: any[] = object['spec']?.versions ?? [];
  if (stored.length === 0) return [invalidValue(field, null, 'must have at least one stored version')];
  const problems = versions
    .filter((version) => version.storage && !stored.includes(version.name))
    .map((version) => invalidValue(field, stored, `must have the storage version ${version.name}`));
  stored.forEach((name, i) => {
    if (versions.some((version) => version.name === name)) return;
    const why = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    problems.push(invalidValue(index(field, i), name, why));
  });
  return problems;
}

function validateScope(scope: unknown): Problem[] {
  if (!scope) return [required('spec.scope')];
  return scope === 'Cluster' || scope === 'Namespaced' ? [] : [notSupported('spec.scope', scope, ['Cluster', 'Namespaced'])];
}

const validateStatus = (object: KubeObject): Problem[] => validateNames(object['status']?.acceptedNames ?? {}, 'status.acceptedNames');

/** Findings in upstream's order. */
function validate(object: KubeObject, old?: KubeObject): Problem[] {
  const spec = object['spec'] ?? {};
  const names = spec.names ?? {};
  const name = object.metadata.name ?? '';
  const { before, after } = validateVersions(spec, old?.['spec']);
  const named = old || name === `${names.plural ?? ''}.${spec.group ?? ''}`;
  const preserves = spec.preserveUnknownFields === true && old?.['spec']?.preserveUnknownFields !== true;
  const instead = 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
  return [
    ...(named ? [] : [invalidValue('metadata.name', name, 'must be spec.names.plural+"."+spec.group')]),
    ...validateGroup(spec.group ?? ''),
    ...validateScope(spec.scope),
    ...before,
    ...requiredNames(names, 'spec.names'),
    ...validateNames(names, 'spec.names'),
    ...after,
    ...validateConversion(spec.conversion),
    ...(old ? validateImmutable(spec, old) : []),
    ...validateStatus(object),
    ...validateStoredVersions(object),
    ...validateApproval(object, old),
    ...(preserves ? [invalidValue('spec.preserveUnknownFields', true, instead)] : []),
  ];
}

const isEstablished = (object: KubeObject): boolean =>
  (object['status']?.conditions ?? []).some(({ type, status }: any) => type === 'Established' && status === 'True');

function validateImmutable(spec: any, old: KubeObject): Problem[] {
  const before = old['spec'];
  const established = isEstablished(old)
    ? [...immutable('spec.scope', spec.scope, before.scope), ...immutable('spec.names.kind', spec.names?.kind, before.names?.kind)]
    : [];
  return [
    ...established,
    ...immutable('spec.group', spec.group, before.group),
    ...immutable('spec.names.plural', spec.names?.plural, before.names?.plural),
  ];
}

const unknownFormats = (object: KubeObject | undefined): Set<string> => {
  const found = new Set<string>();
  for (const version of object?.['spec']?.versions ?? [])
    someSchema(version.schema?.openAPIV3Schema, ({ format, type }: JsonSchema) => {
      if (format && !isKnownFormat(format, type)) found.add(format);
      return false;
    });
  return found;
};

/** Formats that nothing checks, but for those that were there before. */
function warnings(object: KubeObject, old?: KubeObject): string[] {
  if (old && deepEqual(object['spec'], old['spec'])) return [];
  const known = unknownFormats(old);
  return [...unknownFormats(object)]
    .filter((format) => !known.has(format))
    .map((format) => `unrecognized format ${JSON.stringify(format)}`);
}

export const customResourceDefinition: Behaviour = {
  hasGeneration: true,
  defaults,
  prepareForCreate: recordStorageVersion,
  prepareForUpdate: recordStorageVersion,
  validate,
  validateSubresource: { status: validateStatus },
  warnings,
  unconditionalUpdate: false,
  columns: [
    { name: 'Name', type: 'string', format: 'name', of: (object) => object.metadata.name ?? '' },
    { name: 'Created At', type: 'date', of: (object) => object.metadata.creationTimestamp ?? '' },
  ],
};
