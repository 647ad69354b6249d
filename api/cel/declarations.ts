// Functions are declared by signatures: `string::contains(string) bool` is a member function, `size(string) int` a free one,
// `list<T>::sum() T` has a type parameter. The libraries are lists of these.
import type { Cost } from './costs.ts';
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
  optionalOf,
  param,
  STRING,
  TIMESTAMP,
  type Type,
  typeOf,
  UINT,
} from './types.ts';
import { Custom, Duration, isList, isMap, Optional, Timestamp, TypeValue, Uint, type Value } from './values.ts';

export interface Overload {
  readonly name: string;
  readonly member: boolean;
  /** The receiver of a member function comes first. */
  readonly args: readonly Type[];
  readonly result: Type;
  readonly params: readonly string[];
  readonly cost?: Cost | undefined;
  /** One of the language itself, whose errors say less. */
  readonly standard: boolean;
  /** Arguments have the declared types. Throws CelError. */
  readonly call: (...args: any[]) => Value;
}

const NAMED: Readonly<Record<string, Type>> = {
  bool: BOOL,
  int: INT,
  uint: UINT,
  double: DOUBLE,
  string: STRING,
  bytes: BYTES,
  null: NULL,
  duration: DURATION,
  timestamp: TIMESTAMP,
  dyn: DYN,
  type: typeOf(),
};

interface Signature extends Pick<Overload, 'name' | 'member' | 'args' | 'result' | 'params'> {}

/** Its signature is read when somebody first asks: most processes never meet an expression. */
class Declared implements Overload {
  readonly cost: Cost | undefined;
  readonly standard: boolean;
  readonly call: Overload['call'];
  readonly #text: string;
  readonly #types: Readonly<Record<string, Type>>;
  #read: Signature | undefined;

  constructor(text: string, types: Readonly<Record<string, Type>>, standard: boolean, call: Overload['call'], cost: Cost | undefined) {
    this.#text = text;
    this.#types = types;
    this.standard = standard;
    this.call = call;
    this.cost = cost;
  }

  get #signature(): Signature {
    this.#read ??= readSignature(this.#text, this.#types);
    return this.#read;
  }
  get name(): string {
    return this.#signature.name;
  }
  get member(): boolean {
    return this.#signature.member;
  }
  get args(): readonly Type[] {
    return this.#signature.args;
  }
  get result(): Type {
    return this.#signature.result;
  }
  get params(): readonly string[] {
    return this.#signature.params;
  }
}

/** Makes declarations; `types` are names of a library's own types. */
export const declarer =
  (types: Readonly<Record<string, Type>> = {}, standard = false) =>
  (signature: string, call: (...args: any[]) => Value, cost?: Cost): Overload =>
    new Declared(signature, types, standard, call, cost);

function readSignature(text: string, types: Readonly<Record<string, Type>>): Signature {
  const match = /^(?:(.+?)::)?([^\s(]+)\((.*)\) (\S+)$/.exec(text.replaceAll(', ', ','));
  if (!match) throw new Error(`no signature: ${text}`);
  const [, target, name, args, result] = match;
  const read = (one: string): Type => readType(one, types);
  const texts = [...(target ? [target] : []), ...splitTop(args!)];
  const params = [...new Set(text.match(/\b[A-Z]\b/g) ?? [])];
  return { name: name!, member: target !== undefined, args: texts.map(read), result: read(result!), params };
}

function readType(text: string, types: Readonly<Record<string, Type>>): Type {
  const generic = /^(list|map|optional|type)<(.*)>$/.exec(text);
  if (generic) {
    const [first, second] = splitTop(generic[2]!).map((one) => readType(one, types));
    if (generic[1] === 'list') return listOf(first!);
    if (generic[1] === 'map') return mapOf(first!, second!);
    return generic[1] === 'optional' ? optionalOf(first!) : typeOf(first!);
  }
  if (/^[A-Z]$/.test(text)) return param(text);
  const found = NAMED[text] ?? types[text];
  if (!found) throw new Error(`no type: ${text}`);
  return found;
}

/** At commas outside of `<...>`. */
function splitTop(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    if (text[i] === '<') depth++;
    else if (text[i] === '>') depth--;
    else if (i === text.length || (text[i] === ',' && depth === 0)) {
      if (i > start) out.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return out;
}

/** Does the value have that type, as far as overloads tell types apart? */
export function accepts(type: Type, value: Value): boolean {
  switch (type.kind) {
    case 'bool':
      return typeof value === 'boolean';
    case 'int':
      return typeof value === 'bigint';
    case 'uint':
      return value instanceof Uint;
    case 'double':
      return typeof value === 'number';
    case 'string':
      return typeof value === 'string';
    case 'bytes':
      return value instanceof Uint8Array;
    case 'null':
      return value === null;
    case 'duration':
      return value instanceof Duration;
    case 'timestamp':
      return value instanceof Timestamp;
    case 'type':
      return value instanceof TypeValue;
    case 'list':
      return isList(value);
    case 'map':
      return isMap(value);
    case 'struct':
      return (value instanceof Custom && value.type.name === type.name) || (isMap(value) && value.struct !== undefined);
    case 'opaque':
      return type.name === 'optional_type' ? value instanceof Optional : value instanceof Custom && value.type.name === type.name;
    default:
      return true;
  }
}
