// Defaults in, and nulls out where null is not allowed.
import { deepCopy, setKey } from '../meta/index.ts';
import { isObject, type JsonSchema, own, valuesSchema } from './schema.ts';

const isUnwantedNull = (value: unknown, schema: JsonSchema | undefined): boolean =>
  value === null && schema !== undefined && !schema.nullable;
const hasDefault = (schema: JsonSchema): boolean => schema.default !== undefined && schema.default !== null;

/** Fills defaults in place; a null where null is not allowed counts as absent. */
export function fillDefaults(value: unknown, schema: JsonSchema | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      if (isUnwantedNull(value[i], schema.items) && hasDefault(schema.items!)) value[i] = deepCopy(schema.items!.default);
      fillDefaults(value[i], schema.items);
    }
    return;
  }
  if (!isObject(value)) return;
  const { properties } = schema;
  for (const key in properties) {
    const field = properties[key]!;
    if (hasDefault(field) && (!Object.hasOwn(value, key) || isUnwantedNull(value[key], field))) setKey(value, key, deepCopy(field.default));
  }
  const values = valuesSchema(schema);
  for (const key of Object.keys(value)) {
    const field = own(properties, key);
    if (field === undefined && isUnwantedNull(value[key], values) && hasDefault(values!)) setKey(value, key, deepCopy(values!.default));
    fillDefaults(value[key], field ?? values);
  }
}

/** Removes in place nulls of map entries and fields that may not be null and have no default. Those in lists stay, to be refused. */
export function dropNulls(value: unknown, schema: JsonSchema | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    for (const item of value) dropNulls(item, schema.items);
    return;
  }
  if (!isObject(value)) return;
  const values = valuesSchema(schema);
  for (const key of Object.keys(value)) {
    const field = own(schema.properties, key) ?? values;
    if (isUnwantedNull(value[key], field) && !hasDefault(field!)) delete value[key];
    else dropNulls(value[key], field);
  }
}
