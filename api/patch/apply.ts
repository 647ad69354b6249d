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
import { afterChange, compareObjects, ignoredFields } from './track.ts';
import { type Comparison, fieldsOf, merge, removeFields, rootShape, ShapeError, withNamedFields } from './walk.ts';

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

/** Removes what this manager applied last time, wants no more, and nobody else owns. */
function prune(merged: unknown, managers: readonly Manager[], last: FieldNode, schema: Schema | undefined): unknown {
  if (isEmptySet(last)) return merged;
  const root = rootShape(schema);
  const named = (set: FieldNode): FieldNode => withNamedFields(set, root, schema);
  const owned = named(managers.reduce<FieldNode>((all, manager) => union(all, manager.set), {}));
  const mergedSet = named(fieldsOf(merged, root, schema) ?? {});
  const lastNamed = named(last);
  const cut = removeFields(merged, lastNamed, root, schema) ?? {};
  const cutSet = named(fieldsOf(cut, root, schema) ?? {});
  const pruned = removeFields(merged, difference(mergedSet, union(cutSet, owned)), root, schema) ?? {};
  const prunedSet = named(fieldsOf(pruned, root, schema) ?? {});
  return removeFields(merged, intersection(difference(mergedSet, prunedSet), lastNamed), root, schema) ?? {};
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
function conflictsOf(others: readonly Manager[], found: Comparison): { manager: Manager; path: string }[] {
  const changed = union(found.modified, found.added);
  return [...others]
    .map(identity)
    .sort((a, b) => (a.manager < b.manager ? -1 : a.manager > b.manager ? 1 : 0))
    .flatMap((manager) => pathsOf(intersection(manager.set, changed)).map((path) => ({ manager, path })));
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
 * Applies. Throws 409 with a cause for each conflict, 400 and 500 for what cannot be applied.
 * The result shares parts with `live` and `applied`: copy before changing it.
 */
export function apply(request: ApplyRequest): ApplyResult {
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

  const merged = merge(live, applied, rootShape(schema), schema);
  const object = prune(merged, [...others, mine], before?.set ?? {}, schema) as KubeObject;

  const found = compareObjects(live, object, schema, ignored) ?? {};
  if (!request.force) refuseConflicts(request, live, others, found);
  const changed = !deepEqual(live, object);
  mine.set = strip(wanted);
  if (changed) mine.time = now;
  const kept = [...afterChange(others, found), mine].filter((manager) => !isEmptySet(manager.set));
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

function refuseConflicts(request: ApplyRequest, live: KubeObject, others: readonly Manager[], found: Comparison): void {
  let conflicts = conflictsOf(others, found);
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
