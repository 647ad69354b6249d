// What a handler of a sub-resource or virtual kind is given.
import { schemaOf } from '../../../api/gen/index.ts';
import type { Core, Target } from '../core.ts';
import type { HandlerContext } from '../handlers.ts';
import type { ApiRequest } from '../request.ts';
import { admit, attributesOf, checkAdmission } from '../write/admission.ts';
import { bodyObject } from '../write/body.ts';
import { writeOptions } from '../write/options.ts';

export function connectContext(core: Core, target: Target, request: ApiRequest): HandlerContext {
  const { kind, subresource } = target;
  const declared = kind.subresources.find((sub) => sub.name === subresource);
  const wanted = declared?.responseKind ?? kind;
  const options = () => writeOptions(request, 'CreateOptions');
  return {
    request,
    kind,
    core,
    target,
    services: core.services,
    namespace: target.namespace,
    name: target.name,
    get dryRun() {
      return options().dryRun;
    },
    decode: () => bodyObject(request, wanted, schemaOf(wanted), options().fieldValidation),
    async admit(operation, object, oldObject, between) {
      const attributes = attributesOf(target, request, operation, operation === 'CONNECT' ? false : options().dryRun, object, oldObject);
      await admit(core, attributes);
      await between?.(attributes.object!);
      const settle = await checkAdmission(core, attributes);
      await settle?.(false); // nothing of it is stored as an object
      return attributes.object!;
    },
  } as HandlerContext & { core: Core; target: Target };
}

export type CoreContext = HandlerContext & { core: Core; target: Target };
