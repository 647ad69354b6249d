// Reading parts of values: fields, elements, entries. What is not there is undefined, or cel-go's error.
import { CelError } from './problems.ts';
import { Custom, isList, isMap, Optional, typeOfValue, Uint, type Value } from './values.ts';

export const noSuchKey = (key: Value): CelError => new CelError(`no such key: ${key instanceof Uint ? key.value : String(key)}`);

export function fieldOf(value: Value, field: string): Value | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  if (value instanceof Custom) return value.field(field);
  return isMap(value) ? value.get(field) : undefined;
}

export function hasField(value: Value, field: string): boolean {
  if (value instanceof Optional) return value.value !== undefined && hasField(value.value, field);
  return fieldOf(value, field) !== undefined;
}

export function optionally(optional: Optional, read: (value: Value) => Value | undefined): Optional {
  const found = optional.value === undefined ? undefined : read(optional.value);
  return found === undefined ? Optional.NONE : new Optional(found);
}

/** Undefined when there is nothing; throws for a container or index of a wrong type. */
export function elementOf(container: Value, index: Value): Value | undefined {
  if (container !== null && typeof container === 'object') {
    if (container instanceof Custom && typeof index === 'string') return container.field(index);
    if (isMap(container)) return container.get(index);
    if (isList(container)) {
      const at = typeof index === 'bigint' ? Number(index) : index instanceof Uint ? Number(index.value) : index;
      if (typeof at !== 'number' || !Number.isInteger(at)) throw new CelError(`unsupported index type '${kindName(index)}' in list`);
      return container.at(at);
    }
  }
  throw noSuchKey(index);
}

const kindName = (value: Value): string => typeOfValue(value).name;

/** How cel-go's own error names types. */
const GO_TYPES: Readonly<Record<string, string>> = {
  bool: 'types.Bool',
  int: 'types.Int',
  uint: 'types.Uint',
  double: 'types.Double',
  string: 'types.String',
  bytes: 'types.Bytes',
  null: 'types.Null',
};

/** Elements of a list or keys of a map; with `two` the index or key, and the element or value. Until `turn` has enough. */
export function eachEntry(range: Value, two: boolean, turn: (first: Value, second?: Value) => boolean): void {
  if (range !== null && typeof range === 'object') {
    if (isList(range)) {
      for (let i = 0; i < range.size; i++) if (!(two ? turn(BigInt(i), range.at(i)!) : turn(range.at(i)!))) return;
      return;
    }
    if (isMap(range)) {
      for (const key of range.keys()) if (!(two ? turn(key, range.get(key)!) : turn(key))) return;
      return;
    }
  }
  throw new CelError(`got '${GO_TYPES[typeOfValue(range).kind] ?? typeOfValue(range).name}', expected iterable type`);
}
