// What the server does to any object before it is stored: defaults, metadata that it owns, generation, validation.
import { randomUUID } from 'node:crypto';
import { validateFinalizerNames } from '../../../api/kinds/index.ts';
import {
  conflict,
  deepCopy,
  deepEqual,
  invalid,
  type KubeObject,
  type Problem,
  StatusError,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from '../../../api/meta/index.ts';
import { checkFields, withoutEmpties } from '../../../api/wire/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import type { Core, Target } from '../core.ts';
import type { ApiRequest } from '../request.ts';
import { uidMismatch } from './uid.ts';

const hasStatus = (target: Target): boolean => target.kind.subresources.some((sub) => sub.name === 'status');

export const keepsGeneration = ({ kind, schema }: Target): boolean =>
  kind.hasGeneration ?? (schema !== undefined && schema.root.fields['spec'] !== undefined && schema.root.fields['status'] !== undefined);

/** What clients cannot choose, before anybody is asked about the object. */
export function wipeSystemFields({ metadata }: KubeObject): void {
  delete metadata.uid;
  delete metadata.creationTimestamp;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete (metadata as Record<string, unknown>)['selfLink'];
}

/** Metadata that clients cannot choose, status wiped, what the kind wants. */
export function prepareForCreate(core: Core, target: Target, object: KubeObject): void {
  const meta = object.metadata;
  if (meta.resourceVersion && meta.resourceVersion !== '0')
    throw new StatusError(500, '', 'resourceVersion should not be set on objects to be created');
  delete meta.resourceVersion;
  wipeSystemFields(object);
  meta.uid = randomUUID();
  meta.creationTimestamp = rfc3339(core.clock.nowMs());
  if (keepsGeneration(target)) meta.generation = 1;
  if (hasStatus(target) && !target.kind.statusOnCreate) emptyStatus(target, object);
  target.kind.prepareForCreate?.(object);
}

/** What is written of a status that holds nothing: counters that are never left out, or nothing at all. */
function emptyStatus(target: Target, object: KubeObject): void {
  delete object['status'];
  if (!target.schema || target.served.custom) return;
  const { object: empty } = checkFields(target.schema, {});
  if (empty['status'] !== undefined) object['status'] = empty['status'];
}

/** What an update of the main resource or of a sub-resource may change; the rest comes from the old object. */
export function prepareForUpdate(target: Target, object: KubeObject, old: KubeObject, now: string): void {
  const meta = object.metadata;
  delete (meta as Record<string, unknown>)['selfLink'];
  const { kind, subresource } = target;
  if (subresource === '') {
    const before = kind.prepareForUpdate ? deepCopy(old) : old; // parts of it are taken over and may be changed
    if (hasStatus(target)) restore(object, before, 'status');
    kind.prepareForUpdate?.(object, before);
  } else {
    const update = kind.subresourceUpdate?.[subresource];
    if (update) update(object, deepCopy(old), now);
    else if (subresource === 'status') keepAllButStatus(target, object, old);
    else if (subresource === 'finalize') keepAllButFinalizers(object, old);
  }
  if (keepsGeneration(target)) {
    meta.generation = old.metadata.generation ?? 0;
    if (subresource !== 'status' && specChanged(target, object, old)) meta.generation++;
  }
}

function keepAllButStatus(target: Target, object: KubeObject, old: KubeObject): void {
  for (const key of Object.keys(object))
    if (!['metadata', 'status', 'apiVersion', 'kind'].includes(key) && !Object.hasOwn(old, key)) delete object[key];
  for (const key of Object.keys(old)) if (!['metadata', 'status', 'apiVersion', 'kind'].includes(key)) object[key] = old[key];
  if (target.served.custom) {
    const { managedFields, resourceVersion } = object.metadata;
    object.metadata = { ...old.metadata, ...(resourceVersion ? { resourceVersion } : {}), ...(managedFields ? { managedFields } : {}) };
  }
}

/** Namespaces' own finalizers lie in their spec. */
function keepAllButFinalizers(object: KubeObject, old: KubeObject): void {
  const finalizers = object['spec']?.['finalizers'] as unknown[] | undefined;
  restore(object, old, 'status');
  const { finalizers: _, ...spec } = old['spec'] ?? {};
  object['spec'] = finalizers?.length ? { ...spec, finalizers } : spec;
}

function restore(object: KubeObject, old: KubeObject, key: string): void {
  if (old[key] === undefined) delete object[key];
  else object[key] = old[key];
}

function specChanged(target: Target, object: KubeObject, old: KubeObject): boolean {
  const { specChanged: changed } = target.kind;
  if (changed) return changed(object, old);
  const fields = target.kind.generationFields ?? ['spec'];
  return fields.some((field) => !deepEqual(valueAt(object, field), valueAt(old, field)));
}

const valueAt = (object: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object);

/** Server-owned metadata of an update, as the old object has it; the name must be the path's. */
export function keepIdentity(target: Target, object: KubeObject, old: KubeObject): void {
  const meta = object.metadata;
  const before = old.metadata;
  meta.uid ??= before.uid!;
  if (before.creationTimestamp === undefined) delete meta.creationTimestamp;
  else meta.creationTimestamp = before.creationTimestamp;
  for (const key of ['deletionTimestamp', 'deletionGracePeriodSeconds'] as const)
    if (before[key] !== undefined && (meta[key] ?? undefined) === undefined) (meta as Record<string, unknown>)[key] = before[key];
  if (before.generation === undefined) delete meta.generation;
  else meta.generation = before.generation;
  if (meta.generateName === undefined && old.metadata.generateName !== undefined && target.subresource !== '')
    meta.generateName = old.metadata.generateName;
}

/** Body against the present object: uid and resourceVersion are preconditions. Throws 409, or 422 when a version must be given. A patch that changes the uid is left to validation. */
export function checkPreconditions(target: Target, object: KubeObject, old: KubeObject, uidIsContent = false): void {
  const { uid, resourceVersion } = object.metadata;
  const name = old.metadata.name!;
  if (uid && uid !== old.metadata.uid && !uidIsContent) throw uidMismatch(target.kind, old, uid);
  if (resourceVersion && !/^\d+$/.test(resourceVersion))
    throw new StatusError(500, '', `strconv.ParseUint: parsing ${JSON.stringify(resourceVersion)}: invalid syntax`);
  if (resourceVersion && resourceVersion !== '0') {
    if (resourceVersion !== old.metadata.resourceVersion) throw conflict(target.kind, name);
  } else if (target.kind.unconditionalUpdate === false || target.served.custom) {
    const problem: Problem = {
      field: 'metadata.resourceVersion',
      reason: 'FieldValueInvalid',
      message: 'Invalid value: 0: must be specified for an update',
    };
    throw invalid({ group: target.kind.group, kind: target.kind.plural }, name, [problem]);
  }
}

/** Findings name the kind as it is stored (events of events.k8s.io are the core group's). */
const storedKind = ({ kind }: Target) => ({ group: kind.storage?.group ?? kind.group, kind: kind.kind });

/** Served by extension servers upstream, which let any finalizer pass and store JSON, not protobuf. */
const EXTENSIONS = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io']);

const isExtension = ({ served, kind }: Target): boolean => served.custom === true || EXTENSIONS.has(kind.group);

const finalizerProblems = (target: Target, object: KubeObject): Problem[] =>
  isExtension(target) ? [] : validateFinalizerNames(object.metadata.finalizers);

/** The object as it comes back from the store; the same one, or a copy. */
export const asStored = (target: Target, object: KubeObject): KubeObject =>
  isExtension(target) || target.schema === undefined ? object : withoutEmpties(object, target.schema);

/** Throws 422 with all findings. */
export function validateNew(target: Target, object: KubeObject): void {
  const { kind } = target;
  const problems = validateObjectMeta(object.metadata, kind.namespaced, kind.nameRule ?? 'subdomain');
  problems.push(...finalizerProblems(target, object));
  if (kind.validate) problems.push(...kind.validate(object));
  if (problems.length) throw invalid(storedKind(target), object.metadata.name ?? '', problems);
}

export function validateChanged(target: Target, object: KubeObject, old: KubeObject): void {
  const { kind, subresource } = target;
  let problems = validateObjectMetaUpdate(object.metadata, old.metadata);
  problems.push(...finalizerProblems(target, object));
  if (problems.length > 0) {
    // Upstream looks at all metadata and at their change, for every kind and then again in the kind's own rules; so do its causes.
    const all = validateObjectMeta(object.metadata, kind.namespaced, kind.nameRule ?? 'subdomain');
    problems = [...all, ...problems, ...problems, ...(kind.validate && !target.served.custom && subresource === '' ? all : [])];
  }
  const validateSub = subresource === '' ? undefined : kind.validateSubresource?.[subresource];
  if (validateSub) problems.push(...validateSub(object, old));
  else if (subresource === '') {
    if (kind.validate) problems.push(...kind.validate(object, old));
    if (kind.validateUpdate) problems.push(...kind.validateUpdate(object, old));
  }
  if (problems.length) throw invalid(storedKind(target), object.metadata.name ?? '', problems);
}

export function addWarnings(target: Target, request: ApiRequest, object: KubeObject, old?: KubeObject): void {
  const warnings = target.kind.warnings?.(object, old);
  if (warnings?.length) request.warnings.push(...warnings);
}
