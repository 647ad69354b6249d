// PATCH: by content type a JSON patch, merge patch, strategic merge patch, or server-side apply.
import {
  apiVersionOf,
  badRequest,
  deepCopy,
  invalid,
  invalidValue,
  type KubeObject,
  required,
  StatusError,
  unsupportedMediaType,
} from '../../../api/meta/index.ts';
import { apply, jsonPatch, mergePatch, strategicMergePatch } from '../../../api/patch/index.ts';
import { checkObject, parseJson, parseYaml } from '../../../api/wire/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import type { Core, Target, Verb } from '../core.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import { isTrue } from '../requestinfo.ts';
import { fitNamespace } from '../write/body.ts';
import { type WriteOptions, writeOptions } from '../write/options.ts';
import { storeChanged } from '../write/store-changed.ts';
import { storeNew } from '../write/store-new.ts';

type PatchKind = 'json' | 'merge' | 'strategic' | 'apply';

const TYPES: Readonly<Record<string, PatchKind>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

export function patchKind(target: Pick<Target, 'served'>, contentType: string | undefined): PatchKind {
  const media = (contentType ?? '').split(';')[0]!.trim();
  const found = TYPES[media];
  const offered = Object.keys(TYPES).filter((type) => !target.served.custom || TYPES[type] !== 'strategic');
  if (found === undefined || !offered.includes(media)) throw unsupportedMediaType(offered);
  return found;
}

export const patch: Verb = async (core, target, request) => {
  const kind = patchKind(target, request.headers['content-type']);
  const options = writeOptions(request, 'PatchOptions');
  const { query } = request;
  if (kind === 'apply' && !query.get('fieldManager'))
    throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [required('fieldManager', 'is required for apply patch')]);
  if (kind !== 'apply' && query.get('force') !== null)
    throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [
      { field: 'force', reason: 'FieldValueForbidden', message: 'Forbidden: may not be specified for non-apply patch' },
    ]);
  const document = await patchDocument(request, kind);
  if (kind === 'apply') return applyPatch(core, target, request, document as KubeObject, options);
  const make = (old: KubeObject) => patched(target, request, kind, old, document, options);
  return { status: 200, body: await storeChanged(core, target, request, { make, patch: true }, options) };
};

async function patchDocument(request: ApiRequest, kind: PatchKind): Promise<unknown> {
  const body = await request.body();
  if (!(body instanceof Uint8Array)) return body;
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  try {
    if (kind !== 'apply') return parseJson(text).value;
    return /^\s*[{[]/.test(text) ? parseJson(text).value : parseYaml(text).value;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw badRequest(kind === 'apply' ? `error decoding YAML: ${why}` : kind === 'json' ? `error decoding patch: ${why}` : why);
  }
}

function patched(
  target: Target,
  request: ApiRequest,
  kind: PatchKind,
  old: KubeObject,
  document: unknown,
  options: WriteOptions,
): KubeObject {
  const result =
    kind === 'json'
      ? jsonPatch(old, document)
      : kind === 'merge'
        ? mergePatch(old, document)
        : strategicMergePatch(old, document, target.schema);
  return decodedPatch(result, () => checked(target, request, result, options));
}

/** A patch that makes what is no object of the kind is refused as a value, not as a body. */
function decodedPatch(result: KubeObject, decode: () => KubeObject): KubeObject {
  try {
    return decode();
  } catch (error) {
    const cause =
      error instanceof StatusError && error.reason === 'BadRequest' ? / cannot be handled as a .*?: (.*)$/s.exec(error.message) : null;
    if (!cause) throw error;
    throw invalid({ group: '', kind: '' }, '', [invalidValue('patch', JSON.stringify(result), cause[1]!)]);
  }
}

/** A patch's result passes the same checks as a body. */
function checked(target: Target, request: ApiRequest, result: KubeObject, options: WriteOptions): KubeObject {
  const { object, warnings } = checkObject({ object: result as Record<string, unknown>, format: 'json' }, target.kind, {
    fieldValidation: options.fieldValidation,
    ...(target.schema ? { schema: target.schema } : {}),
  });
  request.warnings.push(...warnings.filter((warning) => !request.warnings.includes(warning)));
  object.metadata ??= {};
  if (object.metadata.name !== target.name && object.metadata.name !== undefined)
    throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${target.name})`);
  return object;
}

async function applyPatch(
  core: Core,
  target: Target,
  request: ApiRequest,
  document: KubeObject,
  options: WriteOptions,
): Promise<ApiResponse> {
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw badRequest('error decoding YAML: the patch must be an object');
  const applied = deepCopy(document);
  applied.metadata ??= {};
  if (!applied.apiVersion || !applied.kind) throw badRequest('apiVersion and kind must be set in an apply patch');
  if (applied.apiVersion !== apiVersionOf(target.kind) || applied.kind !== target.kind.kind)
    throw badRequest(
      `the kind of the patch (${applied.apiVersion}, ${applied.kind}) does not match ${apiVersionOf(target.kind)}, ${target.kind.kind}`,
    );
  if (applied.metadata.name && applied.metadata.name !== target.name)
    throw badRequest(`the name of the object (${applied.metadata.name}) does not match the name on the URL (${target.name})`);
  applied.metadata.name = target.name;
  if (target.kind.namespaced) fitNamespace(applied, target.namespace);
  const force = isTrue(request.query.get('force'));
  const run = (live: KubeObject | undefined) =>
    apply({
      live,
      applied,
      manager: request.query.get('fieldManager')!,
      force,
      subresource: target.subresource,
      apiVersion: apiVersionOf(target.kind),
      schema: target.schema,
      nowRfc3339: rfc3339(core.clock.nowMs()),
    }).object;
  const live = core.storage.get(target.resource, target.namespace, target.name);
  if (live === undefined && target.subresource === '') {
    if (applied.metadata.uid)
      throw new StatusError(
        409,
        'Conflict',
        `Operation cannot be fulfilled on ${target.kind.plural} "${target.name}": uid mismatch: the provided object specified uid ${applied.metadata.uid}, and no existing object was found`,
      );
    const object = checked(target, request, run(undefined), options);
    return { status: 201, body: await storeNew(core, target, request, object, options, true) };
  }
  const make = (old: KubeObject) => checked(target, request, run(old), options);
  return { status: 200, body: await storeChanged(core, target, request, { make, tracked: true, patch: true }, options) };
}
