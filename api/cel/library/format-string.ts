// `'%s %d'.format([...])` of cel-go's string extensions.

import { TextSize } from '../meter.ts';
import { CelError } from '../problems.ts';
import { doubleText, durationText, timestampText } from '../time.ts';
import { Duration, isList, isMap, Timestamp, TypeValue, typeName, Uint, type Value } from '../values.ts';

const failure = (why: string): CelError => new CelError(`error during formatting: ${why}`);

export function format(text: string, args: readonly Value[]): string {
  let next = 0;
  const size = new TextSize();
  return text.replace(/%(%|(?:\.(\d+))?([a-zA-Z])|)/g, (_, whole: string, precision?: string, clause?: string) => {
    if (whole === '%') return '%';
    if (!clause) throw new CelError('could not parse formatting clause: unexpected end of string');
    const write = CLAUSES[clause];
    if (!write) throw new CelError(`could not parse formatting clause: unrecognized formatting clause "${clause}"`);
    if (next >= args.length) throw new CelError(`index ${next} out of range`);
    return size.counted(write(args[next++]!, precision === undefined ? 6 : Number(precision)));
  });
}

const CLAUSES: Readonly<Record<string, (value: Value, precision: number) => string>> = {
  s: text,
  d: decimal,
  f: (value, precision) => fixed(value, precision),
  e: (value, precision) => scientific(value, precision),
  b: (value) =>
    typeof value === 'boolean' ? (value ? '1' : '0') : integer(value, 'only integers and bools can be formatted as binary').toString(2),
  x: (value) => hex(value),
  X: (value) => hex(value).toUpperCase(),
  o: (value) => integer(value, 'octal clause can only be used on integers').toString(8),
};

function integer(value: Value, why: string): bigint {
  if (typeof value === 'bigint') return value;
  if (value instanceof Uint) return value.value;
  throw failure(`${why}, was given ${shownType(value)}`);
}

const shownType = (value: Value): string => (value === null ? 'null_type' : typeName(value));

function decimal(value: Value): string {
  if (typeof value === 'number' && !Number.isFinite(value)) return text(value);
  return integer(value, 'decimal clause can only be used on integers').toString();
}

function hex(value: Value): string {
  if (typeof value === 'string') return Buffer.from(value).toString('hex');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return integer(value, 'only integers, byte buffers, and strings can be formatted as hex').toString(16);
}

function double(value: Value, clause: string): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint) return Number(value.value);
  throw failure(`${clause} clause can only be used on doubles, was given ${shownType(value)}`);
}

function fixed(value: Value, precision: number): string {
  const number = double(value, 'fixed-point');
  if (!Number.isFinite(number)) return text(number);
  const digits = Math.min(precision, 100);
  // Grouped, and rounded half to even, as cel-go's formatter has it.
  return new Intl.NumberFormat('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits, roundingMode: 'halfEven' }).format(
    number,
  );
}

const SUPERSCRIPT = '⁰¹²³⁴⁵⁶⁷⁸⁹';

function scientific(value: Value, precision: number): string {
  const number = double(value, 'scientific');
  if (!Number.isFinite(number)) return text(number);
  const [mantissa, exponent] = number.toExponential(Math.min(precision, 100)).split('e') as [string, string];
  const power = String(Math.abs(Number(exponent)))
    .padStart(2, '0')
    .replace(/\d/g, (digit) => SUPERSCRIPT[Number(digit)]!);
  return `${mantissa}×10${exponent.startsWith('-') ? '⁻' : ''}${power}`;
}

function text(value: Value): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return 'NaN';
    return Number.isFinite(value) ? doubleText(value) : value > 0 ? 'Infinity' : '-Infinity';
  }
  return nested(value);
}

/** Inside of lists and maps texts have quotes. */
function nested(value: Value): string {
  if (value === null) return 'null';
  switch (typeof value) {
    case 'string':
      return `"${value.replaceAll('"', '\\"')}"`;
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'number':
      return text(value);
  }
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Duration) return durationText(value);
  if (value instanceof Timestamp) return timestampText(value);
  if (value instanceof TypeValue) return value.type.name;
  if (value instanceof Uint8Array) return `b"${new TextDecoder().decode(value)}"`;
  if (isList(value)) return `[${[...value].map(nested).join(', ')}]`;
  if (isMap(value)) {
    const entries = [...value.keys()].map((key) => [nested(key), nested(value.get(key)!)] as const);
    return `{${entries
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => `${key}:${inner}`)
      .join(', ')}}`;
  }
  throw failure(
    `string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${shownType(value)}`,
  );
}
