// Operators and conversions of the language itself.
import { type Cost, copied, joined, membership, product, shorter, traversal } from '../costs.ts';
import { declarer, type Overload } from '../declarations.ts';
import { compare, equals } from '../equality.ts';
import { work } from '../meter.ts';
import { CelError } from '../problems.ts';
import { checkedDuration, checkedTimestamp, doubleText, durationText, parseDuration, parseTimestamp, timestampText } from '../time.ts';
import {
  type CelList,
  type CelMap,
  concat,
  Duration,
  isList,
  isMap,
  list,
  mapFrom,
  Optional,
  sizeOf,
  type Timestamp,
  TypeValue,
  typeOfValue,
  Uint,
  type Value,
} from '../values.ts';

const declare = declarer({}, true);
const INT_MIN = -(2n ** 63n);
const INT_MAX = 2n ** 63n - 1n;
const UINT_MAX = 2n ** 64n - 1n;

/** Throws when the result does not fit into 64 bits. */
export function int(value: bigint, what = 'integer overflow'): bigint {
  if (value < INT_MIN || value > INT_MAX) throw new CelError(what);
  return value;
}
function uint(value: bigint, what = 'unsigned integer overflow'): Uint {
  if (value < 0n || value > UINT_MAX) throw new CelError(what);
  return new Uint(value);
}

function divide(a: bigint, b: bigint): bigint {
  if (b === 0n) throw new CelError('division by zero');
  return a / b;
}
function modulo(a: bigint, b: bigint): bigint {
  if (b === 0n) throw new CelError('modulus by zero');
  return a % b;
}

const arithmetic: Overload[] = [
  declare('_+_(bytes, bytes) bytes', (a: Uint8Array, b: Uint8Array) => Uint8Array.from([...a, ...b]), copied),
  declare('_+_(double, double) double', (a: number, b: number) => a + b),
  declare('_+_(duration, duration) duration', (a: Duration, b: Duration) => checkedDuration(a.nanos + b.nanos)),
  declare('_+_(duration, timestamp) timestamp', (a: Duration, b: Timestamp) => checkedTimestamp(a.nanos + b.nanos)),
  declare('_+_(timestamp, duration) timestamp', (a: Timestamp, b: Duration) => checkedTimestamp(a.nanos + b.nanos)),
  declare('_+_(int, int) int', (a: bigint, b: bigint) => int(a + b)),
  declare('_+_(list<A>, list<A>) list<A>', (a: CelList, b: CelList) => concat(a, b), joined),
  declare('_+_(string, string) string', (a: string, b: string) => a + b, copied),
  declare('_+_(uint, uint) uint', (a: Uint, b: Uint) => uint(a.value + b.value)),
  declare('_-_(double, double) double', (a: number, b: number) => a - b),
  declare('_-_(duration, duration) duration', (a: Duration, b: Duration) => checkedDuration(a.nanos - b.nanos)),
  declare('_-_(int, int) int', (a: bigint, b: bigint) => int(a - b)),
  declare('_-_(timestamp, duration) timestamp', (a: Timestamp, b: Duration) => checkedTimestamp(a.nanos - b.nanos)),
  declare('_-_(timestamp, timestamp) duration', (a: Timestamp, b: Timestamp) => checkedDuration(a.nanos - b.nanos)),
  declare('_-_(uint, uint) uint', (a: Uint, b: Uint) => uint(a.value - b.value)),
  declare('_*_(double, double) double', (a: number, b: number) => a * b),
  declare('_*_(int, int) int', (a: bigint, b: bigint) => int(a * b)),
  declare('_*_(uint, uint) uint', (a: Uint, b: Uint) => uint(a.value * b.value)),
  declare('_/_(double, double) double', (a: number, b: number) => a / b),
  declare('_/_(int, int) int', (a: bigint, b: bigint) => int(divide(a, b))),
  declare('_/_(uint, uint) uint', (a: Uint, b: Uint) => uint(divide(a.value, b.value))),
  declare('_%_(int, int) int', (a: bigint, b: bigint) => modulo(a, b)),
  declare('_%_(uint, uint) uint', (a: Uint, b: Uint) => uint(modulo(a.value, b.value))),
  declare('-_(double) double', (a: number) => -a),
  declare('-_(duration) duration', (a: Duration) => checkedDuration(-a.nanos)),
  declare('-_(int) int', (a: bigint) => int(-a)),
  declare('!_(bool) bool', (a: boolean) => !a),
];

const ORDERED = ['bool', 'int', 'double', 'string', 'uint', 'bytes', 'timestamp', 'duration'];
const MIXED = ['int, double', 'int, uint', 'double, int', 'double, uint', 'uint, double', 'uint, int'];
const orders: [string, (order: number) => boolean][] = [
  ['_<_', (order) => order < 0],
  ['_<=_', (order) => order <= 0],
  ['_>_', (order) => order > 0],
  ['_>=_', (order) => order >= 0],
];
const comparisons: Overload[] = orders.flatMap(([name, holds]) =>
  [...ORDERED.map((type) => `${type}, ${type}`), ...MIXED].map((args) => {
    const text = args.startsWith('string') || args.startsWith('bytes');
    const decide = (a: Value, b: Value): boolean => {
      const order = compare(a, b);
      return order !== undefined && holds(order);
    };
    return declare(`${name}(${args}) bool`, decide, text ? shorter : undefined);
  }),
);

/** What the evaluator does itself: these are for the checker. */
const never = (): never => {
  throw new CelError('no such overload');
};

const language: Overload[] = [
  declare('_?_:_(bool, A, A) A', never),
  declare('_&&_(bool, bool) bool', never),
  declare('_||_(bool, bool) bool', never),
  declare('@not_strictly_false(bool) bool', never),
  declare('_==_(A, A) bool', never, shorter),
  declare('_!=_(A, A) bool', never, shorter),
  declare('_[_](list<A>, int) A', never),
  declare('_[_](map<A, B>, A) B', never),
  declare('_[_](optional<list<V>>, int) optional<V>', never),
  declare('_[_](optional<map<K, V>>, K) optional<V>', never),
  declare('_[?_](list<V>, int) optional<V>', never),
  declare('_[?_](optional<list<V>>, int) optional<V>', never),
  declare('_[?_](map<K, V>, K) optional<V>', never),
  declare('_[?_](optional<map<K, V>>, K) optional<V>', never),
  declare('@in(A, list<A>) bool', (item: Value, items: CelList) => contains(items, item), membership),
  declare('@in(A, map<A, B>) bool', (key: Value, map: CelMap) => map.get(key) !== undefined),
  declare('cel.@mapInsert(map<K, V>, map<K, V>) map<K, V>', (map: CelMap, more: CelMap) =>
    inserted(
      map,
      [...more.keys()].map((key) => [key, more.get(key)!]),
    ),
  ),
  declare('cel.@mapInsert(map<K, V>, K, V) map<K, V>', (map: CelMap, key: Value, value: Value) => inserted(map, [[key, value]])),
  declare('dyn(A) dyn', (value: Value) => value),
  declare('type(A) type<A>', (value: Value) => new TypeValue(typeOfValue(value))),
  ...['string', 'bytes', 'list<A>', 'map<A, B>'].flatMap((type) => [
    declare(`size(${type}) int`, (value: Value) => BigInt(sizeOf(value))),
    declare(`${type}::size() int`, (value: Value) => BigInt(sizeOf(value))),
  ]),
];

export function contains(items: CelList, item: Value): boolean {
  for (const one of items) if (equals(one, item)) return true;
  return false;
}

function inserted(map: CelMap, entries: readonly (readonly [Value, Value])[]): CelMap {
  work(map.size);
  for (const [key] of entries) if (map.get(key) !== undefined) throw new CelError(`insert failed: key ${String(key)} already exists`);
  return mapFrom([...[...map.keys()].map((key) => [key, map.get(key)!] as const), ...entries]);
}

function intOfDouble(value: number): bigint {
  if (!Number.isFinite(value) || value <= -(2 ** 63) || value >= 2 ** 63) throw new CelError('integer overflow');
  return BigInt(Math.trunc(value));
}
function intOfText(text: string): bigint {
  if (!/^[+-]?\d+$/.test(text)) throw new CelError("type conversion error from 'string' to 'int'");
  return int(BigInt(text), "type conversion error from 'string' to 'int'");
}
function uintOfText(text: string): Uint {
  if (!/^\d+$/.test(text)) throw new CelError("type conversion error from 'string' to 'uint'");
  return uint(BigInt(text), "type conversion error from 'string' to 'uint'");
}
function doubleOfText(text: string): number {
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^[+-]?nan$/i.test(text)) return Number.NaN;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) throw new CelError("type conversion error from 'string' to 'double'");
  return Number(text);
}
function boolOfText(text: string): boolean {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw new CelError("type conversion error from 'string' to 'bool'");
}
function textOfBytes(value: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    throw new CelError('invalid UTF-8 in bytes, cannot convert to string');
  }
}

const identity = (value: Value): Value => value;
const conversions: Overload[] = [
  declare('bool(bool) bool', identity),
  declare('bool(string) bool', boolOfText),
  declare('bytes(bytes) bytes', identity),
  declare(
    'bytes(string) bytes',
    (text: string) => new TextEncoder().encode(text),
    traversal(0, 1, (size) => ({ min: size.min, max: size.max * 4 })),
  ),
  declare('double(double) double', identity),
  declare('double(int) double', Number),
  declare('double(string) double', doubleOfText),
  declare('double(uint) double', (value: Uint) => Number(value.value)),
  declare('duration(duration) duration', identity),
  declare('duration(int) duration', (value: bigint) => checkedDuration(value)),
  declare('duration(string) duration', parseDuration),
  declare('int(int) int', identity),
  declare('int(double) int', intOfDouble),
  declare('int(duration) int', (value: Duration) => value.nanos),
  declare('int(string) int', intOfText),
  declare('int(timestamp) int', (value: Timestamp) => value.nanos / 1_000_000_000n - (value.nanos % 1_000_000_000n < 0n ? 1n : 0n)),
  declare('int(uint) int', (value: Uint) => int(value.value)),
  declare('string(string) string', identity),
  declare('string(bool) string', String),
  declare(
    'string(bytes) string',
    textOfBytes,
    traversal(0, 1, (size) => ({ min: Math.floor(size.min / 4), max: size.max })),
  ),
  declare('string(double) string', doubleText),
  declare('string(duration) string', durationText),
  declare('string(int) string', String),
  declare('string(timestamp) string', timestampText),
  declare('string(uint) string', (value: Uint) => String(value.value)),
  declare('timestamp(timestamp) timestamp', identity),
  declare('timestamp(int) timestamp', (seconds: bigint) => checkedTimestamp(seconds * 1_000_000_000n)),
  declare('timestamp(string) timestamp', parseTimestamp),
  declare('uint(uint) uint', identity),
  declare('uint(double) uint', (value: number) => uint(intOfDouble(value))),
  declare('uint(int) uint', (value: bigint) => uint(value)),
  declare('uint(string) uint', uintOfText),
];

const optionals: Overload[] = [
  declare('optional.of(V) optional<V>', (value: Value) => new Optional(value)),
  declare('optional.ofNonZeroValue(V) optional<V>', (value: Value) => (isZero(value) ? Optional.NONE : new Optional(value))),
  declare('optional.none() optional<V>', () => Optional.NONE),
  declare('optional.unwrap(list<optional<V>>) list<V>', unwrapAll),
  declare('list<optional<V>>::unwrapOpt() list<V>', unwrapAll),
  declare('optional<V>::hasValue() bool', (optional: Optional) => optional.value !== undefined),
  declare('optional<V>::value() V', (optional: Optional) => {
    if (optional.value === undefined) throw new CelError('optional.none() dereference');
    return optional.value;
  }),
  declare('optional<V>::or(optional<V>) optional<V>', never),
  declare('optional<V>::orValue(V) V', never),
];

function unwrapAll(optionals: CelList): Value {
  const values: Value[] = [];
  for (const item of optionals) if (item instanceof Optional && item.value !== undefined) values.push(item.value);
  return list(values);
}

function isZero(value: Value): boolean {
  if (value === null || value === false || value === 0 || value === 0n || value === '') return true;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Duration) return value.nanos === 0n;
  return typeof value === 'object' && (isList(value) || isMap(value) || value instanceof Uint8Array) && sizeOf(value) === 0;
}

/** Estimated by the prefix, charged by the text. */
const prefix: Cost = { estimate: traversal(1).estimate, actual: traversal(0).actual };

const texts: Overload[] = [
  declare('string::contains(string) bool', (text: string, part: string) => text.includes(part), product),
  declare('string::startsWith(string) bool', (text: string, part: string) => text.startsWith(part), prefix),
  declare('string::endsWith(string) bool', (text: string, part: string) => text.endsWith(part), prefix),
];

export const operators: readonly Overload[] = [...language, ...arithmetic, ...comparisons, ...conversions, ...optionals, ...texts];
