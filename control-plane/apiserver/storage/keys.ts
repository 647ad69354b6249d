// Where an object lies in the store: /registry/<group or core>/<plural>/[<namespace>/]<name>.

export const REGISTRY = '/registry/';

/** Names one stored resource, whatever versions it is served in. */
export interface StoredResource {
  readonly group: string;
  readonly plural: string;
}

export const prefixOf = (resource: StoredResource): string => `${REGISTRY}${resource.group || 'core'}/${resource.plural}/`;

/** The part of the key below its resource: `namespace/name`, or `name` when cluster-scoped. */
export const localKey = (namespace: string, name: string): string => (namespace === '' ? name : `${namespace}/${name}`);

/** Splits a store key into its resource's prefix and the local part; undefined when it is not one of ours. */
export function splitKey(key: string): { prefix: string; local: string } | undefined {
  if (!key.startsWith(REGISTRY)) return undefined;
  const group = key.indexOf('/', REGISTRY.length);
  const plural = group < 0 ? -1 : key.indexOf('/', group + 1);
  return plural < 0 ? undefined : { prefix: key.slice(0, plural + 1), local: key.slice(plural + 1) };
}
