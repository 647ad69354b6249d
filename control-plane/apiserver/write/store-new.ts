// Stores a new object: names, admission, validation, reservations, the write itself. Shared by create, apply and PUT of an absent object.
import { randomInt } from 'node:crypto';
import { alreadyExists, deepFreeze, generateName, generateNameConflict, type KubeObject, StatusError } from '../../../api/meta/index.ts';
import { Conflict } from '../../store/store.ts';
import { type Core, shownOf, storedOf, type Target } from '../core.ts';
import type { ApiRequest, Settle } from '../request.ts';
import { localKey } from '../storage/keys.ts';
import { admit, attributesOf, checkAdmission, settleReserved } from './admission.ts';
import type { WriteOptions } from './options.ts';
import { dedupeOwners } from './owner-references.ts';
import { track } from './owners.ts';
import { addWarnings, asStored, prepareForCreate, validateNew, wipeSystemFields } from './strategy.ts';

/** Upstream's number of tries for a generated name. */
const NAME_TRIES = 8;

/** `object` is the caller's own. `tracked`: managedFields are set already (apply). Answers the stored object, frozen. */
export async function storeNew(
  core: Core,
  target: Target,
  request: ApiRequest,
  object: KubeObject,
  options: WriteOptions,
  tracked = false,
): Promise<KubeObject> {
  const { kind } = target;
  wipeSystemFields(object);
  dedupeOwners(object, request.warnings, 'sent');
  const attributes = attributesOf(target, request, 'CREATE', options.dryRun, object);
  kind.defaults?.(object);
  await admit(core, attributes);
  const admitted = attributes.object!;
  kind.defaults?.(admitted);
  dedupeOwners(admitted, request.warnings, 'admitted');
  // Only now, as upstream: mutating plug-ins and webhooks see no name, validating ones do.
  const { name, generateName: prefix } = admitted.metadata;
  const generated = !name && prefix ? generateName(prefix, randomInt) : undefined;
  if (generated !== undefined) attributes.name = admitted.metadata.name = generated;
  prepareForCreate(core, target, admitted);
  if (!tracked) await track(core, target, admitted, undefined, options);
  const reservation = core.hooks[`${target.resource.group}/${target.resource.plural}`]?.beforeCreate?.(admitted);
  let done = false;
  let settle: Settle | undefined;
  try {
    validateNew(target, admitted);
    addWarnings(target, request, admitted);
    settle = await checkAdmission(core, attributes);
    const settled = asStored(target, admitted);
    if (options.dryRun) {
      if (core.storage.get(target.resource, target.namespace, admitted.metadata.name!)) throw taken(core, target, admitted.metadata.name!);
      return deepFreeze(settled);
    }
    const stored = await put(core, target, settled, generated === undefined ? 1 : NAME_TRIES);
    done = true;
    return stored;
  } finally {
    await settleReserved(done, reservation, settle);
  }
}

/** 409; the text says when the present object is on its way out. */
function taken(core: Core, target: Target, name: string): StatusError {
  const error = alreadyExists(target.kind, name);
  if (core.storage.get(target.resource, target.namespace, name)?.object.metadata.deletionTimestamp === undefined) return error;
  return new StatusError(error.code, error.reason, `object is being deleted: ${error.message}`, error.details);
}

async function put(core: Core, target: Target, object: KubeObject, tries: number): Promise<KubeObject> {
  for (let attempt = 1; ; attempt++) {
    const name = object.metadata.name!;
    const stored = await storedOf(target.served, object);
    try {
      const item = await core.storage.put(target.resource, localKey(target.namespace, name), stored, 'absent');
      return await shownOf(target.served, item);
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      if (tries === 1) throw taken(core, target, name);
      if (attempt === tries) throw generateNameConflict(target.kind, name);
      object.metadata.name = generateName(object.metadata.generateName!, randomInt);
    }
  }
}
