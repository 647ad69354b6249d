// Unknown fields out: what every custom object passes on its way in, and on its way out of the store.
import { hasAdditional, isObject, type Json, type JsonSchema, META_FIELDS, own, valuesSchema } from './schema.ts';

/**
 * Removes in place what the schema does not know; answers the paths, sorted. apiVersion, kind and metadata of the root and of
 * embedded resources stay. A schema of `undefined` knows nothing.
 */
export function prune(object: Json, schema: JsonSchema): string[] {
  return pruneValue(object, { ...schema, 'x-kubernetes-embedded-resource': true });
}

/** The same of any value, which is an embedded resource only if the schema says so. */
export function pruneValue(value: unknown, schema: JsonSchema): string[] {
  const unknown: string[] = [];
  visit(value, schema, '', unknown);
  return unknown.sort();
}

const below = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

function visit(value: unknown, schema: JsonSchema | undefined, path: string, unknown: string[]): void {
  if (Array.isArray(value)) {
    const items = schema && itemsOf(schema);
    if (items === undefined && schema?.['x-kubernetes-preserve-unknown-fields']) return;
    value.forEach((item, i) => {
      visit(item, items, `${path}[${i}]`, unknown);
    });
  } else if (isObject(value)) visitObject(value, schema, path, unknown);
}

/** Items of a list that keeps unknown fields keep theirs. */
const itemsOf = ({ items, 'x-kubernetes-preserve-unknown-fields': keeps }: JsonSchema): JsonSchema | undefined =>
  items && keeps ? { ...items, 'x-kubernetes-preserve-unknown-fields': true } : items;

function visitObject(value: Json, schema: JsonSchema | undefined, path: string, unknown: string[]): void {
  const keeps = schema?.['x-kubernetes-preserve-unknown-fields'] === true;
  for (const key of Object.keys(value)) {
    if (schema?.['x-kubernetes-embedded-resource'] && META_FIELDS.has(key)) continue;
    const field = own(schema?.properties, key);
    if (field !== undefined) visit(value[key], field, below(path, key), unknown);
    else if (schema && hasAdditional(schema)) visit(value[key], valuesSchema(schema), below(path, key), unknown);
    else if (!keeps) {
      unknown.push(below(path, key));
      delete value[key];
    }
  }
}
