// PATCH: by content type a JSON patch, merge patch, strategic merge patch, or server-side apply.
import { apiVersionOf, badRequest, conflict, deepCopy, type KubeObject, StatusError } from '../../../api/meta/index.ts';
import { apply, jsonPatch, mergePatch, strategicMergePatch } from '../../../api/patch/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import type { Core, Target, Verb } from '../core.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import { isTrue } from '../requestinfo.ts';
import { fitName, fitNamespace } from '../write/body.ts';
import { type WriteOptions, writeOptions } from '../write/options.ts';
import { otherVersions } from '../write/owners.ts';
import { checkedResult, checkPatchOptions, type PatchDocument, type PatchKind, patchDocument, patchKind } from '../write/patch-document.ts';
import { storeChanged } from '../write/store-changed.ts';
import { storeNew } from '../write/store-new.ts';

export const patch: Verb = async (core, target, request) => {
  const kind = patchKind(target, request.headers['content-type']);
  const options = writeOptions(request, 'PatchOptions');
  checkPatchOptions(kind, request.query);
  const document = await patchDocument(request, kind, options);
  if (kind === 'apply') return applyPatch(core, target, request, document, options);
  const make = (old: KubeObject) => patched(target, request, kind, old, document, options);
  return { status: 200, body: await storeChanged(core, target, request, { make, patch: true }, options) };
};

function patched(
  target: Target,
  request: ApiRequest,
  kind: PatchKind,
  old: KubeObject,
  document: PatchDocument,
  options: WriteOptions,
): KubeObject {
  const { value } = document;
  const result =
    kind === 'json'
      ? jsonPatch(old, value)
      : kind === 'merge'
        ? mergePatch(old, value)
        : strategicMergePatch(old, value ?? {}, target.schema);
  const object = checkedResult(target, request, { kind, document, result }, options);
  // An empty list asks to forget all owners; the decoder does not keep it.
  if (Array.isArray(result.metadata?.managedFields) && object.metadata.managedFields === undefined) object.metadata.managedFields = [];
  fitName(object, target.name);
  fitNamespace(object, target.namespace);
  return object;
}

async function applyPatch(
  core: Core,
  target: Target,
  request: ApiRequest,
  document: PatchDocument,
  options: WriteOptions,
): Promise<ApiResponse> {
  const { kind } = target;
  const applied = deepCopy(document.value as KubeObject);
  if (applied.apiVersion !== apiVersionOf(kind) || applied.kind !== kind.kind) {
    const [group, version] = applied.apiVersion?.includes('/') ? applied.apiVersion.split('/') : ['', applied.apiVersion ?? ''];
    throw badRequest(`invalid object type: ${group}/${version}, Kind=${applied.kind ?? ''}`);
  }
  applied.metadata ??= {};
  const force = isTrue(request.query.get('force'));
  const make = async (live: KubeObject | undefined) => {
    const nowRfc3339 = rfc3339(core.clock.nowMs());
    const manager = request.query.get('fieldManager')!;
    const { subresource, schema } = target;
    const apiVersion = apiVersionOf(kind);
    const convert = otherVersions(core, target);
    const { object: result } = await apply({ live, applied, manager, force, subresource, apiVersion, schema, nowRfc3339, convert });
    fitName(applied, target.name);
    const object = checkedResult(target, request, { kind: 'apply', document, result }, options);
    fitName(object, target.name);
    fitNamespace(object, target.namespace);
    return object;
  };
  if (core.storage.get(target.resource, target.namespace, target.name) === undefined && target.subresource === '') {
    const { uid } = applied.metadata;
    if (uid) throw conflict(kind, target.name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
    delete applied.metadata.resourceVersion;
    return createApplied(core, target, request, make, options);
  }
  return { status: 200, body: await storeChanged(core, target, request, { make, tracked: true, patch: true }, options) };
}

/** Another client may create it at the same moment: then the apply meets that object. */
async function createApplied(
  core: Core,
  target: Target,
  request: ApiRequest,
  make: (live: KubeObject | undefined) => Promise<KubeObject>,
  options: WriteOptions,
): Promise<ApiResponse> {
  try {
    return { status: 201, body: await storeNew(core, target, request, await make(undefined), options, true) };
  } catch (error) {
    if (!(error instanceof StatusError) || error.reason !== 'AlreadyExists') throw error;
    return { status: 200, body: await storeChanged(core, target, request, { make, tracked: true, patch: true }, options) };
  }
}
