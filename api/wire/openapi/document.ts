// OpenAPI v3 as kubectl reads it: an index of documents, and one document for each group and version.
import { createHash } from 'node:crypto';
import type { ResourceNames } from '../../kinds/kind.ts';
import type { GroupVersionKind } from '../../meta/index.ts';
import { pathsOf } from './paths.ts';
import { Components, type Json, reference } from './schemas.ts';

/** A custom resource's part in a document: its structure as OpenAPI, from its CRD. */
export interface CustomSchema {
  /** e.g. `com.example.v1.Thing` */
  name: string;
  /** Of the kind, with apiVersion, kind and metadata left to us. */
  schema: Json;
}

export type CustomSchemas = (kind: ResourceNames) => CustomSchema | undefined;

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

const placeOf = (group: string, version: string): string => (group === '' ? `api/${version}` : `apis/${group}/${version}`);

/** `/openapi/v3`: where each document is. The hash changes when a document would. */
export function openApiIndex(kinds: Iterable<ResourceNames>, custom: CustomSchemas = () => undefined): object {
  const hashes = new Map<string, ReturnType<typeof createHash>>();
  for (const kind of kinds) {
    const place = placeOf(kind.group, kind.version);
    const hash = hashes.get(place) ?? createHash('sha256').update('v1.36');
    const { group, version, kind: name, plural, namespaced, verbs, subresources } = kind;
    hash.update(JSON.stringify([group, version, name, plural, namespaced, verbs, subresources, custom(kind)?.schema]));
    hashes.set(place, hash);
  }
  const paths = [...hashes].map(([place, hash]) => [
    place,
    { serverRelativeURL: `/openapi/v3/${place}?hash=${hash.digest('hex').toUpperCase()}` },
  ]);
  return { paths: Object.fromEntries(paths) };
}

/** `/openapi/v3/apis/<group>/<version>`; undefined when the group has no kinds. */
export function openApiDocument(
  group: string,
  version: string,
  kinds: Iterable<ResourceNames>,
  custom: CustomSchemas = () => undefined,
): object | undefined {
  const components = new Components();
  const paths: Record<string, Json> = {};
  components.add(`${META}.Status`, [{ group: '', version: 'v1', kind: 'Status' }]);
  components.add(`${META}.DeleteOptions`, [{ group, version, kind: 'DeleteOptions' }]);
  components.schemas[`${META}.Patch`] = { type: 'object' };
  for (const kind of kinds) {
    if (kind.group !== group || kind.version !== version) continue;
    for (const sub of kind.subresources)
      if (sub.responseKind && !/Options$/.test(sub.responseKind.kind)) components.addKind(sub.responseKind);
    const base = `/${placeOf(group, version)}`;
    const own = custom(kind);
    const { self, list } = own ? addCustom(components, kind, own) : addBuiltIn(components, kind);
    Object.assign(paths, pathsOf(kind, { base, self, list, builtIn: own === undefined }));
  }
  if (Object.keys(paths).length === 0) return undefined;
  return { openapi: '3.0.0', info: { title: 'Kubernetes', version: '1.36' }, paths, components: { schemas: components.schemas } };
}

function addBuiltIn(components: Components, kind: ResourceNames): { self: Json; list: Json } {
  const self = components.addKind(kind) ?? { type: 'object' };
  const list = kind.verbs.includes('list')
    ? components.addKind({ group: kind.group, version: kind.version, kind: `${kind.kind}List` })
    : undefined;
  return { self, list: list ?? self };
}

const gvkOf = ({ group, version }: ResourceNames, kind: string): GroupVersionKind[] => [{ group, version, kind }];

function addCustom(components: Components, kind: ResourceNames, { name, schema }: CustomSchema): { self: Json; list: Json } {
  const typeMeta = { apiVersion: { type: 'string' }, kind: { type: 'string' } };
  const properties = {
    ...typeMeta,
    metadata: { allOf: [components.add(`${META}.ObjectMeta`)] },
    ...((schema['properties'] as Json) ?? {}),
  };
  components.schemas[name] = { ...schema, type: 'object', properties, 'x-kubernetes-group-version-kind': gvkOf(kind, kind.kind) };
  components.schemas[`${name}List`] = {
    type: 'object',
    required: ['items'],
    properties: {
      ...typeMeta,
      metadata: { allOf: [components.add(`${META}.ListMeta`)] },
      items: { type: 'array', items: reference(name) },
    },
    'x-kubernetes-group-version-kind': gvkOf(kind, `${kind.kind}List`),
  };
  return { self: reference(name), list: reference(`${name}List`) };
}
