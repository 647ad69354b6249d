// The last stage: from request info to the verb, handler or document that answers.
import { badRequest, methodNotAllowed, methodUnknown, notFound, pathNotFound, type StatusError } from '../../api/meta/index.ts';
import type { Core, Target, Verb } from './core.ts';
import { PlainNotFound } from './dispatch-errors.ts';
import type { HandlerContext, SubresourceHandler } from './handlers.ts';
import type { ApiRequest, ApiResponse } from './request.ts';
import { connectOptions } from './subresources/connect-options.ts';
import { connectContext } from './subresources/context.ts';
import { builtInSubresources } from './subresources/index.ts';
import { create } from './verbs/create.ts';
import { deleteObject } from './verbs/delete.ts';
import { deleteCollection } from './verbs/deletecollection.ts';
import { get } from './verbs/get.ts';
import { list } from './verbs/list.ts';
import { patch } from './verbs/patch.ts';
import { update } from './verbs/update.ts';
import { watch } from './verbs/watch.ts';

/** Verbs on collections; a field selector may have put a name into the request info, for authorization. */
const COLLECTION = new Set(['list', 'watch', 'deletecollection']);

const verbs: Readonly<Record<string, Verb>> = {
  get,
  list,
  watch,
  create,
  update,
  patch,
  delete: deleteObject,
  deletecollection: deleteCollection,
};

/** Sub-resources that are read and written as the object itself, by the same verbs. */
const OBJECT_SUBRESOURCES = new Set(['status', 'ephemeralcontainers', 'resize', 'approval', 'finalize']);

export type Paths = Readonly<Record<string, (request: ApiRequest) => Promise<ApiResponse>>>;

export function dispatcher(core: Core, paths: Paths): (request: ApiRequest) => Promise<ApiResponse> {
  const prefixes = Object.keys(paths).filter((path) => path.endsWith('/') && path !== '/');
  return (request) => {
    if (request.info.isResource) return resource(core, request);
    const path = request.path.length > 1 && request.path.endsWith('/') ? request.path.slice(0, -1) : request.path;
    const handler = paths[path] ?? paths[prefixes.find((prefix) => request.path.startsWith(prefix)) ?? ''];
    if (handler === undefined) return Promise.reject(/^\/apis?(\/|$)/.test(path) ? pathNotFound() : new PlainNotFound());
    if (request.method === 'HEAD' || request.method === 'OPTIONS') return Promise.reject(methodUnknown());
    return handler(request);
  };
}

async function resource(core: Core, request: ApiRequest): Promise<ApiResponse> {
  const { info } = request;
  const served = core.kinds.find(info.group, info.version, info.resource);
  if (served === undefined) throw unknownResource(core, info.group);
  const { kind } = served;
  // What is proxied has every method.
  if ((request.method === 'HEAD' || request.method === 'OPTIONS') && info.subresource !== 'proxy') throw methodUnknown();
  // Pods of all namespaces can be listed, not written; a cluster-scoped kind is nowhere in a namespace.
  if (info.namespace !== '' && !kind.namespaced && info.resource !== 'namespaces') throw unknownResource(core, info.group);
  if (kind.namespaced && info.namespace === '' && info.name !== '' && !COLLECTION.has(info.verb)) throw pathNotFound();
  request.served = served;
  const deprecation = served.customPart?.deprecation ?? kind.deprecation;
  if (deprecation && kind.verbs.includes(info.verb)) request.warnings.push(deprecation);
  const target: Target = {
    served,
    kind,
    schema: served.schema,
    resource: served.resource,
    namespace: kind.namespaced ? info.namespace : '',
    name: COLLECTION.has(info.verb) ? '' : info.name,
    subresource: info.subresource,
  };
  if (info.subresource !== '') return subresource(core, target, request);
  const handler = core.handlers[`${kind.group}/${kind.plural}`] ?? builtInSubresources[`${kind.group}/${kind.plural}`];
  if (handler !== undefined) return handle(core, target, request, handler);
  const verb = verbs[info.verb];
  if (verb === undefined || !allowed(target, info.verb)) throw methodUnknown();
  return verb(core, target, request);
}

/** Inside a group of ours a Status; elsewhere the plain text of a path that leads nowhere. */
const unknownResource = (core: Core, group: string): StatusError =>
  core.kinds.all().some((served) => served.kind.group === group && !served.custom) ? pathNotFound() : new PlainNotFound();

function allowed({ kind, namespace, name, served }: Target, verb: string): boolean {
  if (!kind.verbs.includes(verb)) return false;
  if (verb === 'create') return name === '' && (!kind.namespaced || namespace !== '');
  if (verb === 'update' || verb === 'patch') {
    if (name === '' && served.custom) throw badRequest('name must be provided'); // one handler serves all paths of custom kinds
    return name !== '';
  }
  return verb !== 'deletecollection' || !kind.namespaced || namespace !== '';
}

function subresource(core: Core, target: Target, request: ApiRequest): Promise<ApiResponse> {
  const { kind, subresource: name } = target;
  const declared = kind.subresources.find((sub) => sub.name === name);
  if (declared === undefined) throw target.served.custom ? notFound(kind, target.name) : pathNotFound();
  if (target.served.custom && !declared.verbs.includes(request.info.verb)) throw methodNotAllowed(kind, request.info.verb);
  const handler =
    core.handlers[`${kind.group}/${kind.plural}/${name}`] ??
    builtInSubresources[`${kind.group}/${kind.plural}/${name}`] ??
    builtInSubresources[`*/${name}`];
  if (handler !== undefined) {
    if (!handler.connect && !declared.verbs.includes(request.info.verb)) throw methodUnknown();
    return handle(core, target, request, handler);
  }
  if (!OBJECT_SUBRESOURCES.has(name) || !declared.verbs.includes(request.info.verb)) throw methodUnknown();
  const verb = verbs[request.info.verb];
  if (verb === undefined) throw methodUnknown();
  return verb(core, target, request);
}

async function handle(core: Core, target: Target, request: ApiRequest, handler: SubresourceHandler): Promise<ApiResponse> {
  const context: HandlerContext = connectContext(core, target, request);
  if (handler.connect) {
    const declared = target.kind.subresources.find((sub) => sub.name === target.subresource);
    await context.admit('CONNECT', connectOptions(request, declared?.responseKind ?? target.kind));
    return handler.connect(context);
  }
  const { verb } = request.info;
  if (verb === 'get' && handler.get) return handler.get(context);
  if (verb === 'list' && handler.list) return handler.list(context);
  if (verb === 'create' && handler.create) return handler.create(context);
  if (verb === 'update' && handler.update) return handler.update(context);
  if (verb === 'patch' && handler.patch) return handler.patch(context);
  // What can only be created has no paths of its own.
  throw target.name !== '' && target.subresource === '' && !handler.get ? pathNotFound() : methodUnknown();
}
