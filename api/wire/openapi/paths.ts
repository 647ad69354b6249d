// Paths and operations of OpenAPI v3 from the names of a resource.
import type { ResourceNames, Subresource } from '../../kinds/kind.ts';
import type { GroupVersionKind } from '../../meta/index.ts';
import { type Json, reference } from './schemas.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const PATCHES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];

const parameter = (where: string, name: string, type = 'string'): Json => ({
  name,
  in: where,
  ...(where === 'path' ? { required: true } : {}),
  schema: { type, uniqueItems: true },
});
const query = (...names: string[]): Json[] => names.map((name) => parameter('query', name));
const writeParameters = query('dryRun', 'fieldManager', 'fieldValidation');
const listParameters = [
  ...query('continue', 'fieldSelector', 'labelSelector', 'resourceVersion', 'resourceVersionMatch'),
  parameter('query', 'allowWatchBookmarks', 'boolean'),
  parameter('query', 'limit', 'integer'),
  parameter('query', 'sendInitialEvents', 'boolean'),
  parameter('query', 'timeoutSeconds', 'integer'),
  parameter('query', 'watch', 'boolean'),
];
const deleteParameters = [
  ...query('dryRun', 'propagationPolicy'),
  parameter('query', 'gracePeriodSeconds', 'integer'),
  parameter('query', 'orphanDependents', 'boolean'),
];

/** What operations need to know of a resource: references to its schema and its list's. */
export interface PathContext {
  base: string;
  self: Json;
  list: Json;
  /** Built-in kinds: strategic merge patches are taken. */
  builtIn: boolean;
}

const content = (schema: Json, ...types: string[]): Json => Object.fromEntries(types.map((type) => [type, { schema }]));

const answers = (schema: Json, ...codes: number[]): Json =>
  Object.fromEntries([
    ...codes.map((code) => [
      code,
      { description: code === 201 ? 'Created' : 'OK', content: content(schema, 'application/json', 'application/yaml') },
    ]),
    [401, { description: 'Unauthorized' }],
  ] as [number, Json][]);

interface Operation {
  action: string;
  gvk: GroupVersionKind;
  parameters?: Json[];
  body?: Json;
  bodyTypes?: string[];
  answer: Json;
  codes?: number[];
  /** Of the path, when the body's kind is another one's (Scale, Eviction). */
  owner?: GroupVersionKind;
}

/** `patchCoreV1NamespacedPod`: the verb, the group and version, then the rest. */
function operationId(id: string, { group, version }: GroupVersionKind): string {
  const [, verb = '', rest = ''] = /^([a-z]+)(.*)$/.exec(id) ?? [];
  const upper = (text: string): string => (text[0] ?? '').toUpperCase() + text.slice(1);
  return `${verb}${upper(group.split('.')[0] || 'core')}${upper(version)}${rest}`;
}

const operation = (
  id: string,
  { action, gvk, parameters = [], body, bodyTypes = ['*/*'], answer, codes = [200], owner = gvk }: Operation,
): Json => ({
  operationId: operationId(id, owner),
  ...(parameters.length ? { parameters } : {}),
  ...(body ? { requestBody: { required: true, content: content(body, ...bodyTypes) } } : {}),
  responses: answers(answer, ...codes),
  'x-kubernetes-action': action,
  'x-kubernetes-group-version-kind': { group: gvk.group, version: gvk.version, kind: gvk.kind },
});

const status = reference(`${META}.Status`);
const deleteOptions = reference(`${META}.DeleteOptions`);
const patchBody = reference(`${META}.Patch`);

/** All paths of a resource. */
export function pathsOf(names: ResourceNames, context: PathContext): Record<string, Json> {
  const { kind, plural, namespaced } = names;
  const place = namespaced ? `${context.base}/namespaces/{namespace}/${plural}` : `${context.base}/${plural}`;
  const scope = namespaced ? 'Namespaced' : '';
  const outer = namespaced ? [parameter('path', 'namespace')] : [];
  const paths: Record<string, Json> = { [place]: collection(names, context, `${scope}${kind}`, outer) };
  if (namespaced && names.verbs.includes('list')) {
    paths[`${context.base}/${plural}`] = { get: listOperation(names, context, `list${kind}ForAllNamespaces`) };
  }
  if (names.verbs.includes('get'))
    paths[`${place}/{name}`] = item(names, names.verbs, names, context.self, context, `${scope}${kind}`, outer);
  for (const sub of names.subresources) paths[`${place}/{name}/${sub.name}`] = subresource(names, sub, context, scope, outer);
  return paths;
}

const listOperation = (names: ResourceNames, context: PathContext, id: string): Json =>
  operation(id, { action: 'list', gvk: names, parameters: listParameters, answer: context.list });

function collection(names: ResourceNames, context: PathContext, id: string, outer: Json[]): Json {
  const path: Json = outer.length ? { parameters: outer } : {};
  const has = (verb: string): boolean => names.verbs.includes(verb);
  if (has('list')) path['get'] = listOperation(names, context, `list${id}`);
  if (has('create')) {
    path['post'] = operation(`create${id}`, {
      action: 'post',
      gvk: names,
      parameters: writeParameters,
      body: context.self,
      answer: context.self,
      codes: [200, 201],
    });
  }
  if (has('deletecollection')) {
    path['delete'] = operation(`deleteCollection${id}`, {
      action: 'deletecollection',
      gvk: names,
      parameters: [...deleteParameters, ...listParameters],
      body: deleteOptions,
      answer: status,
    });
  }
  return path;
}

function item(
  names: ResourceNames,
  verbs: readonly string[],
  gvk: GroupVersionKind,
  self: Json,
  context: PathContext,
  id: string,
  outer: Json[],
): Json {
  const path: Json = { parameters: [...outer, parameter('path', 'name')] };
  const has = (verb: string): boolean => verbs.includes(verb);
  if (has('get')) path['get'] = operation(`read${id}`, { action: 'get', gvk, owner: names, answer: self });
  if (has('update')) {
    path['put'] = operation(`replace${id}`, {
      action: 'put',
      gvk,
      owner: names,
      parameters: writeParameters,
      body: self,
      answer: self,
      codes: [200, 201],
    });
  }
  if (has('patch')) {
    path['patch'] = operation(`patch${id}`, {
      action: 'patch',
      gvk,
      owner: names,
      parameters: [...writeParameters, parameter('query', 'force', 'boolean')],
      body: patchBody,
      bodyTypes: context.builtIn ? PATCHES : PATCHES.filter((type) => !type.includes('strategic')),
      answer: self,
      codes: [200, 201],
    });
  }
  if (has('create')) {
    if (gvk !== names)
      path['post'] = operation(`create${id}`, {
        action: 'post',
        gvk,
        owner: names,
        parameters: writeParameters,
        body: self,
        answer: self,
        codes: [200, 201],
      });
  }
  if (has('delete')) {
    path['delete'] = operation(`delete${id}`, {
      action: 'delete',
      gvk,
      owner: names,
      parameters: deleteParameters,
      body: deleteOptions,
      answer: status,
    });
  }
  return path;
}

const CONNECT = new Set(['attach', 'exec', 'portforward', 'proxy']);

function subresource(names: ResourceNames, sub: Subresource, context: PathContext, scope: string, outer: Json[]): Json {
  const id = `${scope}${names.kind}${sub.name[0]!.toUpperCase()}${sub.name.slice(1)}`;
  const gvk = { ...(sub.responseKind ?? { group: names.group, version: names.version, kind: names.kind }) };
  if (CONNECT.has(sub.name)) {
    const text = { type: 'string' };
    return {
      parameters: [...outer, parameter('path', 'name')],
      get: operation(`connectGet${id}`, { action: 'connect', gvk, owner: names, answer: text }),
      post: operation(`connectPost${id}`, { action: 'connect', gvk, owner: names, answer: text }),
    };
  }
  const self = sub.responseKind
    ? context.builtIn || sub.responseKind.kind === 'Scale'
      ? reference(refOf(sub.responseKind))
      : context.self
    : context.self;
  return item(names, sub.verbs, gvk, self, context, id, outer);
}

/** Definitions of the bodies of sub-resources live where their groups do. */
const refOf = ({ group, version, kind }: GroupVersionKind): string =>
  `io.k8s.api.${group === '' ? 'core' : group.split('.')[0]}.${version}.${kind}`;
