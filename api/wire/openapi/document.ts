// OpenAPI v3: an index of documents, and one document for each group and version.
import { createHash } from 'node:crypto';
import type { ResourceNames } from '../../kinds/kind.ts';
import { type Descriptions, noDescriptions } from './description.ts';
import { BUILT_IN_TYPES, groupWord } from './operations.ts';
import { pathsOf } from './paths.ts';
import { Components, described, type Json, reference, typeMeta } from './schemas.ts';

/** A custom resource's part in a document: its structure as OpenAPI, from its CRD. */
export interface CustomSchema {
  /** e.g. `com.example.v1.Thing` */
  name: string;
  /** Of the kind, with apiVersion, kind and metadata left to us. */
  schema: Json;
}

type CustomSchemas = (kind: ResourceNames) => CustomSchema | undefined;

export interface OpenApiSource {
  kinds: readonly ResourceNames[];
  custom?: CustomSchemas;
  descriptions?: Descriptions;
}

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
export const INFO = { title: 'Kubernetes', version: '1.36' };
const SECURITY = { BearerToken: { type: 'apiKey', description: 'Bearer Token authentication', name: 'authorization', in: 'header' } };

const placeOf = (group: string, version: string): string => (group === '' ? `api/${version}` : `apis/${group}/${version}`);

const groupsOf = (kinds: readonly ResourceNames[]): string[] =>
  [...new Set(kinds.map(({ group }) => group))].filter((group) => group !== '');

/** Names of all documents with what their content depends on. */
function contents({ kinds, custom }: OpenApiSource): Map<string, unknown[]> {
  const places = new Map<string, unknown[]>([
    ['version', []],
    ['api', []],
    ['apis', []],
    ...groupsOf(kinds).map((group): [string, unknown[]] => [`apis/${group}`, []]),
  ]);
  for (const kind of kinds) {
    const place = placeOf(kind.group, kind.version);
    const { group, version, kind: name, plural, namespaced, verbs, subresources } = kind;
    const part = [group, version, name, plural, namespaced, verbs, subresources, custom?.(kind)?.schema];
    const known = places.get(place);
    if (known) known.push(part);
    else places.set(place, [part]);
  }
  return places;
}

/**
 * The documents' names with their hashes: the hash changes when the document would, without its being made. `salt` is what else it depends on.
 */
export function openApiHashes(source: OpenApiSource, salt = ''): Map<string, string> {
  const hashes = [...contents(source)].map(([place, parts]): [string, string] => [
    place,
    createHash('sha512')
      .update(JSON.stringify([INFO, salt, place, parts]))
      .digest('hex')
      .toUpperCase(),
  ]);
  return new Map(hashes.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `/openapi/v3`: where each document is. */
export const openApiIndex = (hashes: ReadonlyMap<string, string>): object => ({
  paths: Object.fromEntries([...hashes].map(([place, hash]) => [place, { serverRelativeURL: `/openapi/v3/${place}?hash=${hash}` }])),
});

/** `/openapi/v3/<place>`; undefined when there is no such document. */
export function openApiDocument(place: string, source: OpenApiSource): object | undefined {
  const components = new Components(source.descriptions);
  const paths = pathsAt(place, source, components);
  if (paths === undefined || Object.keys(paths).length === 0) return undefined;
  return { openapi: '3.0.0', info: INFO, paths, components: { schemas: components.schemas, securitySchemes: SECURITY } };
}

function pathsAt(place: string, source: OpenApiSource, components: Components): Record<string, Json> | undefined {
  const [root, first = '', version] = place.split('/');
  if (place.split('/').length > 3) return undefined;
  if (root === 'version' && !first) return versionPaths(components);
  if (root === 'api')
    return first === '' ? discoveryPath(components, '/api/', 'core', 'APIVersions', CORE) : groupPaths('', first, source, components);
  if (root !== 'apis') return undefined;
  if (first === '') return discoveryPath(components, '/apis/', 'apis', 'APIGroupList', APIS);
  if (version !== undefined) return groupPaths(first, version, source, components);
  if (!groupsOf(source.kinds).includes(first)) return undefined;
  const word = groupWord(first);
  const id = `get${word[0]!.toUpperCase()}${word.slice(1)}APIGroup`;
  return discoveryPath(components, `/apis/${first}/`, word, 'APIGroup', { description: 'get information of a group', operationId: id });
}

const CORE = { description: 'get available API versions', operationId: 'getCoreAPIVersions' };
const APIS = { description: 'get available API versions', operationId: 'getAPIVersions' };

const plainGet = (tag: string, texts: { description: string; operationId: string }, answer: Json, types: readonly string[]): Json => ({
  get: {
    tags: [tag],
    ...texts,
    responses: {
      200: { description: 'OK', content: Object.fromEntries(types.map((type) => [type, { schema: answer }])) },
      401: { description: 'Unauthorized' },
    },
  },
});

function discoveryPath(
  components: Components,
  path: string,
  tag: string,
  kind: string,
  texts: { description: string; operationId: string },
): Record<string, Json> {
  const answer = components.add(`${META}.${kind}`, [{ group: '', version: 'v1', kind }]);
  return { [path]: plainGet(tag, texts, answer, BUILT_IN_TYPES) };
}

const VERSION_FIELDS = [
  'major',
  'minor',
  'emulationMajor',
  'emulationMinor',
  'minCompatibilityMajor',
  'minCompatibilityMinor',
  'gitVersion',
  'gitCommit',
  'gitTreeState',
  'buildDate',
  'goVersion',
  'compiler',
  'platform',
];

/** `/version/`. */
export function versionPaths(components: Components): Record<string, Json> {
  const required = VERSION_FIELDS.filter((name) => !/^(emulation|minCompat)/.test(name));
  const texts = components.fieldTexts('io.k8s.apimachinery.pkg.version.Info');
  const property = (name: string): Json => ({
    ...described(texts[name]),
    ...(required.includes(name) ? { default: '' } : {}),
    type: 'string',
  });
  const answer = components.addPlain('io.k8s.apimachinery.pkg.version.Info', {
    type: 'object',
    properties: Object.fromEntries(VERSION_FIELDS.map((name) => [name, property(name)])),
    required,
  });
  const texts200 = { description: 'get the version information for this server', operationId: 'getCodeVersion' };
  return { '/version/': plainGet('version', texts200, answer, ['application/json']) };
}

/** Paths and components of a group and version; its list of resources first. */
export function groupPaths(
  group: string,
  version: string,
  source: OpenApiSource,
  components: Components,
): Record<string, Json> | undefined {
  const kinds = source.kinds.filter((kind) => kind.group === group && kind.version === version);
  if (kinds.length === 0) return undefined;
  const descriptions = source.descriptions ?? noDescriptions;
  components.add(`${META}.Status`, [{ group: '', version: 'v1', kind: 'Status' }]);
  components.add(`${META}.DeleteOptions`, [{ group, version, kind: 'DeleteOptions' }]);
  components.addPlain(`${META}.Patch`, { type: 'object' });
  const base = `/${placeOf(group, version)}`;
  const word = groupWord(group);
  const id = `get${word[0]!.toUpperCase()}${word.slice(1)}${version[0]!.toUpperCase()}${version.slice(1)}APIResources`;
  const paths = discoveryPath(components, `${base}/`, `${word}_${version}`, 'APIResourceList', {
    description: 'get available resources',
    operationId: id,
  });
  for (const kind of kinds) {
    for (const sub of kind.subresources)
      if (sub.responseKind && !/Options$/.test(sub.responseKind.kind)) components.addKind(sub.responseKind);
    const own = source.custom?.(kind);
    const { self, list } = own ? addCustom(components, kind, own, descriptions) : addBuiltIn(components, kind);
    const owner = { group, version, builtIn: own === undefined, descriptions };
    Object.assign(paths, pathsOf(kind, { owner, base, self, list }));
  }
  return paths;
}

function addBuiltIn(components: Components, kind: ResourceNames): { self: Json; list: Json } {
  const self = components.addKind(kind) ?? { type: 'object' };
  const list = kind.verbs.includes('list')
    ? components.addKind({ group: kind.group, version: kind.version, kind: `${kind.kind}List` })
    : undefined;
  return { self, list: list ?? self };
}

function addCustom(
  components: Components,
  kind: ResourceNames,
  { name, schema }: CustomSchema,
  descriptions: Descriptions,
): { self: Json; list: Json } {
  const gvk = (of: string): Json[] => [{ group: kind.group, version: kind.version, kind: of }];
  const text = (definition: string, field: string): Json => described(descriptions(`io.k8s.api.${definition}`)?.fields?.[field]);
  const { properties, ...rest } = schema;
  components.schemas[name] = {
    ...rest,
    type: 'object',
    properties: {
      ...typeMeta(descriptions),
      metadata: { allOf: [components.add(`${META}.ObjectMeta`)], ...text('apps.v1.Deployment', 'metadata') },
      ...((properties as Json) ?? {}),
    },
    'x-kubernetes-group-version-kind': gvk(kind.kind),
  };
  components.schemas[`${name}List`] = {
    description: `${kind.kind}List is a list of ${kind.kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      ...typeMeta(descriptions),
      metadata: { allOf: [components.add(`${META}.ListMeta`)], ...text('core.v1.PodList', 'metadata') },
      items: { description: `List of ${kind.plural}.`, type: 'array', items: reference(name) },
    },
    'x-kubernetes-group-version-kind': gvk(`${kind.kind}List`),
  };
  return { self: reference(name), list: reference(`${name}List`) };
}
