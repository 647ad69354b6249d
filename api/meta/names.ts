// Names and metadata: the rule of metadata.name, generated names, validation of ObjectMeta.
import { deepEqual } from './equality.ts';
import type { ObjectMeta, OwnerReference } from './object.ts';
import { at, forbiddenField, goQuote, immutableText, index, invalidValue, type Problem, required, tooLong } from './problems.ts';
import {
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  labelValue,
  negativeText,
  pathSegment,
  pathSegmentPrefix,
  qualifiedName,
} from './text-rules.ts';

export type NameRule = 'subdomain' | 'label' | 'dns1035' | 'path-segment' | ((name: string) => string[]);

const suffixChars = 'bcdfghjklmnpqrstvwxz2456789';

/** `base` (cut to 58 characters) and 5 characters. `random` gives a number in [0, n). */
export function generateName(base: string, random: (n: number) => number): string {
  let suffix = '';
  for (let i = 0; i < 5; i++) suffix += suffixChars[random(suffixChars.length)];
  return `${base.slice(0, 58)}${suffix}`;
}

/** What is wrong with a name; `prefix`: it is a generateName, which may end in a dash. */
function checkName(name: string, rule: NameRule, prefix = false): string[] {
  if (rule === 'path-segment') return prefix ? pathSegmentPrefix(name) : pathSegment(name);
  const masked = prefix && name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;
  if (typeof rule === 'function') return rule(masked);
  if (rule === 'label') return dns1123Label(masked);
  return rule === 'dns1035' ? dns1035Label(masked) : dns1123Subdomain(masked);
}

export function validateLabels(labels: Record<string, string> | undefined, field: string): Problem[] {
  const problems: Problem[] = [];
  for (const [key, value] of Object.entries(labels ?? {})) {
    for (const text of qualifiedName(key)) problems.push(invalidValue(field, key, text));
    for (const text of labelValue(value)) problems.push(invalidValue(field, value, text));
  }
  return problems;
}

/** Bytes of all keys and values together. */
const annotationsMaxBytes = 256 * 1024;

export function validateAnnotations(annotations: Record<string, string> | undefined, field: string): Problem[] {
  const problems: Problem[] = [];
  let total = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    for (const text of qualifiedName(key.toLowerCase())) problems.push(invalidValue(field, key, text));
    total += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (total > annotationsMaxBytes) problems.push(tooLong(field, annotationsMaxBytes));
  return problems;
}

function validateOwners(owners: readonly OwnerReference[], field: string): Problem[] {
  const problems: Problem[] = [];
  let controller = '';
  for (const owner of owners) {
    const parts = owner.apiVersion?.split('/') ?? [];
    if (!parts.at(-1) || parts.length > 2)
      problems.push(invalidValue(at(field, 'apiVersion'), owner.apiVersion ?? '', 'version must not be empty'));
    for (const part of ['kind', 'name', 'uid'] as const) {
      if (!owner[part]) problems.push(invalidValue(at(field, part), owner[part] ?? '', 'must not be empty'));
    }
    if (owner.apiVersion === 'v1' && owner.kind === 'Event') {
      problems.push(invalidValue(field, owner, '/v1, Kind=Event is disallowed from being an owner'));
    }
    if (owner.controller !== true) continue;
    const name = `${owner.kind}/${owner.name}`;
    if (controller === '') controller = name;
    else {
      const why = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`;
      problems.push(invalidValue(field, owners, why));
    }
  }
  return problems;
}

function validateFinalizers(finalizers: readonly string[], field: string): Problem[] {
  const problems = finalizers.flatMap((name) => qualifiedName(name).map((text) => invalidValue(field, name, text)));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    problems.push(invalidValue(field, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
  return problems;
}

function validateManagedFields(meta: ObjectMeta, field: string): Problem[] {
  const problems: Problem[] = [];
  (meta.managedFields ?? []).forEach((entry, i) => {
    const path = index(field, i);
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') {
      problems.push(invalidValue(at(path, 'operation'), entry.operation ?? '', 'must be `Apply` or `Update`'));
    }
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1') {
      problems.push(invalidValue(at(path, 'fieldsType'), entry.fieldsType, 'must be `FieldsV1`'));
    }
    problems.push(...validateFieldManager(entry.manager ?? '', at(path, 'manager')));
    if (Buffer.byteLength(entry.subresource ?? '') > 256) problems.push(tooLong(at(path, 'subresource'), 256));
  });
  return problems;
}

/** `fieldManager` of the write options, and of managedFields. */
export function validateFieldManager(manager: string, field: string): Problem[] {
  if (/^[ -~]{0,128}$/.test(manager)) return []; // nearly all
  const problems: Problem[] = [];
  if (Buffer.byteLength(manager) > 128) problems.push(tooLong(field, 128));
  let position = 0;
  for (const char of manager) {
    if (/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(char)) {
      const code = `U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
      problems.push(invalidValue(field, manager, `invalid character ${code} (at position ${position})`));
    }
    position += Buffer.byteLength(char);
  }
  return problems;
}

/** Of a new object, generated name included. `namespaced` is of its kind. */
export function validateObjectMeta(meta: ObjectMeta, namespaced: boolean, rule: NameRule = 'subdomain', field = 'metadata'): Problem[] {
  const problems: Problem[] = [];
  if (meta.generateName) {
    for (const text of checkName(meta.generateName, rule, true)) {
      problems.push(invalidValue(at(field, 'generateName'), meta.generateName, text));
    }
  }
  if (!meta.name) problems.push(required(at(field, 'name'), 'name or generateName is required'));
  else for (const text of checkName(meta.name, rule)) problems.push(invalidValue(at(field, 'name'), meta.name, text));

  const namespaceField = at(field, 'namespace');
  if (!namespaced) {
    if (meta.namespace) problems.push(forbiddenField(namespaceField, 'not allowed on this type'));
  } else if (!meta.namespace) problems.push(required(namespaceField));
  else for (const text of dns1123Label(meta.namespace)) problems.push(invalidValue(namespaceField, meta.namespace, text));

  if ((meta.generation ?? 0) < 0) problems.push(invalidValue(at(field, 'generation'), meta.generation, negativeText));
  problems.push(...validateLabels(meta.labels, at(field, 'labels')));
  problems.push(...validateAnnotations(meta.annotations, at(field, 'annotations')));
  if (meta.ownerReferences) problems.push(...validateOwners(meta.ownerReferences, at(field, 'ownerReferences')));
  if (meta.finalizers) problems.push(...validateFinalizers(meta.finalizers, at(field, 'finalizers')));
  if (meta.managedFields) problems.push(...validateManagedFields(meta, at(field, 'managedFields')));
  return problems;
}

const immutableMeta = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;

/** Of a changed object. */
export function validateObjectMetaUpdate(meta: ObjectMeta, old: ObjectMeta, field = 'metadata'): Problem[] {
  const problems: Problem[] = [];
  if (old.deletionTimestamp) {
    const added = (meta.finalizers ?? []).filter((name) => !old.finalizers?.includes(name));
    if (added.length) {
      const list = `[]string{${[...new Set(added)].sort().map(goQuote).join(', ')}}`;
      const why = `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`;
      problems.push(forbiddenField(at(field, 'finalizers'), why));
    }
  }
  if (!meta.resourceVersion) problems.push(invalidValue(at(field, 'resourceVersion'), '', 'must be specified for an update'));
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    problems.push(invalidValue(at(field, 'generation'), meta.generation ?? 0, 'must not be decremented'));
  }
  for (const name of immutableMeta) {
    const value = meta[name] ?? undefined;
    const before = old[name] ?? undefined;
    if (value === before) continue;
    const shown = value ?? (name === 'name' || name === 'namespace' || name === 'uid' ? '' : null);
    problems.push(invalidValue(at(field, name), shown, immutableText));
  }
  // What has not changed was checked when it came in.
  if (!deepEqual(meta.labels, old.labels)) problems.push(...validateLabels(meta.labels, at(field, 'labels')));
  if (!deepEqual(meta.annotations, old.annotations)) problems.push(...validateAnnotations(meta.annotations, at(field, 'annotations')));
  if (meta.ownerReferences) problems.push(...validateOwners(meta.ownerReferences, at(field, 'ownerReferences')));
  if (meta.managedFields) problems.push(...validateManagedFields(meta, at(field, 'managedFields')));
  return problems;
}
