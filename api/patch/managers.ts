// managedFields as a list of managers with their sets: decoding, encoding, order, the limit of entries.
import type { ManagedFieldsEntry } from '../meta/index.ts';
import { difference, type FieldNode, inOrder, isEmptySet, setOfPaths, union } from './field-set.ts';

export interface Manager {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource: string;
  /** RFC 3339, whole seconds; absent: never changed anything. */
  time?: string;
  set: FieldNode;
}

/** Update managers beyond this are folded into one, the oldest first. */
const updateManagersMax = 10;
const foldedName = 'ancient-changes';

/** Fields that nobody owns. */
const stripped = setOfPaths([
  ['apiVersion'],
  ['kind'],
  ['metadata'],
  ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields', 'resourceVersion'].map(
    (name) => ['metadata', name],
  ),
]);

export const strip = (set: FieldNode): FieldNode => difference(set, stripped);

/** Who applies is one manager, in whichever version he does it. */
export const isSameManager = (a: Manager, b: Omit<Manager, 'set' | 'time'>): boolean =>
  a.manager === b.manager &&
  a.operation === b.operation &&
  a.subresource === b.subresource &&
  (a.operation === 'Apply' || a.apiVersion === b.apiVersion);

/** Entries that cannot be read are as if there were none at all. */
export function decodeManagers(entries: readonly ManagedFieldsEntry[] | undefined): Manager[] {
  const managers: Manager[] = [];
  for (const entry of entries ?? []) {
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') return [];
    if (entry.fieldsType !== 'FieldsV1' || typeof entry.fieldsV1 !== 'object' || entry.fieldsV1 === null) return [];
    const decoded: Manager = {
      manager: entry.manager ?? '',
      operation: entry.operation,
      apiVersion: entry.apiVersion ?? '',
      subresource: entry.subresource ?? '',
      set: entry.fieldsV1 as FieldNode,
    };
    if (entry.time) decoded.time = entry.time;
    const same = managers.find((known) => isSameManager(known, decoded));
    if (same === undefined) managers.push(decoded);
    else if (same.apiVersion === decoded.apiVersion) same.set = union(same.set, decoded.set);
    else Object.assign(same, decoded);
  }
  return managers;
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const byTime = (a: Manager, b: Manager): number =>
  order(a.operation, b.operation) ||
  order(a.time ?? '', b.time ?? '') ||
  order(a.manager, b.manager) ||
  order(a.apiVersion, b.apiVersion) ||
  order(a.subresource, b.subresource);

/** By operation, whole-second time, manager; managers that own nothing are left out. */
export function encodeManagers(managers: readonly Manager[]): ManagedFieldsEntry[] {
  return managers
    .filter((manager) => !isEmptySet(manager.set))
    .sort(byTime)
    .map(({ manager, operation, apiVersion, time, set, subresource }) => ({
      manager,
      operation,
      apiVersion,
      ...(time ? { time } : {}),
      fieldsType: 'FieldsV1',
      fieldsV1: inOrder(set) as Record<string, unknown>,
      ...(subresource ? { subresource } : {}),
    }));
}

/** Folds the oldest Update managers, those of one apiVersion together, until few enough are left. */
export function foldOldManagers(managers: readonly Manager[]): Manager[] {
  const updaters = managers.filter((manager) => manager.operation === 'Update');
  if (updaters.length <= updateManagersMax) return [...managers];
  updaters.sort((a, b) => order(a.time ?? '', b.time ?? '') || order(a.manager, b.manager));
  let count = updaters.length;
  const kept = new Set(managers);
  const firsts = new Map<string, Manager>();
  for (const updater of updaters) {
    if (count <= updateManagersMax) break;
    const first = firsts.get(updater.apiVersion);
    if (first === undefined) {
      firsts.set(updater.apiVersion, updater);
      continue;
    }
    const folded: Manager = {
      ...first,
      manager: foldedName,
      subresource: '',
      set: union(first.set, updater.set),
      ...(updater.time ? { time: updater.time } : {}),
    };
    kept.delete(first);
    kept.delete(updater);
    kept.add(folded);
    firsts.set(updater.apiVersion, folded);
    count--;
  }
  return [...kept];
}
