// Changes a present object: reads, lets the caller make the new one, checks, writes; again when another write came between.
import { conflict, deepEqual, deepFreeze, type KubeObject, notFound } from '../../../api/meta/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { Conflict } from '../../store/store.ts';
import { type Core, shownOf, storedOf, type Target } from '../core.ts';
import type { ApiRequest, Settle } from '../request.ts';
import type { Item } from '../storage/item.ts';
import { admit, attributesOf, checkAdmission, settleReserved } from './admission.ts';
import type { WriteOptions } from './options.ts';
import { dedupeOwners } from './owner-references.ts';
import { track } from './owners.ts';
import { addWarnings, asStored, checkPreconditions, keepIdentity, prepareForUpdate, validateChanged } from './strategy.ts';

/** How often a write without resourceVersion is tried against others (each try is lost to another's success). */
const TRIES_MAX = 64;

export interface Change {
  /** A new object of the caller's own; `old` is frozen. */
  make(old: KubeObject): KubeObject | Promise<KubeObject>;
  /** managedFields are set already (apply). */
  tracked?: boolean;
  /** What admission sees in place of the object, and how what it changed there comes back (scale). */
  seen?: { of(object: KubeObject): KubeObject; into(object: KubeObject, seen: KubeObject): void };
  /** `make` is told the newest object, so that a body without resourceVersion takes that one's (patches). */
  patch?: boolean;
}

/** Answers the stored object, frozen; the old one when nothing changed. Throws 404, 409, 422 and what admission throws. */
export async function storeChanged(
  core: Core,
  target: Target,
  request: ApiRequest,
  change: Change,
  options: WriteOptions,
): Promise<KubeObject> {
  let item = core.storage.get(target.resource, target.namespace, target.name);
  for (let tries = 1; ; tries++) {
    if (item === undefined) throw notFound(target.kind, target.name);
    try {
      return await once(core, target, request, change, options, item);
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      if (tries === TRIES_MAX) throw conflict(target.kind, target.name);
      request.warnings.length = 0;
      item = await core.storage.getFresh(target.resource, target.namespace, target.name);
    }
  }
}

async function once(
  core: Core,
  target: Target,
  request: ApiRequest,
  change: Change,
  options: WriteOptions,
  item: Item,
): Promise<KubeObject> {
  const { kind } = target;
  const old = await shownOf(target.served, item);
  const object = await change.make(old);
  checkPreconditions(target, object, old, change.patch === true && !change.tracked);
  keepIdentity(target, object, old);
  if (!change.patch) dedupeOwners(object, request.warnings, 'sent');
  const { seen } = change;
  const attributes = attributesOf(target, request, 'UPDATE', options.dryRun, seen?.of(object) ?? object, seen?.of(old) ?? old);
  kind.defaults?.(object);
  await admit(core, attributes);
  if (seen) seen.into(object, attributes.object!);
  const admitted = seen ? object : attributes.object!;
  kind.defaults?.(admitted);
  dedupeOwners(admitted, request.warnings, 'admitted');
  admitted.metadata.resourceVersion = old.metadata.resourceVersion!;
  prepareForUpdate(target, admitted, old, rfc3339(core.clock.nowMs()));
  if (!change.tracked) await track(core, target, admitted, old, options);
  const reservation =
    target.subresource === '' ? core.hooks[`${target.resource.group}/${target.resource.plural}`]?.beforeUpdate?.(admitted, old) : undefined;
  let done = false;
  let settle: Settle | undefined;
  try {
    validateChanged(target, admitted, old);
    if (target.subresource === '' || target.subresource === 'finalize') addWarnings(target, request, admitted, old);
    settle = await checkAdmission(core, attributes);
    const settled = asStored(target, admitted);
    if (deepEqual(settled, old) && !core.storage.stale(item)) return old;
    if (options.dryRun) return deepFreeze(settled);
    const stored = await write(core, target, settled, item);
    done = true;
    return stored;
  } finally {
    await settleReserved(done, reservation, settle);
  }
}

/** The last finalizer's removal of an object under deletion is its end. */
async function write(core: Core, target: Target, object: KubeObject, item: Item): Promise<KubeObject> {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  const namespaceFinalizers = (object['spec']?.['finalizers'] ?? []) as unknown[];
  const held = target.kind.kind === 'Namespace' && target.kind.group === '' && namespaceFinalizers.length > 0;
  if (deletionTimestamp !== undefined && finalizers.length === 0 && deletionGracePeriodSeconds === 0 && !held) {
    const revision = await core.storage.remove(target.resource, item);
    await core.hooks[`${target.resource.group}/${target.resource.plural}`]?.afterDelete?.(object);
    object.metadata.resourceVersion = String(revision);
    return deepFreeze(object);
  }
  const stored = await storedOf(target.served, object);
  return shownOf(target.served, await core.storage.put(target.resource, item.local, stored, item));
}
