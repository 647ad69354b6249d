// Lists and sets: Kubernetes' own functions and cel-go's extensions (lists version 3, sets).
import { type Cost, elements, fixed, pairs } from '../costs.ts';
import { declarer, type Overload } from '../declarations.ts';
import { work } from '../meter.ts';
import { CelError, CostLimitError } from '../problems.ts';
import { add, exactly, multiply, scale, UNKNOWN } from '../range.ts';
import { checkedDuration } from '../time.ts';
import { type CelList, compare, Duration, equals, isList, list, Optional, sizeOf, Uint, type Value } from '../values.ts';
import { contains, int } from './operators.ts';

const declare = declarer();
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

/** A walk that makes a new list. */
const copying: Cost = {
  estimate: ([items]) => ({ cost: add(exactly(11), items!.size), result: items!.size }),
  actual: ([items]) => 11 + sizeOf(items!),
};
/** Each element against each other one, into a new list. */
const quadratic: Cost = {
  estimate: ([items]) => ({ cost: add(exactly(11), scale(multiply(items!.size, items!.size), 2)), result: items!.size }),
  actual: ([items]) => 11 + 2 * sizeOf(items!) ** 2,
};
const unknownResult = (cost: Cost): Cost => ({ ...cost, estimate: (args) => ({ ...cost.estimate(args), result: UNKNOWN }) });
const ranged: Cost = {
  estimate: ([count]) => {
    const literal = count!.expr?.kind === 'literal' ? count!.expr.value : undefined;
    const size = typeof literal === 'bigint' ? exactly(Math.max(0, Number(literal))) : UNKNOWN;
    return { cost: add(exactly(11), size), result: size };
  },
  actual: (_, result) => 11 + sizeOf(result),
};

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
  declare('list<T>::slice(int, int) list<T>', slice, { ...copying, actual: (_, result) => 11 + sizeOf(result) }),
  declare('list<list<T>>::flatten() list<T>', flatten, unknownResult(copying)),
  declare('list<dyn>::flatten(int) list<dyn>', flatten, unknownResult(copying)),
  declare('list<T>::distinct() list<T>', distinct, quadratic),
  declare('list<T>::reverse() list<T>', (items: CelList) => list([...items].reverse()), copying),
  declare('lists.range(int) list<int>', range, ranged),
  declare('list<T>::first() optional<T>', (items: CelList) => new Optional(items.at(0)), fixed(1)),
  declare('list<T>::last() optional<T>', (items: CelList) => new Optional(items.at(items.size - 1)), fixed(1)),
  ...COMPARABLE.flatMap((type) => [
    declare(`list<${type}>::sort() list<${type}>`, (items: CelList) => sortedBy(items, items), quadratic),
    declare(`list<T>::@sortByAssociatedKeys(list<${type}>) list<T>`, sortedBy, quadratic),
  ]),
];

const within = (a: CelList, b: CelList): boolean => [...b].every((item) => contains(a, item));

const sets: Overload[] = [
  declare('sets.contains(list<T>, list<T>) bool', within, pairs(1)),
  declare('sets.equivalent(list<T>, list<T>) bool', (a: CelList, b: CelList) => within(a, b) && within(b, a), pairs(2)),
  declare('sets.intersects(list<T>, list<T>) bool', (a: CelList, b: CelList) => [...b].some((item) => contains(a, item)), pairs(1)),
];

export const lists: readonly Overload[] = [...kubernetes, ...extensions, ...sets];
