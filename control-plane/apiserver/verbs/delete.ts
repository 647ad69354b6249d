// DELETE of one object: a Status when it is gone, the object while it stays.
import type { Kind } from '../../../api/kinds/index.ts';
import type { KubeObject } from '../../../api/meta/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import type { Verb } from '../core.ts';
import { deleteOptions } from '../write/delete-options.ts';
import { deletedStatus, deleteItem } from '../write/deletion.ts';

/** Kinds whose DELETE answers the deleted object itself. */
const RETURN_OBJECT = new Set([
  '/Pod',
  '/Service',
  '/ServiceAccount',
  '/PersistentVolume',
  '/PersistentVolumeClaim',
  '/PodTemplate',
  '/ResourceQuota',
  'storage.k8s.io/StorageClass',
]);

export const deleteObject: Verb = async (core, target, request) => {
  const options = await deleteOptions(request);
  const item = core.storage.get(target.resource, target.namespace, target.name);
  const { object, gone } = await deleteItem(core, target, request, item, options);
  const { kind } = target;
  if (gone && !RETURN_OBJECT.has(`${kind.group}/${kind.kind}`)) {
    const { code: _, ...status } = deletedStatus(target, object);
    return { status: 200, body: status };
  }
  return { status: 200, body: gone ? lastOf(kind, object, core.clock.nowMs()) : object };
};

/** Kinds with a grace show how they went: at once. */
function lastOf(kind: Kind, object: KubeObject, nowMs: number): KubeObject {
  if (!kind.gracePeriodSeconds) return object;
  const { deletionTimestamp, generation } = object.metadata;
  const metadata = { ...object.metadata, deletionTimestamp: deletionTimestamp ?? rfc3339(nowMs), deletionGracePeriodSeconds: 0 };
  // The first mark of deletion is a new generation, also when the object goes in the same moment.
  if (deletionTimestamp === undefined && generation) metadata.generation = generation + 1;
  return { ...object, metadata };
}
