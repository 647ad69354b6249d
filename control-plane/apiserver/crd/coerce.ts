// What decoding does to a custom object beside parsing: unknown fields out, nulls out, embedded metadata as any object's.
import { schemaOf } from '../../../api/gen/index.ts';
import { goJson, type KubeObject } from '../../../api/meta/index.ts';
import { dropNulls, eachEmbedded, isObject, type JsonSchema, prune } from '../../../api/structural/index.ts';
import { checkObject } from '../../../api/wire/index.ts';

const CONFIG_MAP = { group: '', version: 'v1', kind: 'ConfigMap' };

/** Metadata or an embedded resource that cannot be read; the text is Go's. */
export class MalformedError extends Error {}

/** In place; answers the paths of what it took out. `keepNulls`: of what was applied, whose nulls are validated. Throws {@link MalformedError}. */
export function coerce(object: Record<string, unknown>, schema: JsonSchema, keepNulls = false): string[] {
  const unknown = prune(object, schema);
  if (!keepNulls) dropNulls(object, schema);
  const inEmbedded: string[] = [];
  eachEmbedded(object, schema, (resource, path) => inEmbedded.push(...coerceEmbedded(resource, path)));
  return [...unknown, ...inEmbedded.sort()];
}

function coerceEmbedded(resource: Record<string, unknown>, path: string): string[] {
  for (const key of ['apiVersion', 'kind'])
    if (Object.hasOwn(resource, key) && typeof resource[key] !== 'string')
      throw new MalformedError(`${path}.${key}: Invalid value: ${goJson(resource[key])}: must be a string`);
  if (!Object.hasOwn(resource, 'metadata')) return [];
  try {
    if (resource['metadata'] !== null && !isObject(resource['metadata']))
      throw new MalformedError(`json: cannot unmarshal ${jsonType(resource['metadata'])} into Go value of type v1.ObjectMeta`);
    const { value, unknown } = readMetadata(resource['metadata'], 'ObjectMeta');
    resource['metadata'] = value;
    return unknown.map((field) => `${path}.${field}`);
  } catch (error) {
    throw new MalformedError(`${path}.metadata: Invalid value: ${goJson(resource['metadata'])}: ${(error as Error).message}`);
  }
}

const jsonType = (value: unknown): string =>
  Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value === 'bigint' ? 'number' : typeof value;

/** Through the checks of a built-in kind's metadata; errors name ObjectMeta alone, or the kind where metadata is no object. */
export function readMetadata(metadata: unknown, kind: string): { value: KubeObject['metadata']; unknown: string[] } {
  try {
    const body = { object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata ?? {} }, format: 'json' as const };
    const { object, warnings } = checkObject(body, CONFIG_MAP, { fieldValidation: 'Warn', schema: schemaOf(CONFIG_MAP)! });
    return { value: object.metadata ?? {}, unknown: warnings.flatMap((text) => /^unknown field "(.*)"$/.exec(text)?.[1] ?? []) };
  } catch (error) {
    const why = (error as Error).message.replace(/^.*? cannot be handled as a \S+: /s, '');
    throw new MalformedError(why.replace('ObjectMeta.metadata.', 'ObjectMeta.').replace('ConfigMap.metadata', `${kind}.metadata`));
  }
}
