// Equality and order of values: numbers across their types, sets and map lists as their schema says.
import { work } from './meter.ts';
import { type CelList, type CelMap, Custom, Duration, isList, isMap, Optional, Timestamp, TypeValue, Uint, type Value } from './values.ts';

export function equals(a: Value, b: Value): boolean {
  work(1);
  if (a === b) return true;
  if (a === null || b === null) return false;
  if (isNumeric(a) && isNumeric(b)) return order(numberOf(a), numberOf(b)) === 0;
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof TypeValue) return b instanceof TypeValue && a.type.name === b.type.name;
  if (a instanceof Optional) {
    if (!(b instanceof Optional)) return false;
    return a.value === undefined || b.value === undefined ? a.value === b.value : equals(a.value, b.value);
  }
  if (a instanceof Custom) return b instanceof Custom && a.type.name === b.type.name && a.equals(b);
  if (isList(a)) return isList(b) && equalLists(a, b);
  if (isMap(a)) return isMap(b) && equalMaps(a, b);
  return false;
}

function equalLists(a: CelList, b: CelList): boolean {
  if (a.size !== b.size) return false;
  const semantics = a.semantics ?? b.semantics;
  if (semantics) {
    const byKey = new Map([...b].map((item) => [semantics.keyOf(item), item]));
    for (const item of a) {
      const other = byKey.get(semantics.keyOf(item));
      if (other === undefined || !equals(item, other)) return false;
    }
    return true;
  }
  for (let i = 0; i < a.size; i++) if (!equals(a.at(i)!, b.at(i)!)) return false;
  return true;
}

function equalMaps(a: CelMap, b: CelMap): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) {
    const other = b.get(key);
    if (other === undefined || !equals(a.get(key)!, other)) return false;
  }
  return true;
}

const isNumeric = (value: Value): value is bigint | number | Uint =>
  typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint;
const numberOf = (value: bigint | number | Uint): bigint | number => (value instanceof Uint ? value.value : value);

/** Negative, 0, positive; undefined when the two have no order (NaN, different types). */
export function compare(a: Value, b: Value): number | undefined {
  if (isNumeric(a) && isNumeric(b)) return order(numberOf(a), numberOf(b));
  if (typeof a === 'string' && typeof b === 'string') return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof Duration && b instanceof Duration) return order(a.nanos, b.nanos);
  if (a instanceof Timestamp && b instanceof Timestamp) return order(a.nanos, b.nanos);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  return undefined;
}

/** bigint and number compare by value; NaN with nothing. */
const order = (a: bigint | number, b: bigint | number): number | undefined => (a < b ? -1 : a > b ? 1 : a >= b ? 0 : undefined);
