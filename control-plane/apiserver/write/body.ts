// A write's body as a fresh object of the wanted kind.
import { badRequest, deepCopy, type GroupVersionKind, type KubeObject, type Schema } from '../../../api/meta/index.ts';
import { decodeObject, type FieldValidation } from '../../../api/wire/index.ts';
import type { Target } from '../core.ts';
import { checkCustom, customBody } from '../crd/body.ts';
import type { ApiRequest } from '../request.ts';
import { yamlReader } from './yaml-reader.ts';

/** Bytes are decoded and checked, an in-process client's object is copied. Unknown fields become warnings or 400. */
/** The body of a target's own kind. */
export async function targetBody(request: ApiRequest, target: Target, fieldValidation: FieldValidation): Promise<KubeObject> {
  if (!target.served.custom) return bodyObject(request, target.kind, target.schema, fieldValidation);
  const body = await request.body();
  if (!(body instanceof Uint8Array))
    return checkCustom(target.served, { object: deepCopy(body) as unknown as Record<string, unknown>, format: 'json' }, 'Ignore').object;
  const readYaml = await yamlReader(request, body);
  const { object, warnings } = customBody(target.served, body, request.headers['content-type'], fieldValidation, readYaml);
  request.warnings.push(...warnings);
  return object;
}

export async function bodyObject(
  request: ApiRequest,
  wanted: GroupVersionKind,
  schema: Schema | undefined,
  fieldValidation: FieldValidation,
): Promise<KubeObject> {
  const body = await request.body();
  if (!(body instanceof Uint8Array)) {
    const object = deepCopy(body);
    object.metadata ??= {};
    return object;
  }
  const { object, warnings } = decodeObject(body, request.headers['content-type'], wanted, {
    fieldValidation,
    readYaml: await yamlReader(request, body),
    ...(schema ? { schema } : {}),
  });
  request.warnings.push(...warnings);
  object.metadata ??= {};
  return object;
}

/** Query names the namespace, the body may repeat it. Throws 400. */
export function fitNamespace(object: KubeObject, namespace: string): void {
  if (namespace === '') {
    delete object.metadata.namespace; // of a cluster-scoped kind: ignored
    return;
  }
  if (object.metadata.namespace === undefined || object.metadata.namespace === '') object.metadata.namespace = namespace;
  else if (object.metadata.namespace !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

/** The body must name what the URL names. Throws 400. */
export function fitName(object: KubeObject, name: string): void {
  const given = object.metadata.name;
  if (!given) throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (given !== name) throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
}
