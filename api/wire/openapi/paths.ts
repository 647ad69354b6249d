// Paths of OpenAPI v3 from the names of a resource.
import { definitionName, resolve } from '../../gen/index.ts';
import type { ResourceNames, Subresource } from '../../kinds/kind.ts';
import type { GroupVersionKind } from '../../meta/index.ts';
import { type Operation, type Owner, operation, statusReference } from './operations.ts';
import { hoisted, namespaceParameter, pathParameter, queryParameter } from './parameters.ts';
import { type Json, reference } from './schemas.ts';

/** What operations need to know of a resource: references to its schema and its list's. */
export interface PathContext {
  owner: Owner;
  base: string;
  self: Json;
  list: Json;
}

/** A path's operations before what they share is taken out. */
type Operations = Record<string, Json>;

const aOrAn = (kind: string): string => (/^[AEIOU]/.test(kind) ? `an ${kind}` : `a ${kind}`);

/** All paths of a resource. */
export function pathsOf(names: ResourceNames, context: PathContext): Record<string, Json> {
  const { kind, plural, namespaced } = names;
  const place = namespaced ? `${context.base}/namespaces/{namespace}/${plural}` : `${context.base}/${plural}`;
  const id = `${namespaced ? 'Namespaced' : ''}${kind}`;
  const outer = [...(namespaced ? [namespaceParameter] : []), queryParameter('pretty', context.owner.descriptions)];
  const inner = (of: string): Json[] => [...outer, pathParameter('name', `name of the ${of}`)];
  const paths: Record<string, Json> = {};
  const put = (path: string, operations: Operations, parameters: Json[]): void => {
    if (Object.keys(operations).length > 0) paths[path] = hoisted(operations, parameters);
  };
  put(place, collection(names, context, id), outer);
  if (namespaced && names.verbs.includes('list')) {
    const get = operation(context.owner, listOperation(names, context, `list${kind}ForAllNamespaces`));
    put(`${context.base}/${plural}`, { get }, outer.slice(1));
  }
  put(`${place}/{name}`, item(names, context, id), inner(kind));
  for (const sub of names.subresources) {
    const own = sub.responseKind?.kind ?? kind;
    const parameters = CONNECT.has(sub.name) ? inner(own).filter((one) => one['name'] !== 'pretty') : inner(own);
    put(`${place}/{name}/${sub.name}`, subresource(names, sub, context, id), parameters);
  }
  return paths;
}

const listOperation = (names: ResourceNames, { list }: PathContext, id: string): Operation => ({
  action: 'list',
  id,
  description: `list or watch objects of kind ${names.kind}`,
  gvk: names,
  answer: list,
});

function collection(names: ResourceNames, context: PathContext, id: string): Operations {
  const { kind, verbs } = names;
  const { self, owner } = context;
  const out: Operations = {};
  if (verbs.includes('deletecollection'))
    out['delete'] = operation(owner, {
      action: 'deletecollection',
      id: `deleteCollection${id}`,
      description: `delete collection of ${kind}`,
      gvk: names,
      answer: statusReference,
    });
  if (verbs.includes('list')) out['get'] = operation(owner, listOperation(names, context, `list${id}`));
  if (verbs.includes('create'))
    out['post'] = operation(owner, {
      action: 'post',
      id: `create${id}`,
      description: `create ${aOrAn(kind)}`,
      gvk: names,
      body: self,
      answer: self,
    });
  return out;
}

/** What is done with one object, or with a part of it: `of` is `the specified Pod` or `status of the specified Pod`. */
function changes(owner: Owner, verbs: readonly string[], gvk: GroupVersionKind, self: Json, id: string, of: string): Operations {
  const out: Operations = {};
  const common = { gvk, answer: self };
  if (verbs.includes('get')) out['get'] = operation(owner, { ...common, action: 'get', id: `read${id}`, description: `read ${of}` });
  if (verbs.includes('update'))
    out['put'] = operation(owner, { ...common, action: 'put', id: `replace${id}`, description: `replace ${of}`, body: self });
  if (verbs.includes('patch'))
    out['patch'] = operation(owner, { ...common, action: 'patch', id: `patch${id}`, description: `partially update ${of}` });
  return out;
}

function item(names: ResourceNames, { owner, self }: PathContext, id: string): Operations {
  const out = changes(owner, names.verbs, names, self, id, `the specified ${names.kind}`);
  if (names.verbs.includes('delete'))
    out['delete'] = operation(owner, {
      action: 'delete',
      id: `delete${id}`,
      description: `delete ${aOrAn(names.kind)}`,
      gvk: names,
      answer: statusReference,
    });
  return out;
}

const CONNECT = new Set(['attach', 'exec', 'portforward', 'proxy']);
/** Options of sub-resources that are asked for by query. */
const OPTIONS: Readonly<Record<string, string>> = {
  attach: 'PodAttachOptions',
  exec: 'PodExecOptions',
  log: 'PodLogOptions',
  portforward: 'PodPortForwardOptions',
};

/** The fields of the options, as query parameters; what a proxy takes is the path behind it. */
function optionParameters(names: ResourceNames, sub: string, owner: Owner): Json[] {
  if (sub === 'proxy') return [queryParameter('path', owner.descriptions, 'string')];
  const kind = OPTIONS[sub];
  if (kind === undefined || names.group !== '' || names.kind !== 'Pod') return [];
  const { fields } = resolve(`io.k8s.api.core.v1.${kind}`);
  return Object.entries(fields)
    .filter(([name]) => name !== 'kind' && name !== 'apiVersion')
    .map(([name, { type }]) => queryParameter(name, owner.descriptions, type === 'boolean' || type === 'integer' ? type : 'string'));
}

function subresource(names: ResourceNames, sub: Subresource, context: PathContext, id: string): Operations {
  const { owner } = context;
  const full = `${id}${sub.name[0]!.toUpperCase()}${sub.name.slice(1)}`;
  const gvk = { ...(sub.responseKind ?? { group: names.group, version: names.version, kind: names.kind }) };
  const of = `${sub.name} of the specified ${names.kind}`;
  const parameters = optionParameters(names, sub.name, owner);
  if (CONNECT.has(sub.name)) {
    const connect = (method: string): Json =>
      operation(owner, {
        action: 'connect',
        id: `connect${method}${full}`,
        description: `connect ${method.toUpperCase()} requests to ${sub.name} of ${names.kind}`,
        gvk,
        answer: { type: 'string' },
        parameters,
      });
    return { get: connect('Get'), post: connect('Post') };
  }
  if (sub.name === 'log')
    return {
      get: {
        ...operation(owner, { action: 'get', id: `read${full}`, description: `read ${of}`, gvk, answer: { type: 'string' } }),
        parameters,
      },
    };
  const name = sub.responseKind && definitionName(sub.responseKind);
  const self = name === undefined ? context.self : reference(name);
  const out = changes(owner, sub.verbs, gvk, self, full, of);
  if (sub.verbs.includes('create'))
    out['post'] = operation(owner, {
      action: 'post',
      id: `create${full}`,
      description: `create ${sub.name} of ${aOrAn(names.kind)}`,
      gvk,
      body: self,
      answer: self,
    });
  return out;
}
