// POST to a collection.
import { forbidden } from '../../../api/meta/index.ts';
import type { Verb } from '../core.ts';
import { fitNamespace, targetBody } from '../write/body.ts';
import { writeOptions } from '../write/options.ts';
import { storeNew } from '../write/store-new.ts';

export const create: Verb = async (core, target, request) => {
  const options = writeOptions(request, 'CreateOptions');
  const object = await targetBody(request, target, options.fieldValidation);
  fitNamespace(object, target.namespace);
  if (target.served.customPart?.terminating)
    throw forbidden(target.kind, object.metadata.name ?? '', 'create not allowed while custom resource definition is terminating');
  return { status: 201, body: await storeNew(core, target, request, object, options) };
};
