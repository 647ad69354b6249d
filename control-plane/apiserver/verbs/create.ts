// POST to a collection.
import type { Verb } from '../core.ts';
import { bodyObject, fitNamespace } from '../write/body.ts';
import { writeOptions } from '../write/options.ts';
import { storeNew } from '../write/store-new.ts';

export const create: Verb = async (core, target, request) => {
  const options = writeOptions(request, 'CreateOptions');
  const object = await bodyObject(request, target.kind, target.schema, options.fieldValidation);
  fitNamespace(object, target.namespace);
  return { status: 201, body: await storeNew(core, target, request, object, options) };
};
