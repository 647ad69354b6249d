// The refusal of a write that names another object's uid.
import { conflict, type KubeObject, type StatusError } from '../../../api/meta/index.ts';

/** 409 of a write whose uid is another object's; the storage's words. */
export function uidMismatch(resource: { group: string; plural: string }, object: KubeObject, uid: string): StatusError {
  const { name = '', namespace, uid: present } = object.metadata;
  const key = `/registry/${resource.plural}/${namespace ? `${namespace}/` : ''}${name}`;
  const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${present}`;
  return conflict(resource, name, `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`);
}
