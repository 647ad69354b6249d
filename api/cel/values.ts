// Values of CEL. int is a bigint, double a number; lists and maps may be views of JSON, converted as they are read.
import { work } from './meter.ts';
import { CelError, CostLimitError } from './problems.ts';
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  NULL,
  opaque,
  STRING,
  TIMESTAMP,
  type Type,
  typeOf,
  UINT,
} from './types.ts';

export type Value =
  | boolean
  | bigint
  | number
  | string
  | null
  | Uint8Array
  | Uint
  | CelList
  | CelMap
  | Duration
  | Timestamp
  | TypeValue
  | Optional
  | Custom;

export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** Nanoseconds since 1970; always within the years 1 to 9999. */
export class Timestamp {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

export class TypeValue {
  readonly type: Type;
  constructor(type: Type) {
    this.type = type;
  }
}

export class Optional {
  static readonly NONE = new Optional(undefined);
  readonly value: Value | undefined;
  constructor(value: Value | undefined) {
    this.value = value;
  }
}

/** A value of a library's own type: URL, quantity, an object under construction. */
export abstract class Custom {
  abstract readonly type: Type;
  abstract equals(other: Custom): boolean;
  /** Field of a struct; `undefined` when it has none of that name. */
  field(_name: string): Value | undefined {
    return undefined;
  }
}

/** x-kubernetes-list-type: what equality and `+` mean for a list. */
export interface ListSemantics {
  readonly kind: 'set' | 'map';
  /** Of a map list: the identity of an element. */
  keyOf(item: Value): string;
}

export interface CelList extends Iterable<Value> {
  readonly list: true;
  readonly size: number;
  /** Undefined outside of the list. */
  at(index: number): Value | undefined;
  readonly semantics?: ListSemantics | undefined;
}

export interface CelMap {
  readonly map: true;
  readonly size: number;
  /** The type of a typed object; maps have none. */
  readonly struct?: Type;
  get(key: Value): Value | undefined;
  keys(): Iterable<Value>;
}

export const isList = (value: Value): value is CelList =>
  typeof value === 'object' && value !== null && (value as { list?: unknown }).list === true;
export const isMap = (value: Value): value is CelMap =>
  typeof value === 'object' && value !== null && (value as { map?: unknown }).map === true;

/** A list over an array, converted as it is read. Appending shares the array as long as nobody else appended to it. */
class ArrayList<T> implements CelList {
  readonly list = true;
  readonly size: number;
  readonly #items: T[];
  readonly #convert: ((item: T) => Value) | undefined;
  readonly semantics: ListSemantics | undefined;
  constructor(items: T[], size: number, convert?: (item: T) => Value, semantics?: ListSemantics) {
    this.#items = items;
    this.size = size;
    this.#convert = convert;
    this.semantics = semantics;
  }
  at(index: number): Value | undefined {
    if (index < 0 || index >= this.size) return undefined;
    const item = this.#items[index] as T;
    return this.#convert ? this.#convert(item) : (item as Value);
  }
  *[Symbol.iterator](): Iterator<Value> {
    for (let i = 0; i < this.size; i++) yield this.at(i)!;
  }
  appended(more: CelList): CelList {
    work(more.size);
    let items = this.#items as unknown as Value[];
    if (this.#convert || items.length !== this.size || Object.isFrozen(items)) {
      work(this.size);
      items = [...this];
    }
    for (const item of more) items.push(item);
    return new ArrayList(items, items.length);
  }
}

const LIST_MAX = 1_000_000;

/** A list of these values; the array is the list's from now on. */
export const list = (items: Value[]): CelList => new ArrayList(items, items.length);

/** A view of an array. */
export const listView = <T>(items: readonly T[], convert: (item: T) => Value, semantics?: ListSemantics): CelList =>
  new ArrayList(items as T[], items.length, convert, semantics);

/** `a + b`. A longer list than any budget could walk is refused. */
export function concat(a: CelList, b: CelList): CelList {
  if (a.size + b.size > LIST_MAX) throw new CostLimitError();
  if (a.semantics) return combine(a, b, a.semantics);
  return a instanceof ArrayList ? a.appended(b) : list([...a, ...b]);
}

/** Sets: the union. Map lists: elements of `b` replace those of `a` with the same key. Order of `a` is kept. */
function combine(a: CelList, b: CelList, semantics: ListSemantics): CelList {
  work(a.size + b.size);
  const byKey = new Map<string, Value>();
  for (const item of a) byKey.set(semantics.keyOf(item), item);
  for (const item of b) {
    const key = semantics.keyOf(item);
    if (semantics.kind === 'map' || !byKey.has(key)) byKey.set(key, item);
  }
  return new ArrayList([...byKey.values()], byKey.size, undefined, semantics);
}

/** A text that two keys share when CEL holds them for equal. */
function keyText(key: Value): string | undefined {
  if (typeof key === 'string') return `s${key}`;
  if (typeof key === 'bigint' || typeof key === 'boolean') return `${key}`;
  if (key instanceof Uint) return `${key.value}`;
  if (typeof key === 'number') return Number.isInteger(key) ? `${BigInt(key)}` : `${key}`;
  return undefined;
}

class EntryMap implements CelMap {
  readonly map = true;
  readonly #entries: ReadonlyMap<string, readonly [Value, Value]>;
  constructor(entries: ReadonlyMap<string, readonly [Value, Value]>) {
    this.#entries = entries;
  }
  get size(): number {
    return this.#entries.size;
  }
  get(key: Value): Value | undefined {
    const text = keyText(key);
    return text === undefined ? undefined : this.#entries.get(text)?.[1];
  }
  *keys(): Iterable<Value> {
    for (const [key] of this.#entries.values()) yield key;
  }
}

/** Throws for keys of a wrong type; of a key that comes twice the last value stays. */
export function mapFrom(entries: Iterable<readonly [Value, Value]>): CelMap {
  const byKey = new Map<string, readonly [Value, Value]>();
  for (const entry of entries) {
    const text = keyText(entry[0]);
    if (text === undefined) throw new CelError(`unsupported key type: ${typeName(entry[0])}`);
    byKey.set(text, entry);
  }
  return new EntryMap(byKey);
}

class ObjectMap implements CelMap {
  readonly map = true;
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #convert: (value: unknown) => Value;
  constructor(object: Readonly<Record<string, unknown>>, convert: (value: unknown) => Value) {
    this.#object = object;
    this.#convert = convert;
  }
  get size(): number {
    return Object.keys(this.#object).length;
  }
  get(key: Value): Value | undefined {
    return typeof key === 'string' && Object.hasOwn(this.#object, key) && this.#object[key] !== undefined
      ? this.#convert(this.#object[key])
      : undefined;
  }
  keys(): Iterable<Value> {
    return Object.keys(this.#object).filter((key) => this.#object[key] !== undefined);
  }
}

/** A view of an object with values of one kind. */
export const mapView = (object: Readonly<Record<string, unknown>>, convert: (value: unknown) => Value): CelMap =>
  new ObjectMap(object, convert);

/** The type that `type(x)` gives. */
export function typeOfValue(value: Value): Type {
  switch (typeof value) {
    case 'boolean':
      return BOOL;
    case 'bigint':
      return INT;
    case 'number':
      return DOUBLE;
    case 'string':
      return STRING;
  }
  if (value === null) return NULL;
  if (value instanceof Uint) return UINT;
  if (value instanceof Uint8Array) return BYTES;
  if (value instanceof Duration) return DURATION;
  if (value instanceof Timestamp) return TIMESTAMP;
  if (value instanceof TypeValue) return typeOf();
  if (value instanceof Optional) return opaque('optional_type', DYN);
  if (value instanceof Custom) return value.type;
  if (isList(value)) return listOf(DYN);
  return value.struct ?? mapOf(DYN, DYN);
}

export const typeName = (value: Value): string => typeOfValue(value).name;

/** Code points of a string, elements, entries; 1 for what has no size (costs are made of it). */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return codePoints(value);
  if (typeof value !== 'object' || value === null) return 1;
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof Optional) return value.value === undefined ? 1 : sizeOf(value.value);
  return isList(value) || isMap(value) ? value.size : 1;
}

/** Number of code points, without making a list of them. */
export function codePoints(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++)
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) count--;
  return count;
}
