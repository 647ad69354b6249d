// cel-go's string extensions, version 2.
import { type Cost, elements, same, TRAVERSAL, traversal } from '../costs.ts';
import { declarer, type Overload } from '../declarations.ts';
import { TextSize } from '../meter.ts';
import { CelError } from '../problems.ts';
import { add, multiply, NOTHING, type Range, scale, UNKNOWN_MAX } from '../range.ts';
import { type CelList, codePoints, list, sizeOf } from '../values.ts';
import { format } from './format-string.ts';

const declare = declarer();
const ASCII = (text: string): boolean => codePoints(text) === text.length;
/** Indices count code points; plain texts need no list of them. */
const chars = (text: string): string | string[] => (ASCII(text) ? text : [...text]);
const outOfRange = (index: bigint): CelError => new CelError(`index out of range: ${index}`);

function charAt(text: string, index: bigint): string {
  const all = chars(text);
  if (index < 0n || index > all.length) throw outOfRange(index);
  return all[Number(index)] ?? '';
}

function substring(text: string, start: bigint, end?: bigint): string {
  const all = chars(text);
  if (start < 0n || start > all.length) throw outOfRange(start);
  if (end !== undefined && (end < 0n || end > all.length)) throw outOfRange(end);
  if (end !== undefined && start > end) throw new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  const part = all.slice(Number(start), end === undefined ? undefined : Number(end));
  return typeof part === 'string' ? part : part.join('');
}

/** Code points before `index` of UTF-16. */
const pointsBefore = (text: string, index: number): bigint => BigInt(index < 0 ? -1 : codePoints(text.slice(0, index)));
const unitsOf = (text: string, points: bigint): number =>
  ASCII(text) ? Number(points) : [...text].slice(0, Number(points)).join('').length;

function indexOf(text: string, part: string, from = 0n): bigint {
  if (from < 0n) throw outOfRange(from);
  if (from > codePoints(text)) {
    if (part === '') throw outOfRange(from);
    return -1n;
  }
  return pointsBefore(text, text.indexOf(part, unitsOf(text, from)));
}

function lastIndexOf(text: string, part: string, from?: bigint): bigint {
  if (from !== undefined && (from < 0n || from >= codePoints(text))) throw outOfRange(from);
  return pointsBefore(text, from === undefined ? text.lastIndexOf(part) : text.lastIndexOf(part, unitsOf(text, from)));
}

function replace(text: string, from: string, to: string, limit = -1n): string {
  const most = from === '' ? text.length + 1 : Math.floor(text.length / from.length);
  new TextSize().add(text.length + to.length * (limit < 0n ? most : Math.min(most, Number(limit))));
  if (limit < 0n) return from === '' ? surround(text, to, -1) : text.replaceAll(from, () => to);
  if (from === '') return surround(text, to, Number(limit));
  const parts = text.split(from);
  const count = Math.min(Number(limit), parts.length - 1);
  return [parts.slice(0, count + 1).join(to), ...parts.slice(count + 1)].join(from);
}

/** An empty text is found before each character and at the end. */
function surround(text: string, to: string, limit: number): string {
  let left = limit;
  const once = (): string => {
    if (left === 0) return '';
    left--;
    return to;
  };
  return [...text].map((char) => once() + char).join('') + once();
}

function split(text: string, separator: string, limit = -1n): CelList {
  if (limit === 0n) return list([]);
  const parts = separator === '' ? [...text] : text.split(separator);
  if (limit < 0n || parts.length <= limit) return list(parts);
  const head = parts.slice(0, Number(limit) - 1);
  return list([...head, parts.slice(Number(limit) - 1).join(separator)]);
}

function join(items: CelList, separator = ''): string {
  const parts = [...items];
  if (parts.some((part) => typeof part !== 'string')) throw new CelError('no such overload');
  const size = new TextSize();
  for (const part of parts) size.add((part as string).length + separator.length);
  return parts.join(separator);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};
const quote = (text: string): string => `"${text.toWellFormed().replace(/[\x07\b\f\n\r\t\v\\"]/g, (char) => ESCAPES[char]!)}"`;

/** Go's unicode.IsSpace and a few more. */
const trim = (text: string): string => text.replace(/^[\s\u0085\u180e\u200b\u2060\ufeff]+|[\s\u0085\u180e\u200b\u2060\ufeff]+$/gu, '');
const lower = (text: string): string => text.replace(/[A-Z]+/g, (part) => part.toLowerCase());
const upper = (text: string): string => text.replace(/[a-z]+/g, (part) => part.toUpperCase());

const walk = traversal(0, 1, same);

const splitting: Cost = {
  estimate: (args) => {
    const limit = args[2]?.expr;
    const max = limit?.kind === 'literal' && typeof limit.value === 'bigint' ? Math.max(0, Number(limit.value)) : args[0]!.size.max;
    return { cost: scale(args[0]!.size, 2 * TRAVERSAL), result: { min: 0, max } };
  },
  actual: traversal(0, 2).actual,
};

const joining: Cost = {
  estimate: ([items, separator]) => {
    const item = items!.items();
    let size = item ? multiply(items!.size, item.size) : NOTHING;
    const gaps: Range = { min: Math.max(0, items!.size.min - 1), max: Math.max(0, items!.size.max - 1) };
    if (separator) size = add(size, multiply(separator.size, gaps));
    return { cost: scale(size, TRAVERSAL), result: size };
  },
  actual: (_, result) => Math.ceil(sizeOf(result) * 2 * TRAVERSAL),
};

const replacing: Cost = {
  estimate: ([text, from, to]) => ({ cost: scale(text!.size, 2 * TRAVERSAL), result: replacedSize(text!.size, from!.size, to!.size) }),
  actual: traversal(0, 2).actual,
};

/** The longest result has the most and longest replacements, the shortest one the fewest and shortest. */
function replacedSize(text: Range, from: Range, to: Range): Range {
  let [most, keptMost, fewest, keptFewest] = [0, 0, 0, 0];
  if (from.min === 0) [most, keptMost] = [Math.min(text.max + 1, UNKNOWN_MAX), text.max];
  else if (to.max <= from.min) keptMost = text.max;
  else most = Math.ceil(text.max / from.min);
  if (from.max === 0) [fewest, keptFewest] = [text.min + 1, text.min];
  else if (from.max <= to.min) keptFewest = text.min;
  else fewest = Math.ceil(text.min / from.max);
  return add(multiply({ min: fewest, max: most }, to), { min: keptFewest, max: keptMost });
}

/** At most two characters for each, and the quotes; upstream's figure for what is unknown overflows to 0. */
const quoted = traversal(0, 1, ({ min, max }) => ({ min: min + 2, max: max >= UNKNOWN_MAX ? 0 : max * 2 + 2 }));

export const strings: readonly Overload[] = [
  declare('string::charAt(int) string', charAt),
  declare('string::indexOf(string) int', indexOf, elements),
  declare('string::indexOf(string, int) int', indexOf, elements),
  declare('string::lastIndexOf(string) int', lastIndexOf, elements),
  declare('string::lastIndexOf(string, int) int', lastIndexOf, elements),
  declare('string::lowerAscii() string', lower, walk),
  declare('string::upperAscii() string', upper, walk),
  declare('string::replace(string, string) string', replace, replacing),
  declare('string::replace(string, string, int) string', replace, replacing),
  declare('string::split(string) list<string>', split, splitting),
  declare('string::split(string, int) list<string>', split, splitting),
  declare('string::substring(int) string', substring, walk),
  declare('string::substring(int, int) string', substring, walk),
  declare('string::trim() string', trim, walk),
  declare('string::format(list<dyn>) string', (text: string, args: CelList) => format(text, [...args]), traversal(0)),
  declare('strings.quote(string) string', quote, quoted),
  declare('list<string>::join() string', join, joining),
  declare('list<string>::join(string) string', join, joining),
];
