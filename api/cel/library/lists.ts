// Lists and sets: Kubernetes' own functions and cel-go's extensions (lists version 3, sets).
import { type Cost, type Estimate, elements, fixed, pairs, type Sized } from '../costs.ts';
import { declarer, type Overload } from '../declarations.ts';
import { compare, equals } from '../equality.ts';
import { work } from '../meter.ts';
import { CelError, CostLimitError } from '../problems.ts';
import { add, exactly, multiply, type Range, scale, UNKNOWN_MAX } from '../range.ts';
import { checkedDuration } from '../time.ts';
import { type CelList, Duration, isList, list, Optional, sizeOf, Uint, type Value } from '../values.ts';
import { contains, int } from './operators.ts';

const declare = declarer();
const isText = (type: string): boolean => type === 'string' || type === 'bytes';
const COMPARABLE = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];
const LIST_MAX = 1_000_000;

/** Throws for values without an order. */
function order(a: Value, b: Value): number {
  const result = compare(a, b);
  if (result === undefined) throw new CelError('no such overload');
  return result;
}

function isSorted(items: CelList): boolean {
  for (let i = 1; i < items.size; i++) if (order(items.at(i - 1)!, items.at(i)!) > 0) return false;
  return true;
}

const extreme =
  (name: string, wanted: number) =>
  (items: CelList): Value => {
    let best = items.at(0);
    if (best === undefined) throw new CelError(`${name} called on empty list`);
    for (const item of items) if (Math.sign(order(item, best)) === wanted) best = item;
    return best;
  };

const SUMS: readonly [string, Value, (a: any, b: any) => Value][] = [
  ['int', 0n, (a: bigint, b: bigint) => int(a + b)],
  ['uint', new Uint(0n), (a: Uint, b: Uint) => new Uint(a.value + b.value)],
  ['double', 0, (a: number, b: number) => a + b],
  ['duration', new Duration(0n), (a: Duration, b: Duration) => checkedDuration(a.nanos + b.nanos)],
];

const sumOf =
  (start: Value, plus: (a: Value, b: Value) => Value) =>
  (items: CelList): Value => {
    let total: Value = start;
    for (const item of items) {
      if (typeof item !== typeof start) throw new CelError('no such overload: sum(list)');
      total = plus(total, item);
    }
    return total;
  };

function indexOf(items: CelList, wanted: Value): bigint {
  for (let i = 0; i < items.size; i++) if (equals(items.at(i)!, wanted)) return BigInt(i);
  return -1n;
}
function lastIndexOf(items: CelList, wanted: Value): bigint {
  for (let i = items.size - 1; i >= 0; i--) if (equals(items.at(i)!, wanted)) return BigInt(i);
  return -1n;
}

function slice(items: CelList, from: bigint, to: bigint): CelList {
  const [start, end] = [Number(from), Number(to)];
  if (start < 0 || end < 0) throw new CelError(`cannot slice(${start}, ${end}), negative indexes not supported`);
  if (start > end) throw new CelError(`cannot slice(${start}, ${end}), start index must be less than or equal to end index`);
  if (end > items.size) throw new CelError(`cannot slice(${start}, ${end}), list is length ${items.size}`);
  work(items.size);
  return list([...items].slice(start, end));
}

function flatten(items: CelList, depth = 1n): CelList {
  if (depth < 0n) throw new CelError('level must be non-negative');
  const out: Value[] = [];
  const walk = (inner: CelList, left: bigint): void => {
    for (const item of inner) {
      work(1);
      if (item !== null && typeof item === 'object' && isList(item) && left > 0n) walk(item, left - 1n);
      else out.push(item);
    }
  };
  walk(items, depth);
  return list(out);
}

function distinct(items: CelList): CelList {
  const out: Value[] = [];
  for (const item of items) if (!out.some((one) => equals(one, item))) out.push(item);
  return list(out);
}

/** Sorted by keys of one comparable type. */
function sortedBy(items: CelList, keys: CelList): CelList {
  const pairs = [...items].map((item, i) => ({ item, key: keys.at(i)! }));
  const kind = pairs.length > 0 ? typeof pairs[0]!.key : '';
  if (pairs.some(({ key }) => typeof key !== kind)) throw new CelError('list elements must have the same type');
  return list(pairs.sort((a, b) => order(a.key, b.key)).map(({ item }) => item));
}

function range(count: bigint): CelList {
  if (count > LIST_MAX) throw new CostLimitError();
  return list(Array.from({ length: Math.max(0, Number(count)) }, (_, i) => BigInt(i)));
}

/** What a call costs that makes a list: `factor` for each of `size`, which is also taken for the result's size. */
const making = (factor: number, size: Range): Estimate => ({ cost: add(exactly(11), scale(size, factor)), result: size });
const made = (factor: number, size: number): number => Math.floor(size * factor) + 11;

const literalOr = (arg: Sized | undefined, otherwise: number): number =>
  arg?.expr?.kind === 'literal' && typeof arg.expr.value === 'bigint' ? Math.max(0, Number(arg.expr.value)) : otherwise;

/** A walk that makes a new list. */
const copying: Cost = { estimate: ([items]) => making(1, items!.size), actual: (_, result) => made(1, sizeOf(result)) };
const slicing: Cost = {
  ...copying,
  estimate: ([items, start, end]) => making(1, exactly(Math.max(0, literalOr(end, items!.size.max) - literalOr(start, 0)))),
};
const flattening: Cost = {
  estimate: ([items, depth]) => making(depth ? literalOr(depth, UNKNOWN_MAX) : 1, items!.size),
  actual: ([items, depth]) => made(depth === undefined ? 1 : Number(depth), sizeOf(items!)),
};
const ranging: Cost = { ...copying, estimate: ([count]) => making(1, exactly(literalOr(count, UNKNOWN_MAX))) };

/** Each element of argument `index` against each other one. */
const comparing = (index: number, text = false): Cost => ({
  estimate: (args) => making(text ? 2.1 : 2, multiply(args[index]!.size, args[index]!.size)),
  actual: (args) => {
    const items = args[index] as CelList;
    const first = items.at(0);
    return made(typeof first === 'string' || first instanceof Uint8Array ? 2.1 : 2, items.size ** 2);
  },
});

const kubernetes: Overload[] = [
  ...COMPARABLE.flatMap((type) => [
    declare(`list<${type}>::isSorted() bool`, isSorted, elements),
    declare(`list<${type}>::min() ${type}`, extreme('min', -1), elements),
    declare(`list<${type}>::max() ${type}`, extreme('max', 1), elements),
  ]),
  ...SUMS.map(([type, start, plus]) => declare(`list<${type}>::sum() ${type}`, sumOf(start, plus), elements)),
  declare('list<T>::indexOf(T) int', indexOf, elements),
  declare('list<T>::lastIndexOf(T) int', lastIndexOf, elements),
];

const extensions: Overload[] = [
  declare('list<T>::slice(int, int) list<T>', slice, slicing),
  declare('list<list<T>>::flatten() list<T>', flatten, flattening),
  declare('list<dyn>::flatten(int) list<dyn>', flatten, flattening),
  declare('list<T>::distinct() list<T>', distinct, comparing(0)),
  declare('list<T>::reverse() list<T>', (items: CelList) => list([...items].reverse()), copying),
  declare('lists.range(int) list<int>', range, ranging),
  declare('list<T>::first() optional<T>', (items: CelList) => new Optional(items.at(0)), fixed(1)),
  declare('list<T>::last() optional<T>', (items: CelList) => new Optional(items.at(items.size - 1)), fixed(1)),
  ...COMPARABLE.flatMap((type) => [
    declare(`list<${type}>::sort() list<${type}>`, (items: CelList) => sortedBy(items, items), comparing(0, isText(type))),
    declare(`list<T>::@sortByAssociatedKeys(list<${type}>) list<T>`, sortedBy, comparing(1, isText(type))),
  ]),
];

const within = (a: CelList, b: CelList): boolean => [...b].every((item) => contains(a, item));

const sets: Overload[] = [
  declare('sets.contains(list<T>, list<T>) bool', within, pairs(1)),
  declare('sets.equivalent(list<T>, list<T>) bool', (a: CelList, b: CelList) => within(a, b) && within(b, a), pairs(2)),
  declare('sets.intersects(list<T>, list<T>) bool', (a: CelList, b: CelList) => [...b].some((item) => contains(a, item)), pairs(1)),
];

export const lists: readonly Overload[] = [...kubernetes, ...extensions, ...sets];
