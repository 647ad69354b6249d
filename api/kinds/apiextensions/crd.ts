// apiextensions.k8s.io/v1 CustomResourceDefinition.
import {
  at,
  deepEqual,
  dns1035Label,
  dns1123Subdomain,
  forbiddenField,
  index,
  invalidValue,
  type KubeObject,
  notSupported,
  type Problem,
  required,
} from '../../meta/index.ts';
import type { Behaviour } from '../kind.ts';
import { childOf, immutable, setDefaults, texts } from '../rules.ts';
import { validateStructural } from './structural.ts';

function defaults(object: KubeObject): void {
  const spec = childOf(object, 'spec');
  const names = childOf(spec, 'names');
  if (names.kind) setDefaults(names, { singular: names.kind.toLowerCase(), listKind: `${names.kind}List` });
  if (!spec.conversion) spec.conversion = { strategy: 'None' };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service) setDefaults(service, { port: 443 });
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

function validateNames(names: any, field: string): Problem[] {
  const problems: Problem[] = [];
  for (const name of ['plural', 'singular', 'kind', 'listKind']) if (!names[name]) problems.push(required(at(field, name)));
  const label = (where: string, value: string): void => {
    const wrong = dns1035Label(value.toLowerCase());
    if (wrong.length) problems.push(invalidValue(where, value, wrong.join(',')));
  };
  const strict = (where: string, value: string): void => {
    const wrong = dns1035Label(value);
    if (wrong.length) problems.push(invalidValue(where, value, wrong.join(',')));
  };
  if (names.plural) strict(at(field, 'plural'), names.plural);
  if (names.singular) strict(at(field, 'singular'), names.singular);
  if (names.kind) label(at(field, 'kind'), names.kind);
  if (names.listKind) label(at(field, 'listKind'), names.listKind);
  (names.shortNames ?? []).forEach((name: string, i: number) => {
    strict(index(at(field, 'shortNames'), i), name);
  });
  if (names.kind && names.kind === names.listKind) {
    problems.push(invalidValue(at(field, 'listKind'), names.listKind, 'kind and listKind may not be the same'));
  }
  (names.categories ?? []).forEach((name: string, i: number) => {
    strict(index(at(field, 'categories'), i), name);
  });
  return problems;
}

/** A part that is the same in all versions stands at the top in the server's inner form, and so in its findings. */
function pathsOf(versions: any[], part: string, inner: string): { value: any; path: string }[] {
  const same = versions.length > 0 && versions.every((version) => deepEqual(version[part], versions[0][part]));
  if (same) return versions[0][part] === undefined ? [] : [{ value: versions[0][part], path: `spec.${inner}` }];
  return versions.flatMap((version, i) =>
    version[part] === undefined ? [] : [{ value: version[part], path: `spec.versions[${i}].${part}` }],
  );
}

/** As the server's inner form would print them. */
const shownVersions = (versions: any[]): unknown => {
  const top = (part: string): boolean => versions.every((version) => deepEqual(version[part], versions[0][part]));
  const own = (version: any, part: string): unknown => (top(part) ? null : (version[part] ?? null));
  return versions.map((version) => ({
    Name: version.name,
    Served: version.served ?? false,
    Storage: version.storage ?? false,
    Deprecated: version.deprecated ?? false,
    DeprecationWarning: version.deprecationWarning ?? null,
    Schema: own(version, 'schema'),
    Subresources: own(version, 'subresources'),
    AdditionalPrinterColumns: own(version, 'additionalPrinterColumns'),
    SelectableFields: own(version, 'selectableFields'),
  }));
};

const simplePathText = 'must be a simple json path starting with .';
const isSimplePath = (path: string): boolean => path.startsWith('.');

function validateSubresources(subresources: any, path: string): Problem[] {
  const scale = subresources?.scale;
  if (!scale) return [];
  const problems: Problem[] = [];
  for (const [name, prefix] of [
    ['specReplicasPath', '.spec.'],
    ['statusReplicasPath', '.status.'],
  ] as const) {
    const value: string = scale[name] ?? '';
    const field = at(path, `scale.${name}`);
    if (value === '') problems.push(required(field));
    else if (!isSimplePath(value)) problems.push(invalidValue(field, value, simplePathText));
    else if (!value.startsWith(prefix)) {
      problems.push(invalidValue(field, value, `should be a json path under ${prefix.slice(0, -1)}`));
    }
  }
  const selector: string = scale.labelSelectorPath ?? '';
  if (selector !== '' && !isSimplePath(selector))
    problems.push(invalidValue(at(path, 'scale.labelSelectorPath'), selector, simplePathText));
  else if (selector !== '' && !selector.startsWith('.spec.') && !selector.startsWith('.status.')) {
    problems.push(invalidValue(at(path, 'scale.labelSelectorPath'), selector, 'should be a json path under either .spec or .status'));
  }
  return problems;
}

const columnTypes = ['integer', 'number', 'string', 'boolean', 'date'];
const columnFormats = ['int32', 'int64', 'float', 'double', 'byte', 'date', 'date-time', 'password'];

function validateColumns(columns: any[], path: string): Problem[] {
  return (columns ?? []).flatMap(({ name, type, format, jsonPath }, i) => {
    const field = index(path, i);
    const problems: Problem[] = [];
    if (!name) problems.push(required(at(field, 'name')));
    if (!type) problems.push(required(at(field, 'type'), `must be one of ${columnTypes.toSorted().join(',')}`));
    else if (!columnTypes.includes(type)) {
      problems.push(invalidValue(at(field, 'type'), type, `must be one of ${columnTypes.toSorted().join(',')}`));
    }
    if (format && !columnFormats.includes(format)) {
      problems.push(invalidValue(at(field, 'format'), format, `must be one of ${columnFormats.toSorted().join(',')}`));
    }
    if (!jsonPath) problems.push(required(at(field, 'JSONPath')));
    else if (!isSimplePath(jsonPath)) problems.push(invalidValue(at(field, 'JSONPath'), jsonPath, simplePathText));
    return problems;
  });
}

function validateConversion(conversion: any): Problem[] {
  const path = 'spec.conversion';
  const { strategy, webhook } = conversion ?? {};
  if (!strategy) return [required(`${path}.strategy`)];
  if (strategy !== 'None' && strategy !== 'Webhook') return [notSupported(`${path}.strategy`, strategy, ['None', 'Webhook'])];
  const client = webhook?.clientConfig;
  const versions: string[] = webhook?.conversionReviewVersions ?? [];
  const [clientField, versionsField] = [`${path}.webhookClientConfig`, `${path}.conversionReviewVersions`];
  const problems: Problem[] = [];
  if (strategy === 'None') {
    if (client) problems.push(forbiddenField(clientField, 'should not be set when strategy is not set to Webhook'));
    if (versions.length) problems.push(forbiddenField(versionsField, 'should not be set when strategy is not set to Webhook'));
    return problems;
  }
  if (!client) problems.push(required(clientField, 'required when strategy is set to Webhook'));
  else if ((client.url === undefined) === (client.service === undefined)) {
    problems.push(required(clientField, 'exactly one of url or service is required'));
  }
  if (versions.length === 0) problems.push(required(versionsField));
  else if (!versions.some((version) => version === 'v1' || version === 'v1beta1')) {
    problems.push(invalidValue(versionsField, versions, 'must include at least one of v1, v1beta1'));
  }
  return problems;
}

function deprecationTexts({ deprecated, deprecationWarning: warning }: any): string[] {
  if (warning === undefined) return [];
  if (!deprecated) return ['can only be set for deprecated versions'];
  const wrong: string[] = [];
  if (Buffer.byteLength(warning) > 256) wrong.push('must be <= 256 characters long');
  if (warning === '') wrong.push('must not be an empty string');
  const at = warning.search(/[\p{C}\p{Zl}\p{Zp}]/u);
  if (at >= 0) {
    wrong.push(
      `must only contain printable UTF-8 characters; non-printable character found at index ${Buffer.byteLength(warning.slice(0, at))}`,
    );
  }
  return wrong;
}

function validateVersions(versions: any[]): Problem[] {
  const problems: Problem[] = [];
  versions.forEach((version, i) => {
    if (!version.schema?.openAPIV3Schema) problems.push(required(`spec.versions[${i}].schema.openAPIV3Schema`));
  });
  versions.forEach((version, i) => {
    const wrong = dns1035Label(version.name ?? '');
    if (wrong.length) problems.push(invalidValue(`spec.versions[${i}].name`, version.name ?? '', wrong.join(',')));
    problems.push(...texts(`spec.versions[${i}].deprecationWarning`, version.deprecationWarning, deprecationTexts(version)));
  });
  const names = versions.map((version) => version.name);
  if (new Set(names).size < names.length) {
    problems.push(invalidValue('spec.versions', shownVersions(versions), 'must contain unique version names'));
  }
  if (versions.filter((version) => version.storage).length !== 1) {
    problems.push(invalidValue('spec.versions', shownVersions(versions), 'must have exactly one version marked as storage version'));
  }
  const first: string = versions[0]?.name ?? '';
  const wrong = first === '' ? [] : dns1035Label(first);
  if (wrong.length) problems.push(invalidValue('spec.version', first, wrong.join(',')));
  return problems;
}

function validateGroup(group: string): Problem[] {
  if (group === '') return [required('spec.group')];
  const wrong = dns1123Subdomain(group);
  if (wrong.length) return [invalidValue('spec.group', group, wrong.join(','))];
  return group.includes('.') ? [] : [invalidValue('spec.group', group, 'should be a domain with at least one dot')];
}

/** Groups of the Kubernetes community need its word. */
function validateApproval({ metadata, spec }: KubeObject): Problem[] {
  const group: string = spec?.group ?? '';
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(group)) return [];
  const key = 'api-approved.kubernetes.io';
  const field = `metadata.annotations[${key}]`;
  const approval = metadata.annotations?.[key];
  const must = `protected groups must have approval annotation "${key}"`;
  const see = 'see https://github.com/kubernetes/enhancements/pull/1111';
  if (!approval) return [required(field, `${must}, ${see}`)];
  if (approval.startsWith('unapproved') || /^[a-z]+:\/\/[^/]+/.test(approval)) return [];
  return [invalidValue(field, approval, `${must} with either a URL or a reason starting with "unapproved", ${see}`)];
}

function validate(object: KubeObject, old?: KubeObject): Problem[] {
  const spec = object['spec'] ?? {};
  const names = spec.names ?? {};
  const versions: any[] = spec.versions ?? [];
  const problems: Problem[] = [];
  const name = object.metadata.name ?? '';
  if (!old && name !== `${names.plural ?? ''}.${spec.group ?? ''}`) {
    problems.push(invalidValue('metadata.name', name, 'must be spec.names.plural+"."+spec.group'));
  }
  problems.push(...validateGroup(spec.group ?? ''));
  if (!spec.scope) problems.push(required('spec.scope'));
  else if (spec.scope !== 'Cluster' && spec.scope !== 'Namespaced') {
    problems.push(notSupported('spec.scope', spec.scope, ['Cluster', 'Namespaced']));
  }
  problems.push(...validateVersions(versions));
  problems.push(...validateNames(names, 'spec.names'));
  for (const { value, path } of pathsOf(versions, 'schema', 'validation')) {
    if (value?.openAPIV3Schema) problems.push(...validateStructural(value.openAPIV3Schema, `${path}.openAPIV3Schema`));
  }
  for (const { value, path } of pathsOf(versions, 'subresources', 'subresources')) problems.push(...validateSubresources(value, path));
  for (const { value, path } of pathsOf(versions, 'additionalPrinterColumns', 'additionalPrinterColumns')) {
    problems.push(...validateColumns(value, path));
  }
  problems.push(...validateConversion(spec.conversion));
  if (spec.preserveUnknownFields === true) {
    const why = 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
    problems.push(invalidValue('spec.preserveUnknownFields', true, why));
  }
  problems.push(...validateStoredVersions(object));
  return old ? problems : [...problems, ...validateApproval(object)];
}

const isEstablished = (object: KubeObject): boolean =>
  (object['status']?.conditions ?? []).some(({ type, status }: any) => type === 'Established' && status === 'True');

function validateUpdate(object: KubeObject, old: KubeObject): Problem[] {
  const { spec } = object;
  const before = old['spec'];
  const problems: Problem[] = [];
  if (isEstablished(old)) {
    problems.push(...immutable('spec.scope', spec.scope, before.scope));
    problems.push(...immutable('spec.names.kind', spec.names?.kind, before.names?.kind));
  }
  problems.push(...immutable('spec.group', spec.group, before.group));
  return [...problems, ...immutable('spec.names.plural', spec.names?.plural, before.names?.plural)];
}

export const customResourceDefinition: Behaviour = {
  hasGeneration: true,
  defaults,
  prepareForCreate: recordStorageVersion,
  prepareForUpdate: recordStorageVersion,
  validate,
  validateUpdate,
  unconditionalUpdate: false,
  columns: [
    { name: 'Name', type: 'string', format: 'name', of: (object) => object.metadata.name ?? '' },
    { name: 'Created At', type: 'date', of: (object) => object.metadata.creationTimestamp ?? '' },
  ],
};
