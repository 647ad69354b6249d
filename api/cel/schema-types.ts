// Types and values from schemas: the structural schema of a custom resource, and the generated ones of the built-in kinds.
import type { Field, Schema } from '../meta/index.ts';
import { escapeName, selectable } from './escape.ts';
import type { PromisedSize } from './estimate.ts';
import { fromJson } from './json.ts';
import { CelError } from './problems.ts';
import { parseDuration, parseTimestamp } from './time.ts';
import { BOOL, BYTES, DOUBLE, DURATION, DYN, INT, listOf, mapOf, STRING, structOf, TIMESTAMP, type Type } from './types.ts';
import { type CelMap, type ListSemantics, listView, mapView, type Value } from './values.ts';

/** The part of an OpenAPI v3 schema that matters here. */
export interface JsonSchema {
  readonly type?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

/** A schema as CEL sees it. */
export interface SchemaType {
  readonly type: Type;
  /** The most characters, elements or entries that a value can have. */
  readonly maxElements: number;
  /** The fewest bytes that a value takes in JSON. */
  readonly minSize: number;
  readonly fields?: ReadonlyMap<string, SchemaType>;
  readonly items?: SchemaType;
  readonly keys?: SchemaType;
  /** A JSON value as a value of this type; throws CelError when it is none. */
  value(json: unknown): Value;
}

/** Estimates assume that a request is not larger. */
const REQUEST_MAX = 3 * 1024 * 1024;

/** Undefined: expressions cannot see values of this schema. `root`: kind, apiVersion and the names of metadata are there in any case. */
export function schemaType(schema: JsonSchema, root = false, name = 'object'): SchemaType | undefined {
  if (schema['x-kubernetes-int-or-string'])
    return { type: DYN, minSize: 1, maxElements: schema.maxLength === undefined ? REQUEST_MAX - 2 : schema.maxLength * 4, value: fromJson };
  switch (schema.type) {
    case 'array':
      return arrayType(schema, name);
    case 'object':
      return typeof schema.additionalProperties === 'object' && !root
        ? mapType(schema, schema.additionalProperties, name)
        : objectType(schema, root, name);
    case 'string':
      return stringType(schema);
    case 'boolean':
      return { type: BOOL, minSize: 4, maxElements: 0, value: typed('boolean') };
    case 'integer':
      return { type: INT, minSize: 1, maxElements: 0, value: integer };
    case 'number':
      return { type: DOUBLE, minSize: 1, maxElements: 0, value: double };
    default:
      return undefined;
  }
}

const nested = (schema: JsonSchema, name: string): SchemaType | undefined =>
  schemaType(schema, schema['x-kubernetes-embedded-resource'] ?? false, name);

function arrayType(schema: JsonSchema, name: string): SchemaType | undefined {
  const items = schema.items && nested(schema.items, `${name}.@idx`);
  if (!items) return undefined;
  const semantics = semanticsOf(schema);
  return {
    type: listOf(items.type),
    minSize: 2,
    maxElements: schema.maxItems === undefined ? Math.floor((REQUEST_MAX - 2) / (items.minSize + 1)) : Math.max(0, schema.maxItems),
    items,
    value: (json) => {
      if (!Array.isArray(json)) throw invalid('array', json);
      return listView(json, nullable(schema.items!, items), semantics);
    },
  };
}

function semanticsOf(schema: JsonSchema): ListSemantics | undefined {
  const kind = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (kind === 'set') return { kind, keyOf: identity };
  if (kind !== 'map') return undefined;
  const escaped = keys.map((key) => escapeName(key) ?? key);
  return { kind, keyOf: (item) => escaped.map((key) => identity((item as CelMap).get(key) ?? null)).join('\0') };
}

/** A text that is the same for equal elements of a set. */
function identity(value: Value): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part)) ?? '';
}

function mapType(schema: JsonSchema, values: JsonSchema, name: string): SchemaType | undefined {
  const items = nested(values, `${name}.@elem`);
  if (!items) return undefined;
  return {
    type: mapOf(STRING, items.type),
    minSize: 2,
    maxElements:
      schema.maxProperties === undefined ? Math.floor((REQUEST_MAX - 2) / (items.minSize + 6)) : Math.max(0, schema.maxProperties),
    items,
    // Upstream's estimate counts nothing for the length of keys, and published definitions rely on it.
    keys: { type: STRING, minSize: 2, maxElements: 0, value: typed('string') },
    value: (json) => {
      if (typeof json !== 'object' || json === null || Array.isArray(json)) throw invalid('map', json);
      return mapView(json as Record<string, unknown>, nullable(values, items));
    },
  };
}

const TEXT: JsonSchema = { type: 'string' };
const ROOT: Readonly<Record<string, JsonSchema>> = {
  kind: TEXT,
  apiVersion: TEXT,
  metadata: { type: 'object', properties: { name: TEXT, generateName: TEXT } },
};

function objectType(schema: JsonSchema, root: boolean, name: string): SchemaType {
  const properties = root ? { ...schema.properties, ...ROOT } : (schema.properties ?? {});
  const fields = new Map<string, SchemaType>();
  const convert = new Map<string, { property: string; value: (json: unknown) => Value }>();
  let minSize = 2;
  for (const [property, inner] of Object.entries(properties)) {
    const escaped = escapeName(property);
    const type = nested(inner, `${name}.${property}`);
    if (escaped === undefined || !type) continue;
    fields.set(escaped, type);
    convert.set(escaped, { property, value: nullable(inner, type) });
    if (schema.required?.includes(property) && inner.default === undefined) minSize += property.length + type.minSize + 4;
  }
  const type = structOf(name, (field) => fields.get(selectable(field))?.type);
  return {
    type,
    minSize,
    maxElements: 0, // as upstream counts objects: comparing two (`self == oldSelf`) is free, whatever is in them
    fields,
    value: (json) => {
      if (typeof json !== 'object' || json === null || Array.isArray(json)) throw invalid('object', json);
      return new TypedObject(type, json as Record<string, unknown>, convert);
    },
  };
}

/** An object with the fields of its schema; others are invisible. */
class TypedObject implements CelMap {
  readonly map = true;
  readonly struct: Type;
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #fields: ReadonlyMap<string, { property: string; value: (json: unknown) => Value }>;
  constructor(
    struct: Type,
    object: Readonly<Record<string, unknown>>,
    fields: ReadonlyMap<string, { property: string; value: (json: unknown) => Value }>,
  ) {
    this.struct = struct;
    this.#object = object;
    this.#fields = fields;
  }
  get size(): number {
    return [...this.keys()].length;
  }
  get(key: Value): Value | undefined {
    const field = typeof key === 'string' ? this.#fields.get(selectable(key)) : undefined;
    if (!field || !Object.hasOwn(this.#object, field.property)) return undefined;
    const json = this.#object[field.property];
    return json === undefined ? undefined : field.value(json);
  }
  *keys(): Iterable<Value> {
    for (const [name, { property }] of this.#fields) if (this.#object[property] !== undefined) yield name;
  }
  toJSON(): unknown {
    return this.#object;
  }
}

function stringType(schema: JsonSchema): SchemaType {
  switch (schema.format) {
    case 'byte':
      return { type: BYTES, minSize: 2, maxElements: Math.max(0, schema.maxLength ?? REQUEST_MAX - 2), value: bytes };
    case 'duration':
      return { type: DURATION, minSize: 3, maxElements: 32, value: (json) => parseDuration(text(json)) };
    case 'date':
      return { type: TIMESTAMP, minSize: 12, maxElements: 12, value: (json) => parseTimestamp(`${text(json)}T00:00:00Z`) };
    case 'date-time':
      return { type: TIMESTAMP, minSize: 21, maxElements: 32, value: (json) => parseTimestamp(text(json)) };
  }
  const longest = schema.enum?.length
    ? Math.max(0, ...schema.enum.map((one) => (typeof one === 'string' ? Buffer.byteLength(one) : 0)))
    : REQUEST_MAX - 2;
  return {
    type: STRING,
    minSize: 2,
    maxElements: schema.maxLength === undefined ? longest : Math.max(0, schema.maxLength) * 4,
    value: typed('string'),
  };
}

const invalid = (expected: string, json: unknown): CelError =>
  new CelError(`invalid data, expected ${expected}, got ${json === null ? 'null' : typeof json}`);

const nullable =
  (schema: JsonSchema, type: SchemaType) =>
  (json: unknown): Value =>
    json === null && schema.nullable ? null : type.value(json);

const typed =
  (kind: 'string' | 'boolean') =>
  (json: unknown): Value => {
    if (typeof json !== kind) throw invalid(kind, json);
    return json as Value;
  };

function text(json: unknown): string {
  if (typeof json !== 'string') throw invalid('string', json);
  return json;
}

function integer(json: unknown): Value {
  const value = fromJson(json);
  if (typeof value !== 'bigint') throw invalid('integer', json);
  return value;
}

function double(json: unknown): Value {
  if (typeof json !== 'number' && typeof json !== 'bigint') throw invalid('number', json);
  return Number(json);
}

const bytes = (json: unknown): Value => new Uint8Array(Buffer.from(text(json), 'base64'));

/** Sizes for the cost estimate of expressions whose variables all have this type (`self`, `oldSelf`). */
export const promisedSizes =
  (root: SchemaType): PromisedSize =>
  ([, ...path]) => {
    let type: SchemaType | undefined = root;
    for (const step of path) {
      if (step === '@items' || step === '@values') type = type.items;
      else type = step === '@keys' ? type.keys : type.fields?.get(step);
      if (!type) return undefined;
    }
    return { min: 0, max: type.maxElements };
  };

/** The type of a built-in kind, for type checks; values of it are read without one. */
export function kindType(schema: Schema, name = 'object'): Type {
  return definitionType(schema, schema.root, name);
}

function definitionType(schema: Schema, definition: Schema['root'], name: string): Type {
  const names = new Map(Object.keys(definition.fields).map((field) => [escapeName(field), field]));
  return structOf(name, (field) => {
    const property = names.get(field);
    return property === undefined ? undefined : fieldType(schema, definition.fields[property]!, `${name}.${property}`);
  });
}

function fieldType(schema: Schema, field: Field, name: string): Type {
  switch (field.type) {
    case 'string':
      return stringFieldType(field);
    case 'integer':
      return INT;
    case 'number':
      return DOUBLE;
    case 'boolean':
      return BOOL;
    case 'array':
      return listOf(field.items ? fieldType(schema, field.items, `${name}.@idx`) : DYN);
    case 'map':
      return mapOf(STRING, field.items ? fieldType(schema, field.items, `${name}.@elem`) : DYN);
    case 'object':
      return field.object ? definitionType(schema, field.object, name) : DYN;
    case 'ref':
      return definitionType(schema, schema.resolve(field.ref!), name);
    case 'any':
      return DYN;
  }
}

function stringFieldType(field: Field): Type {
  switch (field.format) {
    case 'byte':
      return BYTES;
    case 'date-time':
    case 'micro-time':
      return TIMESTAMP;
    case 'int-or-string':
      return DYN;
    default:
      return STRING;
  }
}
