// A careful JSON reader for the cases that JSON.parse hides: where it failed (in Go's words), duplicate keys, numbers as written.
import { integerOf } from './json.ts';
import { goQuote } from './problems.ts';

/** What the careful reading found beside the value. Paths are like `spec.containers[0].image`. */
export interface JsonFindings {
  value: unknown;
  /** Paths of keys that came again, in the document's order, with the offset of the repetition. */
  duplicates: { path: string; offset: number }[];
  /** Source text of numbers that are no integers (of int64), by the object or array that holds them. */
  numbers: Map<object, Map<string, string>>;
  /** The first number that float64 does not hold. */
  overflow: string | undefined;
  /** Offset of each key by its path. */
  offsets: Map<string, number>;
}

/** Counts the keys of all objects in a text that JSON.parse accepted, and tells whether it holds numbers to look at twice. */
export function countKeys(text: string): { keys: number; oddNumbers: boolean } {
  let keys = 0;
  let from = 0;
  let oddNumbers = false;
  for (;;) {
    const open = text.indexOf('"', from);
    const end = open < 0 ? text.length : open;
    if (!oddNumbers && end - from > 2 && isOdd(text, from, end)) oddNumbers = true;
    if (open < 0) return { keys, oddNumbers };
    let close = text.indexOf('"', open + 1);
    while (escaped(text, close)) close = text.indexOf('"', close + 1);
    from = close + 1;
    let next = text.charCodeAt(from);
    while (next === 32 || next === 10 || next === 13 || next === 9) next = text.charCodeAt(++from);
    if (next === 58) keys++;
  }
}

/** Keys of all objects inside a value, as {@link countKeys} counts them in its text. */
export function keysIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += keysIn(item);
    return count;
  }
  for (const key of Object.keys(value)) count += 1 + keysIn((value as Record<string, unknown>)[key]);
  return count;
}

function escaped(text: string, quote: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(quote - 1 - slashes) === 92) slashes++;
  return slashes % 2 === 1;
}

/** Between two strings: a number with a point, an exponent, or more digits than a double keeps. */
function isOdd(text: string, from: number, end: number): boolean {
  let digits = 0;
  for (let at = from; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code >= 48 && code <= 57) {
      if (++digits > 15) return true;
    } else {
      if (digits > 0 && (code === 46 || code === 101 || code === 69)) return true;
      digits = 0;
    }
  }
  return false;
}

/** Reads the text slowly. Throws SyntaxError with Go's encoding/json text. */
export function scanJson(text: string): JsonFindings {
  const reader = new Reader(text);
  reader.skip();
  const value = reader.value('', 'looking for beginning of value');
  reader.skip();
  if (reader.at < text.length) throw reader.unexpected('after top-level value');
  return { value, duplicates: reader.duplicates, numbers: reader.numbers, offsets: reader.offsets, overflow: reader.overflow };
}

class Reader {
  at = 0;
  readonly duplicates: { path: string; offset: number }[] = [];
  readonly numbers = new Map<object, Map<string, string>>();
  readonly offsets = new Map<string, number>();
  overflow: string | undefined;
  readonly #text: string;
  #lastNumber: string | undefined;
  constructor(text: string) {
    this.#text = text;
  }

  skip(): void {
    while (' \n\r\t'.includes(this.#text[this.at] ?? 'x')) this.at++;
  }

  unexpected(where: string): SyntaxError {
    const char = this.#text[this.at];
    if (char === undefined) return new SyntaxError('unexpected end of JSON input');
    const shown = char === "'" ? `'\\''` : char === '"' ? `'"'` : `'${goQuote(char).slice(1, -1)}'`;
    return new SyntaxError(`invalid character ${shown} ${where}`);
  }

  value(path: string, where: string): unknown {
    this.#lastNumber = undefined;
    const char = this.#text[this.at];
    if (char === '{') return this.#object(path);
    if (char === '[') return this.#array(path);
    if (char === '"') return this.#string();
    if (char === 't') return this.#literal('true', true);
    if (char === 'f') return this.#literal('false', false);
    if (char === 'n') return this.#literal('null', null);
    if (char === '-' || (char !== undefined && char >= '0' && char <= '9')) return this.#number();
    throw this.unexpected(where);
  }

  #object(path: string): unknown {
    const out: Record<string, unknown> = {};
    this.at++;
    this.skip();
    if (this.#text[this.at] === '}') {
      this.at++;
      return out;
    }
    for (;;) {
      this.skip();
      const offset = this.at;
      if (this.#text[this.at] !== '"') throw this.unexpected('looking for beginning of object key string');
      const key = this.#string();
      const here = path === '' ? key : `${path}.${key}`;
      if (Object.hasOwn(out, key)) this.duplicates.push({ path: here, offset });
      else this.offsets.set(here, offset);
      this.skip();
      if (this.#text[this.at] !== ':') throw this.unexpected('after object key');
      this.at++;
      this.skip();
      this.#put(out, key, this.value(here, 'looking for beginning of value'));
      this.skip();
      const next = this.#text[this.at];
      if (next !== ',' && next !== '}') throw this.unexpected('after object key:value pair');
      this.at++;
      if (next === '}') return out;
    }
  }

  #array(path: string): unknown {
    const out: unknown[] = [];
    this.at++;
    this.skip();
    if (this.#text[this.at] === ']') {
      this.at++;
      return out;
    }
    for (;;) {
      this.skip();
      this.#put(out, String(out.length), this.value(`${path}[${out.length}]`, 'looking for beginning of value'));
      this.skip();
      const next = this.#text[this.at];
      if (next !== ',' && next !== ']') throw this.unexpected('after array element');
      this.at++;
      if (next === ']') return out;
    }
  }

  #put(holder: object, key: string, value: unknown): void {
    Object.defineProperty(holder, key, { value, enumerable: true, writable: true, configurable: true });
    const source = typeof value === 'number' ? this.#lastNumber : undefined;
    if (source === undefined || (Number.isSafeInteger(value) && /^-?\d+$/.test(source))) return;
    const known = this.numbers.get(holder) ?? new Map<string, string>();
    this.numbers.set(holder, known.set(key, source));
  }

  #string(): string {
    const start = this.at++;
    for (;;) {
      const char = this.#text[this.at];
      if (char === undefined) throw this.unexpected('');
      if (char === '"') break;
      if (char < ' ') throw this.unexpected('in string literal');
      if (char === '\\') {
        this.at++;
        const code = this.#text[this.at];
        if (code === undefined || !'"\\/bfnrtu'.includes(code)) throw this.unexpected('in string escape code');
        for (let digit = 0; code === 'u' && digit < 4; digit++) {
          this.at++;
          if (!/[0-9a-fA-F]/.test(this.#text[this.at] ?? '')) throw this.unexpected('in \\u hexadecimal character escape');
        }
      }
      this.at++;
    }
    this.at++;
    return JSON.parse(this.#text.slice(start, this.at)) as string;
  }

  #literal(word: string, value: unknown): unknown {
    for (const char of word) {
      if (this.#text[this.at] !== char) throw this.unexpected(`in literal ${word} (expecting '${char}')`);
      this.at++;
    }
    return value;
  }

  #number(): number | bigint {
    const start = this.at;
    const digits = (where: string): void => {
      if (!/[0-9]/.test(this.#text[this.at] ?? '')) throw this.unexpected(where);
      while (/[0-9]/.test(this.#text[this.at] ?? '')) this.at++;
    };
    if (this.#text[this.at] === '-') this.at++;
    if (this.#text[this.at] === '0') this.at++;
    else digits('in numeric literal');
    const wholeEnd = this.at;
    if (this.#text[this.at] === '.') {
      this.at++;
      digits('after decimal point in numeric literal');
    }
    if (/[eE]/.test(this.#text[this.at] ?? '')) {
      this.at++;
      if (/[+-]/.test(this.#text[this.at] ?? '')) this.at++;
      digits('in exponent of numeric literal');
    }
    this.#lastNumber = this.#text.slice(start, this.at);
    const value = wholeEnd === this.at ? integerOf(this.#lastNumber) : Number(this.#lastNumber);
    if (typeof value === 'number' && !Number.isFinite(value)) this.overflow ??= this.#lastNumber;
    return value;
  }
}
