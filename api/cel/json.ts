// Values from JSON and back, and what expressions construct.
import { equals } from './equality.ts';
import { work } from './meter.ts';
import { CelError } from './problems.ts';
import { structOf, type Type } from './types.ts';
import { Custom, isList, isMap, listView, mapView, typeName, Uint, type Value } from './values.ts';

/** A JSON value without a schema: what `dyn` variables hold. */
export function fromJson(value: unknown): Value {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return value;
    case 'number':
      return Number.isInteger(value) && Math.abs(value) < 2 ** 63 ? BigInt(value) : value;
    case 'object':
      if (value === null) return null;
      return Array.isArray(value) ? listView(value, fromJson) : mapView(value as Record<string, unknown>, fromJson);
    default:
      return null;
  }
}

/** Back to JSON; throws for what JSON has no form for. */
export function toJson(value: Value): unknown {
  work(1);
  switch (typeof value) {
    case 'boolean':
    case 'string':
    case 'number':
      return value;
    case 'bigint':
      return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }
  if (value === null) return null;
  if (value instanceof Uint) return toJson(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Constructed) return value.toJson();
  if (isList(value)) return [...value].map(toJson);
  if (isMap(value)) return Object.fromEntries([...value.keys()].map((key) => [String(toJson(key)), toJson(value.get(key)!)]));
  throw new CelError(`unsupported type for JSON: ${typeName(value)}`);
}

/** What `Name{field: value}` made. */
export class Constructed extends Custom {
  readonly type: Type;
  readonly fields: ReadonlyMap<string, Value>;
  constructor(name: string, fields: ReadonlyMap<string, Value>) {
    super();
    this.type = structOf(name);
    this.fields = fields;
  }
  override field(name: string): Value | undefined {
    return this.fields.get(name);
  }
  equals(other: Custom): boolean {
    if (!(other instanceof Constructed) || other.fields.size !== this.fields.size) return false;
    return [...this.fields].every(([name, value]) => other.fields.has(name) && equals(value, other.fields.get(name)!));
  }
  toJson(): Record<string, unknown> {
    return Object.fromEntries([...this.fields].map(([name, value]) => [name, toJson(value)]));
  }
}
