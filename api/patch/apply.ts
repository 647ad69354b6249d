// Server-side apply: merge, ownership, removal of what the manager no longer wants, conflicts.
import {
  applyConflict,
  badRequest,
  deepCopy,
  deepEqual,
  goJson,
  goQuote,
  type KubeObject,
  readJson,
  type Schema,
  StatusError,
} from '../meta/index.ts';
import { difference, type FieldNode, intersection, isEmptySet, pathsOf, recursiveDifference, union } from './field-set.ts';
import { decodeManagers, encodeManagers, foldOldManagers, isSameManager, type Manager, strip } from './managers.ts';
import { afterChange, compareObjects, ignoredFields, type Touched, type TrackUpdate, touchedBy } from './track.ts';
import { type InVersion, Versions } from './versions.ts';
import { fieldsOf, merge, removeFields, rootShape, ShapeError, withNamedFields } from './walk.ts';

export interface ApplyRequest {
  /** Undefined: the object is created. */
  live: KubeObject | undefined;
  /** What the manager wants to own, as it came. */
  applied: KubeObject;
  manager: string;
  force: boolean;
  subresource?: string;
  apiVersion: string;
  schema: Schema | undefined;
  /** RFC 3339, whole seconds. */
  nowRfc3339: string;
  /** As in TrackUpdate. */
  ignore?: readonly (readonly string[])[];
  convert?: TrackUpdate['convert'];
}

export interface ApplyResult {
  /** With its new managedFields; defaults are still to be filled in. */
  object: KubeObject;
  /** Whether anything but managedFields differs from the live object. */
  changed: boolean;
}

const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

function fieldsOfApplied(applied: KubeObject, schema: Schema | undefined): FieldNode {
  try {
    return fieldsOf(applied, rootShape(schema), schema, true) ?? {};
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    const { namespace = '', name = '' } = applied.metadata ?? {};
    const [group, version] = applied.apiVersion?.includes('/') ? applied.apiVersion.split('/') : ['', applied.apiVersion];
    const what = `${namespace}/${name}; ${group}/${version}, Kind=${applied.kind}`;
    throw new StatusError(500, '', `failed to create typed patch object (${what}): ${error.message}`);
  }
}

const setOf = ({ object, schema }: InVersion): FieldNode => fieldsOf(object, rootShape(schema), schema) ?? {};

const namedIn = ({ schema }: InVersion, set: FieldNode): FieldNode => withNamedFields(set, rootShape(schema), schema);

const cutFrom = ({ object, schema }: InVersion, set: FieldNode): KubeObject =>
  (removeFields(object, set, rootShape(schema), schema) ?? {}) as KubeObject;

/** What `whole` has and `part` has not; both in one version. */
const missingIn = (whole: InVersion, part: InVersion): FieldNode => difference(namedIn(whole, setOf(whole)), namedIn(part, setOf(part)));

/** Removes what this manager applied last time, wants no more, and nobody else owns. */
async function prune(versions: Versions, merged: KubeObject, managers: readonly Manager[], last: Manager | undefined): Promise<KubeObject> {
  if (last === undefined || isEmptySet(last.set)) return merged;
  const whole = await versions.at(merged, last.apiVersion);
  if (whole === undefined) return merged;
  let pruned = cutFrom(whole, namedIn(whole, last.set));
  // The version that was cut comes first: others may not be made from what is left otherwise.
  const owned = new Map<string, FieldNode>([[last.apiVersion, {}]]);
  for (const { apiVersion, set } of managers) owned.set(apiVersion, union(owned.get(apiVersion), set));
  for (const [apiVersion, set] of owned) {
    const [all, left] = [await versions.at(merged, apiVersion), await versions.at(pruned, apiVersion)];
    if (all && left && !isEmptySet(set)) pruned = cutFrom(all, difference(missingIn(all, left), namedIn(all, set)));
  }
  const left = await versions.at(pruned, last.apiVersion);
  if (left === undefined) return merged;
  const result = cutFrom(whole, intersection(missingIn(whole, left), namedIn(whole, last.set)));
  return (await versions.at(result, versions.apiVersion))?.object ?? merged;
}

function managerText({ manager, operation, apiVersion, subresource, time }: Manager): string {
  let text = goQuote(manager);
  if (subresource) text += ` with subresource ${goQuote(subresource)}`;
  if (operation !== 'Update') return text;
  text += ` using ${apiVersion}`;
  return time === undefined ? text : `${text} at ${time}`;
}

/** The manager's identity has a time only where entries of one manager are kept apart by it; upstream's has none today. */
const identity = ({ time: _, ...rest }: Manager): Manager => rest;

function conflictError(conflicts: readonly { manager: Manager; path: string }[]): StatusError {
  const causes = conflicts.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${managerText(manager)}`,
    field: path,
  }));
  if (conflicts.length === 1) return applyConflict(causes, `Apply failed with 1 conflict: ${causes[0]!.message}: ${causes[0]!.field}`);
  const lines: string[] = [];
  for (const { manager, path } of conflicts) {
    const head = `conflicts with ${managerText(manager)}:`;
    if (!lines.includes(head)) lines.push(head);
    lines.push(`- ${path}`);
  }
  return applyConflict(causes, `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`);
}

/** Conflicts, ordered by manager and path. */
function conflictsOf(touched: readonly Touched[]): { manager: Manager; path: string }[] {
  return touched
    .map(({ manager, found }) => ({ manager: identity(manager), lost: intersection(manager.set, union(found.modified, found.added)) }))
    .sort((a, b) => (a.manager.manager < b.manager.manager ? -1 : a.manager.manager > b.manager.manager ? 1 : 0))
    .flatMap(({ manager, lost }) => pathsOf(lost).map((path) => ({ manager, path })));
}

/** Fields that kubectl's client-side apply set last and that still have those values: kubectl takes them over without force. */
function lastAppliedFields(live: KubeObject, schema: Schema | undefined): FieldNode {
  const text = live.metadata.annotations?.[lastAppliedAnnotation];
  if (!text) return {};
  try {
    const last = readJson(text) as KubeObject;
    const set = fieldsOf(last, rootShape(schema), schema) ?? {};
    const found = compareObjects(last, live, schema, {});
    return difference(difference(set, found?.modified), found?.removed);
  } catch {
    return {};
  }
}

/**
 * Applies. Rejects with 409 with a cause for each conflict, 400 and 500 for what cannot be applied.
 * The result shares parts with `live` and `applied`: copy before changing it.
 */
export async function apply(request: ApplyRequest): Promise<ApplyResult> {
  const { applied, apiVersion, schema, nowRfc3339: now } = request;
  const subresource = request.subresource ?? '';
  if (applied.metadata?.managedFields !== undefined && applied.metadata.managedFields !== null) {
    throw badRequest('metadata.managedFields must be nil');
  }
  if (applied.apiVersion !== apiVersion) {
    throw badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${applied.apiVersion ?? ''}, expected: ${apiVersion}`,
    );
  }
  const live = liveOf(request);
  const ignored = ignoredFields(subresource, schema, request.ignore);
  let managers = decodeManagers(request.live?.metadata.managedFields);
  if (managers.length === 0 && request.live) managers = beforeFirstApply(request, live, subresource, ignored);

  const self = { manager: request.manager, operation: 'Apply' as const, apiVersion, subresource };
  const before = managers.find((manager) => isSameManager(manager, self));
  const wanted = recursiveDifference(fieldsOfApplied(applied, schema), ignored);
  const mine: Manager = { ...self, ...(before?.time ? { time: before.time } : {}), set: wanted };
  const others = managers.filter((manager) => manager !== before);

  const versions = new Versions(apiVersion, schema, request.convert);
  const merged = merge(live, applied, rootShape(schema), schema) as KubeObject;
  const object = await prune(versions, merged, [...others, mine], before);

  const ignoredOf = (of: Schema | undefined) => ignoredFields(subresource, of, request.ignore);
  const touched = await touchedBy(versions, others, live, object, ignoredOf);
  if (!request.force) refuseConflicts(request, live, touched);
  const changed = !deepEqual(live, object);
  mine.set = strip(wanted);
  if (changed) mine.time = now;
  const kept = [...afterChange(touched), mine].filter((manager) => !isEmptySet(manager.set));
  const result: KubeObject = deepCopy(object);
  result.metadata ??= {};
  const managedFields = encodeManagers(kept);
  if (managedFields.length) result.metadata.managedFields = managedFields;
  if (request.manager === 'kubectl' && request.live) renewLastApplied(result, applied);
  return { object: result, changed };
}

/** The live object without its managedFields, or an empty one of the kind. */
function liveOf({ live, applied }: ApplyRequest): KubeObject {
  if (live === undefined) return { apiVersion: applied.apiVersion!, kind: applied.kind!, metadata: {} };
  const { managedFields: _, ...metadata } = live.metadata;
  return { ...live, metadata };
}

/** An object that was never tracked: all it has belongs to one who came before. */
function beforeFirstApply(request: ApplyRequest, live: KubeObject, subresource: string, ignored: FieldNode): Manager[] {
  const found = compareObjects(undefined, live, request.schema, ignored);
  const set = strip(union(found?.modified, found?.added));
  if (isEmptySet(set)) return [];
  const { apiVersion, nowRfc3339: time } = request;
  return foldOldManagers([{ manager: 'before-first-apply', operation: 'Update', apiVersion, subresource, time, set }]);
}

function refuseConflicts(request: ApplyRequest, live: KubeObject, touched: readonly Touched[]): void {
  let conflicts = conflictsOf(touched);
  if (conflicts.length === 0) return;
  if (request.manager === 'kubectl') {
    const allowed = new Set(pathsOf(lastAppliedFields(live, request.schema)));
    if (conflicts.every(({ path }) => allowed.has(path))) conflicts = [];
  }
  if (conflicts.length) throw conflictError(conflicts);
}

/** kubectl's own annotation follows what it applies, so that client-side apply can go on from there. */
function renewLastApplied(object: KubeObject, applied: KubeObject): void {
  if (!object.metadata.annotations?.[lastAppliedAnnotation]) return;
  const { [lastAppliedAnnotation]: _, ...annotations } = applied.metadata.annotations ?? {};
  const metadata = { ...applied.metadata, ...(applied.metadata.annotations ? { annotations } : {}) };
  object.metadata.annotations[lastAppliedAnnotation] = `${goJson({ ...applied, metadata })}\n`;
}
