// Deletes one object as its kind and the options say: finalizers, grace, propagation, preconditions.

import type { Kind } from '../../../api/kinds/index.ts';
import { conflict, deepCopy, deepFreeze, type KubeObject, notFound, type Status } from '../../../api/meta/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { Conflict } from '../../store/store.ts';
import { type Core, shownOf, storedOf, type Target } from '../core.ts';
import { CLEANUP } from '../crd/cleanup.ts';
import type { ApiRequest } from '../request.ts';
import type { Item } from '../storage/item.ts';
import { admit, attributesOf, checkAdmission } from './admission.ts';
import type { DeleteOptions } from './delete-options.ts';
import { keepsGeneration } from './strategy.ts';

const TRIES_MAX = 16;

export interface Deleted {
  /** The object when it stays, or when it is gone its last state. */
  object: KubeObject;
  gone: boolean;
}

/** `admission` false: whoever asked was admitted for something else (evictions). */
export async function deleteItem(
  core: Core,
  target: Target,
  request: ApiRequest,
  item: Item | undefined,
  options: DeleteOptions,
  admission = true,
): Promise<Deleted> {
  for (let tries = 1; ; tries++) {
    if (item === undefined) throw notFound(target.kind, target.name);
    try {
      return await once(core, target, request, item, options, admission);
    } catch (error) {
      if (!(error instanceof Conflict) || tries === TRIES_MAX) throw error;
      item = await core.storage.getFresh(target.resource, target.namespace, target.name);
    }
  }
}

async function once(
  core: Core,
  target: Target,
  request: ApiRequest,
  item: Item,
  options: DeleteOptions,
  admission: boolean,
): Promise<Deleted> {
  const old = await shownOf(target.served, item);
  checkDeletePreconditions(target, old, options);
  const attributes = attributesOf(target, request, 'DELETE', options.dryRun, undefined, old, options);
  if (admission) await admit(core, attributes);
  const settle = admission ? await checkAdmission(core, attributes) : undefined;
  let done = false;
  try {
    const deleted = await carryOut(core, target, item, old, options);
    done = !options.dryRun;
    return deleted;
  } finally {
    await settle?.(done);
  }
}

async function carryOut(core: Core, target: Target, item: Item, old: KubeObject, options: DeleteOptions): Promise<Deleted> {
  const next = marked(core, target, old, options);
  if (next === 'unchanged') return { object: old, gone: false };
  if (next === undefined) {
    if (options.dryRun) return { object: old, gone: true };
    const revision = await core.storage.remove(target.resource, item);
    await core.hooks[`${target.resource.group}/${target.resource.plural}`]?.afterDelete?.(old);
    return { object: deepFreeze({ ...old, metadata: { ...old.metadata, resourceVersion: String(revision) } }), gone: true };
  }
  if (options.dryRun) return { object: deepFreeze(next), gone: false };
  const stored = await storedOf(target.served, next);
  return { object: await shownOf(target.served, await core.storage.put(target.resource, item.local, stored, item)), gone: false };
}

/** The object with its marks of deletion, undefined when it goes at once, `unchanged` when this delete adds nothing. */
function marked(core: Core, target: Target, old: KubeObject, options: DeleteOptions): KubeObject | 'unchanged' | undefined {
  const finalizers = finalizersFor(target, old, options);
  const grace = target.kind.gracePeriodSeconds?.(old, options.gracePeriodSeconds) ?? 0;
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = old.metadata;
  const stays = finalizers.length > 0 || grace > 0 || isHeldNamespace(target, old);
  if (!stays) return undefined;
  if (deletionTimestamp !== undefined) {
    const shortens = target.kind.gracePeriodSeconds !== undefined && grace < deletionGracePeriodSeconds;
    const sameFinalizers = finalizers.join() === (old.metadata.finalizers ?? []).join();
    if (!shortens && sameFinalizers) return 'unchanged';
    const next = deepCopy(old);
    setFinalizers(next, finalizers);
    if (shortens) {
      const started = Date.parse(deletionTimestamp) - graceMs(deletionGracePeriodSeconds);
      next.metadata.deletionTimestamp = rfc3339(started + graceMs(grace));
      next.metadata.deletionGracePeriodSeconds = grace;
    }
    return next;
  }
  const next = deepCopy(old);
  setFinalizers(next, finalizers);
  next.metadata.deletionTimestamp = rfc3339(core.clock.nowMs() + graceMs(grace));
  next.metadata.deletionGracePeriodSeconds = grace;
  if (keepsGeneration(target) && next.metadata.generation) next.metadata.generation++;
  if (finalizers.includes(CLEANUP)) {
    const message = 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon';
    const condition = {
      type: 'Terminating',
      status: 'True',
      reason: 'InstanceDeletionPending',
      message,
      lastTransitionTime: rfc3339(core.clock.nowMs()),
    };
    next['status'] = { ...next['status'], conditions: [...(next['status']?.conditions ?? []), condition] };
  }
  if (isHeldNamespace(target, next)) {
    delete next.metadata.deletionGracePeriodSeconds;
    next['status'] = { ...(next['status'] ?? {}), phase: 'Terminating' };
  }
  return next;
}

/** As long as a duration of upstream's can be: 292 years. */
const GRACE_MAX_SECONDS = 9_223_372_036;
const graceMs = (seconds: number): number => Math.min(Number(seconds), GRACE_MAX_SECONDS) * 1000;

const isHeldNamespace = ({ kind }: Target, object: KubeObject): boolean =>
  kind.group === '' && kind.kind === 'Namespace' && ((object['spec']?.['finalizers'] ?? []) as unknown[]).length > 0;

function setFinalizers(object: KubeObject, finalizers: readonly string[]): void {
  if (finalizers.length) object.metadata.finalizers = [...finalizers];
  else delete object.metadata.finalizers;
}

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

/** A CRD stays until its objects are gone. */
const cleanupOf = (kind: Kind, old: KubeObject): string[] =>
  kind.group === 'apiextensions.k8s.io' && kind.kind === 'CustomResourceDefinition' && !old.metadata.deletionTimestamp
    ? [CLEANUP].filter((name) => !old.metadata.finalizers?.includes(name))
    : [];

/** The propagation policy as finalizers for the garbage collector. */
function finalizersFor({ kind }: Target, old: KubeObject, options: DeleteOptions): string[] {
  const present = [...(old.metadata.finalizers ?? []), ...cleanupOf(kind, old)];
  const others = present.filter((name) => name !== ORPHAN && name !== FOREGROUND);
  const policy =
    options.propagationPolicy ?? (options.orphanDependents === undefined ? undefined : options.orphanDependents ? 'Orphan' : 'Background');
  if (policy === 'Orphan') return [...others, ORPHAN];
  if (policy === 'Foreground') return [...others, FOREGROUND];
  if (policy === 'Background') return others;
  if (present.length > others.length) return [...present]; // finalizers that were set before decide
  return kind.defaultPropagation === 'Orphan' ? [...others, ORPHAN] : [...present];
}

export function checkDeletePreconditions({ kind }: Target, old: KubeObject, { preconditions }: DeleteOptions): void {
  const { uid, resourceVersion } = preconditions ?? {};
  const named = { group: kind.group, plural: kind.kind };
  const again = 'The object might have been deleted and then recreated';
  if (uid !== undefined && uid !== old.metadata.uid)
    throw conflict(
      named,
      old.metadata.name!,
      `the UID in the precondition (${uid}) does not match the UID in record (${old.metadata.uid}). ${again}`,
    );
  if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion)
    throw conflict(
      named,
      old.metadata.name!,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${old.metadata.resourceVersion}). The object might have been modified`,
    );
}

export const deletedStatus = ({ kind }: Target, object: KubeObject): Status => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  details: { name: object.metadata.name!, ...(kind.group ? { group: kind.group } : {}), kind: kind.plural, uid: object.metadata.uid! },
  code: 200,
});
