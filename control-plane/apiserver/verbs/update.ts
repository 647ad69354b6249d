// PUT of an object or one of its sub-resources.
import { conflict, deepCopy } from '../../../api/meta/index.ts';
import type { Verb } from '../core.ts';
import { fitName, fitNamespace, targetBody } from '../write/body.ts';
import { writeOptions } from '../write/options.ts';
import { storeChanged } from '../write/store-changed.ts';
import { storeNew } from '../write/store-new.ts';

export const update: Verb = async (core, target, request) => {
  const options = writeOptions(request, 'UpdateOptions');
  const object = await targetBody(request, target, options.fieldValidation);
  fitNamespace(object, target.namespace);
  fitName(object, target.name);
  if (target.kind.createOnUpdate && target.subresource === '' && !core.storage.get(target.resource, target.namespace, target.name)) {
    if (object.metadata.uid)
      throw conflict(target.kind, target.name, `Precondition failed: UID in precondition: ${object.metadata.uid}, UID in object meta: `);
    delete object.metadata.resourceVersion;
    return { status: 201, body: await storeNew(core, target, request, object, options) };
  }
  let used = false;
  const make = () => {
    if (!used) {
      used = true;
      return first;
    }
    return deepCopy(again);
  };
  const again = object.metadata.resourceVersion ? object : deepCopy(object);
  const first = object;
  return { status: 200, body: await storeChanged(core, target, request, { make }, options) };
};
