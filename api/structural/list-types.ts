// Lists that are sets or maps: no item and no key twice.
import { duplicate, index, inOrder, invalidValue, type Problem } from '../meta/index.ts';
import { isObject, type Json, type JsonSchema, own, valuesSchema } from './schema.ts';

/** All of an object's lists; `path` is where it stands, '' for the root. */
export function validateListTypes(value: unknown, schema: JsonSchema | undefined, path = ''): Problem[] {
  if (schema === undefined) return [];
  if (Array.isArray(value)) {
    const below = schema.items ? value.flatMap((item, i) => validateListTypes(item, schema.items, index(path, i))) : [];
    return [...validateList(value, schema, path), ...below];
  }
  if (!isObject(value)) return [];
  const values = valuesSchema(schema);
  return Object.keys(value).flatMap((key) => {
    const field = own(schema.properties, key);
    if (field) return validateListTypes(value[key], field, path === '' ? key : `${path}.${key}`);
    return values ? validateListTypes(value[key], values, index(path, key)) : [];
  });
}

function validateList(list: readonly unknown[], schema: JsonSchema, path: string): Problem[] {
  switch (schema['x-kubernetes-list-type']) {
    case 'set':
      return repeated(list).map((i) => duplicate(index(path, i), list[i]));
    case 'map':
      return validateMapList(list, schema['x-kubernetes-list-map-keys'] ?? [], path);
    default:
      return [];
  }
}

function validateMapList(list: readonly unknown[], names: readonly string[], path: string): Problem[] {
  const odd = list.findIndex((item) => item !== null && !isObject(item));
  if (odd >= 0) return [invalidValue(index(path, odd), list[odd], 'must be an object for an array of list-type map')];
  const keys = list.map((item) => keyOf(item as Json | null, names));
  return repeated(keys).map((i) => duplicate(index(path, i), keys[i]));
}

/** The item's key fields; those that it has not are not in it. */
export const keyOf = (item: Json | null, names: readonly string[]): Json =>
  Object.fromEntries(names.flatMap((name) => (item !== null && Object.hasOwn(item, name) ? [[name, item[name]]] : [])));

/** Where each repeated value comes for the second time. */
function repeated(list: readonly unknown[]): number[] {
  const times = new Map<string, number>();
  const found: number[] = [];
  list.forEach((item, i) => {
    const key = identity(item);
    const seen = times.get(key) ?? 0;
    times.set(key, seen + 1);
    if (seen === 1) found.push(i);
  });
  return found;
}

/** Equal for equal values, whatever the order of their keys. */
export const identity = (value: unknown): string => JSON.stringify(inOrder(value)) ?? '';
