// OpenAPI v3 structure of a custom resource, as a CustomResourceDefinition carries it (JSONSchemaProps).

/** A CEL rule of `x-kubernetes-validations`. */
export interface ValidationRule {
  rule: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
  fieldPath?: string;
  optionalOldSelf?: boolean;
}

export interface JsonSchema {
  type?: string;
  format?: string;
  title?: string;
  description?: string;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  required?: string[];
  enum?: unknown[];
  default?: unknown;
  nullable?: boolean;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minProperties?: number;
  maxProperties?: number;
  oneOf?: JsonSchema[];
  anyOf?: JsonSchema[];
  allOf?: JsonSchema[];
  not?: JsonSchema;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: 'atomic' | 'granular';
  'x-kubernetes-validations'?: ValidationRule[];
}

export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Schema of a map's values, when they have one. */
export const valuesSchema = (schema: JsonSchema): JsonSchema | undefined =>
  typeof schema.additionalProperties === 'object' && schema.additionalProperties !== null ? schema.additionalProperties : undefined;

/** Keys beyond `properties` are allowed, or forbidden by name (`false`): either way they are not pruned. */
export const hasAdditional = (schema: JsonSchema): boolean =>
  schema.additionalProperties !== undefined && schema.additionalProperties !== null;

/** Own property only: a field may be called `constructor`. */
export const own = <T>(record: Record<string, T> | undefined, key: string): T | undefined =>
  record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;

/** What every object carries, whether or not a schema names it. */
export const META_FIELDS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** The schema and all below it, value validations (allOf, not, ...) included; ends when `test` says true, and tells so. */
export function someSchema(schema: JsonSchema | undefined, test: (schema: JsonSchema) => boolean): boolean {
  if (!schema || typeof schema !== 'object') return false;
  if (test(schema)) return true;
  const { items, not, properties, allOf = [], anyOf = [], oneOf = [] } = schema;
  if (Array.isArray(items) ? items.some((one) => someSchema(one, test)) : someSchema(items, test)) return true;
  for (const one of [...allOf, ...anyOf, ...oneOf]) if (someSchema(one, test)) return true;
  if (someSchema(not, test)) return true;
  for (const one of Object.values(properties ?? {})) if (someSchema(one, test)) return true;
  return someSchema(valuesSchema(schema), test);
}
