// Who owns which field after a create, update or patch that is no apply.
import type { KubeObject, ManagedFieldsEntry, Schema } from '../meta/index.ts';
import { difference, type FieldNode, intersection, isEmptySet, recursiveDifference, setOfPaths, union } from './field-set.ts';
import { decodeManagers, encodeManagers, foldOldManagers, isSameManager, type Manager, strip } from './managers.ts';
import { type Convert, Versions } from './versions.ts';
import { type Comparison, compare, rootShape } from './walk.ts';

export interface TrackUpdate {
  /** Undefined on create. */
  old: KubeObject | undefined;
  /** As the client wants it, defaults filled in. */
  new: KubeObject;
  /** fieldManager, or the user agent up to the first slash. */
  manager: string;
  subresource?: string;
  apiVersion: string;
  /** Undefined: lists are atomic, maps are merged. */
  schema: Schema | undefined;
  /** RFC 3339, whole seconds. */
  now: string;
  /** Paths that a write of this kind never changes; default: `status` for the main resource, all but `status` and metadata for `status`. */
  ignore?: readonly (readonly string[])[];
  /** For managers who wrote other versions; absent: all versions are alike. */
  convert?: Convert | undefined;
}

const ignoredOfMain = setOfPaths([['status']]);
const ignoredOfStatus = setOfPaths([['spec']]);

/** Paths that the write leaves alone, as a set. */
export function ignoredFields(
  subresource: string,
  schema: Schema | undefined,
  ignore: readonly (readonly string[])[] | undefined,
): FieldNode {
  if (ignore) return setOfPaths(ignore);
  if (schema && !schema.root.fields['status']) return {};
  if (subresource === '') return ignoredOfMain;
  return subresource === 'status' ? ignoredOfStatus : {};
}

const without = (found: Comparison, ignored: FieldNode): Comparison =>
  isEmptySet(ignored)
    ? found
    : {
        removed: recursiveDifference(found.removed ?? {}, ignored),
        modified: recursiveDifference(found.modified ?? {}, ignored),
        added: recursiveDifference(found.added ?? {}, ignored),
      };

/** The difference of two objects' fields, metadata.managedFields left out; undefined: none. */
export function compareObjects(
  old: KubeObject | undefined,
  current: KubeObject,
  schema: Schema | undefined,
  ignored: FieldNode,
): Comparison | undefined {
  const { managedFields: _, ...metadata } = current.metadata ?? {};
  const before = old ?? { metadata: {} };
  const { managedFields: __, ...metadataBefore } = before.metadata ?? {};
  const found = compare({ ...before, metadata: metadataBefore }, { ...current, metadata }, rootShape(schema), schema);
  return found && without(found, ignored);
}

/** A manager beside what a write changed, both in his own version. */
export interface Touched {
  manager: Manager;
  found: Comparison;
}

/** The write as each of the others sees it. Those of versions that are no more are left out: nobody can tell what they own. */
export async function touchedBy(
  versions: Versions,
  others: readonly Manager[],
  old: KubeObject | undefined,
  current: KubeObject,
  ignoredOf: (schema: Schema | undefined) => FieldNode,
): Promise<Touched[]> {
  const inVersion = new Map<string, Comparison | undefined>();
  for (const { apiVersion } of others) {
    if (inVersion.has(apiVersion)) continue;
    const before = old && (await versions.at(old, apiVersion));
    const after = await versions.at(current, apiVersion);
    if (after === undefined || (old && before === undefined)) inVersion.set(apiVersion, undefined);
    else inVersion.set(apiVersion, compareObjects(before?.object, after.object, after.schema, ignoredOf(after.schema)) ?? {});
  }
  return others.flatMap((manager) => {
    const found = inVersion.get(manager.apiVersion);
    return found ? [{ manager, found }] : [];
  });
}

/** What the others keep after a change. */
export function afterChange(touched: readonly Touched[]): Manager[] {
  return touched.map(({ manager, found }) => {
    const lost = intersection(manager.set, union(found.modified, found.added));
    const kept = difference(difference(manager.set, lost), found.removed);
    return kept === manager.set ? manager : { ...manager, set: kept };
  });
}

const isReset = (entries: readonly ManagedFieldsEntry[] | undefined): boolean =>
  entries !== undefined && (entries.length === 0 || (entries.length === 1 && Object.keys(entries[0]!).length === 0));

/** The new metadata.managedFields; the objects are left alone. Undefined: the object keeps none. */
export async function trackUpdate(request: TrackUpdate): Promise<ManagedFieldsEntry[] | undefined> {
  const { old, manager, apiVersion, schema, now } = request;
  const subresource = request.subresource ?? '';
  const sent = request.new.metadata.managedFields;
  const kept = old?.metadata.managedFields;
  // A client may hand its own list, or an empty one to forget all owners.
  const reset = subresource === '' && isReset(sent);
  const entries = reset ? [] : subresource === '' && decodeManagers(sent).length > 0 ? sent : kept;
  // Objects from before tracking begin to be tracked with the first apply.
  if (old !== undefined && (entries === undefined || entries.length === 0)) return undefined;

  const ignored = ignoredFields(subresource, schema, request.ignore);
  const found = compareObjects(old, request.new, schema, ignored);
  if (found === undefined) return entries && [...entries];

  const versions = new Versions(apiVersion, schema, request.convert);
  const ignoredOf = (of: Schema | undefined) => ignoredFields(subresource, of, request.ignore);
  const managers = afterChange(await touchedBy(versions, decodeManagers(entries), old, request.new, ignoredOf));
  const own = strip(union(found.modified, found.added));
  if (!isEmptySet(own)) {
    const self = { manager: manager || 'unknown', operation: 'Update' as const, apiVersion, subresource };
    const previous = managers.findIndex((known) => isSameManager(known, self));
    if (previous >= 0) managers[previous] = { ...self, time: now, set: union(own, managers[previous]!.set) };
    else managers.push({ ...self, time: now, set: own });
  }
  const result = encodeManagers(foldOldManagers(managers.filter((known) => !isEmptySet(known.set))));
  return result.length ? result : undefined;
}
