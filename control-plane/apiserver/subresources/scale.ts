// /scale: replicas of any kind that has them, as autoscaling/v1 Scale.

import { schemaOf } from '../../../api/gen/index.ts';
import { ageColumn, type Kind, nameColumn } from '../../../api/kinds/index.ts';
import {
  apiVersionOf,
  badRequest,
  deepCopy,
  goQuote,
  internalError,
  invalid,
  invalidValue,
  type KubeObject,
  type StatusError,
} from '../../../api/meta/index.ts';
import { apply, jsonPatch, mergePatch, strategicMergePatch } from '../../../api/patch/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { shownOf, type Target } from '../core.ts';
import type { HandlerContext, SubresourceHandler } from '../handlers.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import { isTrue } from '../requestinfo.ts';
import { present } from '../verbs/get.ts';
import { fitName, fitNamespace } from '../write/body.ts';
import { writeOptions } from '../write/options.ts';
import { otherVersions } from '../write/owners.ts';
import { checkedResult, checkPatchOptions, patchDocument, patchKind } from '../write/patch-document.ts';
import { type Change, storeChanged } from '../write/store-changed.ts';
import type { CoreContext } from './context.ts';

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

/** What a Table of Scales shows. */
const SERVED: NonNullable<ApiRequest['served']> = {
  kind: {
    ...SCALE,
    plural: 'scales',
    singular: 'scale',
    namespaced: true,
    shortNames: [],
    categories: [],
    verbs: [],
    subresources: [],
    columns: [
      nameColumn,
      { name: 'Desired', type: 'integer', of: (object) => object['spec'].replicas ?? 0 },
      { name: 'Available', type: 'integer', of: (object) => object['status'].replicas ?? 0 },
      ageColumn,
    ],
  },
};

export const scale: SubresourceHandler = {
  async get(context) {
    const { core, target } = context as CoreContext;
    const object = await shownOf(target.served, present(core, target));
    if (target.served.custom && getPath(object, pathOf(target.kind)) === undefined)
      throw internalError(`the spec replicas field ${goQuote(dotted(target.kind))} does not exist`);
    return answer(context, object);
  },
  async update(context) {
    const body = await context.decode();
    const { name } = context;
    if (!body.metadata.name) throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
    if (body.metadata.name !== name)
      throw badRequest(`the name of the object (${body.metadata.name}) does not match the name on the URL (${name})`);
    fitNamespace(body, context.namespace);
    return write(context, (old) => scaled(context, old, body));
  },
  async patch(context) {
    const { request, target } = context as CoreContext;
    const kind = patchKind(target, request.headers['content-type']);
    const options = writeOptions(request, 'PatchOptions');
    const document = await patchDocument(request, kind, options);
    const wanted = document.value as KubeObject;
    if (kind === 'apply' && (wanted.apiVersion !== 'autoscaling/v1' || wanted.kind !== 'Scale'))
      throw badRequest(`invalid object type: ${wanted.apiVersion ?? '/'}, Kind=${wanted.kind ?? ''}`);
    checkPatchOptions(kind, request.query);
    if (kind === 'apply') return write(context, (old) => scaledByApply(context, old, wanted), true);
    const schema = schemaOf(SCALE)!;
    const asScale: Target = { ...target, served: { ...target.served, custom: false }, kind: SERVED.kind, schema };
    return write(context, (old) => {
      const now = scaleOf(context.kind, old);
      const result =
        kind === 'json'
          ? jsonPatch(now, wanted)
          : kind === 'strategic'
            ? strategicMergePatch(now, wanted, schema)
            : mergePatch(now, wanted);
      return scaled(context, old, checkedResult(asScale, request, { kind, document, result }, options));
    });
  },
};

function negative(context: HandlerContext, replicas: number): StatusError {
  const { kind, target } = context as CoreContext;
  if (target.served.custom) return invalid(kind, target.name, [invalidValue(dotted(kind), replicas, 'should be a non-negative integer')]);
  return invalid(SCALE, target.name, [invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0')]);
}

/** The object with a Scale's replicas; the Scale's uid and resourceVersion are preconditions. */
function scaled(context: HandlerContext, old: KubeObject, scale: KubeObject): KubeObject {
  const { kind } = context;
  const replicas = (scale['spec']?.replicas ?? 0) as number;
  if (replicas < 0) throw negative(context, replicas);
  const next = deepCopy(old);
  setPath(next, pathOf(kind), replicas);
  if (scale.metadata.uid) next.metadata.uid = scale.metadata.uid;
  next.metadata.resourceVersion = scale.metadata.resourceVersion || old.metadata.resourceVersion!;
  return next;
}

/** A Scale leaves 0 replicas out: whoever applies them adds the field, and conflicts with the one who set it. */
function shownReplicas(kind: Kind, object: KubeObject): KubeObject {
  if (getPath(object, pathOf(kind)) !== 0) return object;
  const copy = deepCopy(object);
  const keys = keysOf(pathOf(kind));
  const holder = getPath(copy, keys.slice(0, -1).join('.')) as Record<string, unknown>;
  delete holder[keys.at(-1)!];
  return copy;
}

/** An applied Scale is an apply of that one field of the object: there its owners are known, under the object's own apiVersion. */
async function scaledByApply(context: HandlerContext, old: KubeObject, document: KubeObject): Promise<KubeObject> {
  const { core, target, request } = context as CoreContext;
  const { kind, name } = target;
  if (document.metadata?.name !== undefined) fitName(document, name);
  const replicas = document['spec']?.replicas as number | undefined;
  const applied: KubeObject = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name } };
  if (replicas !== undefined) setPath(applied, pathOf(kind), replicas);
  const { object } = await apply({
    live: shownReplicas(kind, old),
    applied,
    manager: request.query.get('fieldManager')!,
    force: isTrue(request.query.get('force')),
    subresource: 'scale',
    apiVersion: applied.apiVersion!,
    schema: target.schema,
    convert: otherVersions(core, target),
    nowRfc3339: rfc3339(core.clock.nowMs()),
  });
  return scaled(context, object, { ...scaleOf(kind, object), metadata: { ...document.metadata } });
}

async function write(context: HandlerContext, make: Change['make'], tracked = false): Promise<ApiResponse> {
  const { core, target, request } = context as CoreContext;
  const { kind } = target;
  const options = writeOptions(request, request.info.verb === 'patch' ? 'PatchOptions' : 'UpdateOptions');
  const seen = {
    of: (object: KubeObject) => scaleOf(kind, object),
    into: (object: KubeObject, scale: KubeObject) => setPath(object, pathOf(kind), (scale['spec']?.replicas ?? 0) as number),
  };
  return answer(context, await storeChanged(core, target, request, { make, seen, ...(tracked ? { tracked } : {}) }, options));
}

function answer(context: HandlerContext, object: KubeObject): ApiResponse {
  context.request.served = SERVED;
  return { status: 200, body: scaleOf(context.kind, object) };
}

function scaleOf(kind: Kind, object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas = Number(getPath(object, pathOf(kind)) ?? 0);
  const selector = kind.scale?.selector(object) ?? '';
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name: name!,
      ...(namespace ? { namespace } : {}),
      uid: uid!,
      resourceVersion: resourceVersion!,
      creationTimestamp: creationTimestamp!,
    },
    spec: replicas === 0 ? {} : { replicas },
    status: { replicas: Number(getPath(object, kind.scale?.statusReplicas ?? 'status.replicas') ?? 0), ...(selector ? { selector } : {}) },
  };
}

const pathOf = (kind: Kind): string => kind.scale?.specReplicas ?? 'spec.replicas';

/** As a definition of a custom kind writes it. */
const dotted = (kind: Kind): string => `.${keysOf(pathOf(kind)).join('.')}`;

const keysOf = (path: string): string[] => path.replace(/^\./, '').split('.');

const getPath = (object: unknown, path: string): unknown =>
  keysOf(path).reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object);

function setPath(object: KubeObject, path: string, value: number): void {
  const keys = keysOf(path);
  let at = object as Record<string, unknown>;
  for (const key of keys.slice(0, -1)) at = (at[key] ??= {}) as Record<string, unknown>;
  at[keys.at(-1)!] = value;
}
