// Unknown fields out, defaults in: what every custom object passes on its way in, and on its way out of the store.
import { deepCopy, setKey } from '../../../api/meta/index.ts';
import { isObject, type Json, type JsonSchema, own, valuesSchema } from './json-schema.ts';

const META = new Set(['apiVersion', 'kind', 'metadata']);

/** Removes fields that the schema does not know; answers their paths. The root keeps apiVersion, kind and metadata. */
export function prune(object: Json, schema: JsonSchema, path = '', root = true): string[] {
  const unknown: string[] = [];
  const values = valuesSchema(schema);
  const keeps = schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties === true;
  const embedded = root || schema['x-kubernetes-embedded-resource'] === true;
  for (const key of Object.keys(object).sort()) {
    if (embedded && META.has(key)) continue;
    const at = path === '' ? key : `${path}.${key}`;
    const field = own(schema.properties, key) ?? values;
    if (field !== undefined) unknown.push(...pruneValue(object[key], field, at));
    else if (!keeps) {
      delete object[key];
      unknown.push(at);
    }
  }
  return unknown;
}

function pruneValue(value: unknown, schema: JsonSchema, path: string): string[] {
  if (Array.isArray(value)) return schema.items ? value.flatMap((item, i) => pruneValue(item, schema.items!, `${path}[${i}]`)) : [];
  if (!isObject(value)) return [];
  if (
    schema.type === undefined &&
    !schema.properties &&
    !schema.additionalProperties &&
    schema['x-kubernetes-preserve-unknown-fields'] !== true
  )
    return [];
  return prune(value, schema, path, false);
}

/** Fills defaults in place; a null where null is not allowed counts as absent. */
export function fillDefaults(value: unknown, schema: JsonSchema): void {
  if (Array.isArray(value)) {
    if (schema.items) for (const item of value) fillDefaults(item, schema.items);
    return;
  }
  if (!isObject(value)) return;
  for (const [key, field] of Object.entries(schema.properties ?? {})) {
    if (Object.hasOwn(value, key) && value[key] === null && !field.nullable) delete value[key];
    if (!Object.hasOwn(value, key) && field.default !== undefined) setKey(value, key, deepCopy(field.default));
    if (Object.hasOwn(value, key)) fillDefaults(value[key], field);
  }
  const values = valuesSchema(schema);
  if (values === undefined) return;
  for (const key of Object.keys(value)) {
    if (own(schema.properties, key) !== undefined) continue;
    if (value[key] === null && !values.nullable) delete value[key];
    else fillDefaults(value[key], values);
  }
}
