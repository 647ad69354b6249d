// Go's regular expressions (RE2) by JavaScript's engine: the syntax is read with Go's rules and errors, and written in JavaScript's.
// What comes out needs no flags and no captures where that is possible, so that V8 may leave backtracking for its linear engine.
import { charClass, type Part, PERL_CLASSES, POSIX_CLASSES, rangesOf, unicodeClass } from './go-regexp-classes.ts';

/** The text is Go's: `missing closing ): ...`. */
export class GoRegExpError extends Error {}

export interface GoRegExp {
  test(text: string): boolean;
}

const CACHE_MAX = 1000;
const cache = new Map<string, GoRegExp>();

/** Throws {@link GoRegExpError}. */
export function goRegExp(pattern: string): GoRegExp {
  let found = cache.get(pattern);
  if (found === undefined) {
    if (cache.size >= CACHE_MAX) cache.clear();
    cache.set(pattern, (found = compile(pattern)));
  }
  return found;
}

const ASTRAL = /[\ud800-\udbff][\udc00-\udfff]/g;
/** Stands for any character beyond the first plane where the pattern names none of them. */
const ANY_ASTRAL = '\ue000';

function compile(pattern: string): GoRegExp {
  const { source, needsUnicode } = new Translator(pattern).run();
  if (needsUnicode) return new RegExp(source, 'u');
  const plain = new RegExp(source);
  return { test: (text) => plain.test(ASTRAL.test(text) ? text.replace(ASTRAL, ANY_ASTRAL) : text) };
}

interface Flags {
  /** i */
  fold: boolean;
  /** m: ^ and $ match at lines */
  lines: boolean;
  /** s: . matches a line's end */
  dotAll: boolean;
  /** U: *? and * change places */
  ungreedy: boolean;
}

const FLAG_NAMES: Readonly<Record<string, keyof Flags>> = { i: 'fold', m: 'lines', s: 'dotAll', U: 'ungreedy' };
const CONTROL: Readonly<Record<string, string>> = { a: '\u0007', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
const REPEAT_MAX = 1000;

class Translator {
  readonly #text: string;
  #at = 0;
  #flags: Flags = { fold: false, lines: false, dotAll: false, ungreedy: false };
  #needsUnicode = false;

  constructor(pattern: string) {
    this.#text = pattern;
  }

  run(): { source: string; needsUnicode: boolean } {
    const source = this.#alternatives(0);
    if (this.#at < this.#text.length) throw new GoRegExpError(`unexpected ): \`${this.#text}\``);
    return { source, needsUnicode: this.#needsUnicode };
  }

  #alternatives(depth: number): string {
    if (depth > REPEAT_MAX) throw new GoRegExpError(`expression nests too deeply: \`${this.#text}\``);
    const outer = { ...this.#flags };
    let source = '';
    /** What a repetition would repeat: the last part and where it stood in the pattern. */
    let last: string | undefined;
    let repeated = -1;
    while (this.#at < this.#text.length) {
      const start = this.#at;
      const char = this.#next();
      if (char === ')') {
        this.#at = start;
        break;
      }
      if (char === '|') {
        source += `${last ?? ''}|`;
        last = undefined;
        repeated = -1;
        continue;
      }
      const count = this.#repetition(char, start);
      if (count !== undefined) {
        const operator = this.#text.slice(start, this.#at);
        if (last === undefined) throw new GoRegExpError(`missing argument to repetition operator: \`${operator}\``);
        if (repeated >= 0) throw new GoRegExpError(`invalid nested repetition operator: \`${this.#text.slice(repeated, this.#at)}\``);
        last = `(?:${last})${count}`;
        repeated = start;
        continue;
      }
      source += last ?? '';
      repeated = -1;
      last = this.#atom(char, start, depth);
      if (last === '') last = undefined;
    }
    this.#flags = outer;
    return source + (last ?? '');
  }

  #next(): string {
    const char = String.fromCodePoint(this.#text.codePointAt(this.#at)!);
    this.#at += char.length;
    return char;
  }

  /** `*`, `+`, `?`, `{2,3}` and their lazy forms as JavaScript has them. */
  #repetition(char: string, start: number): string | undefined {
    let operator: string | undefined;
    if (char === '*' || char === '+' || char === '?') operator = char;
    else if (char === '{') {
      const found = /\{(\d+)(,(\d*))?\}/y;
      found.lastIndex = start;
      const match = found.exec(this.#text);
      if (!match) return undefined;
      const [whole, min, comma, max] = match;
      this.#at = start + whole.length;
      if (Number(min) > REPEAT_MAX || (max && (Number(max) > REPEAT_MAX || Number(max) < Number(min))))
        throw new GoRegExpError(`invalid repeat count: \`${whole}\``);
      operator = `{${min}${comma ?? ''}}`;
    }
    if (operator === undefined) return undefined;
    const lazy = this.#text[this.#at] === '?';
    if (lazy) this.#at++;
    return lazy !== this.#flags.ungreedy ? `${operator}?` : operator;
  }

  #atom(char: string, start: number, depth: number): string {
    const { lines, dotAll } = this.#flags;
    switch (char) {
      case '(':
        return this.#group(start, depth);
      case '[':
        return this.#class(start);
      case '.':
        return dotAll ? '[^]' : '[^\\n]';
      case '^':
        return lines ? '(?:^|(?<=\\n))' : '^';
      case '$':
        return lines ? '(?:$|(?=\\n))' : '$';
      case '\\':
        return this.#escape(start);
      default:
        return this.#literal(char);
    }
  }

  #literal(char: string): string {
    return this.#write([{ from: char.codePointAt(0)!, to: char.codePointAt(0)! }], false);
  }

  #write(parts: readonly Part[], negated: boolean): string {
    const { source, needsUnicode } = charClass(parts, negated, this.#flags.fold);
    this.#needsUnicode ||= needsUnicode;
    return source;
  }

  #group(start: number, depth: number): string {
    let flags: Flags | undefined;
    if (this.#text[this.#at] === '?') {
      const head = /\?(?:P?<([^>]*)>|([imsU]*(?:-[imsU]+)?)([:)]))/y;
      head.lastIndex = this.#at;
      const match = head.exec(this.#text);
      if (!match) throw this.#badGroup(start);
      const [whole, name, letters, end] = match;
      this.#at += whole.length;
      if (name !== undefined && !/^\w+$/.test(name))
        throw new GoRegExpError(`invalid named capture: \`${this.#text.slice(start, this.#at)}\``);
      if (letters !== undefined) {
        flags = withFlags(this.#flags, letters);
        if (end === ')') {
          this.#flags = flags;
          return '';
        }
      }
    }
    const outer = this.#flags;
    if (flags) this.#flags = flags;
    const inner = this.#alternatives(depth + 1);
    this.#flags = outer;
    if (this.#text[this.#at] !== ')') throw new GoRegExpError(`missing closing ): \`${this.#text}\``);
    this.#at++;
    return `(?:${inner})`;
  }

  #badGroup(start: number): GoRegExpError {
    const rest = this.#text.slice(start);
    if (/^\(\?P?<(?![=!])/.test(rest)) return new GoRegExpError(`invalid named capture: \`${rest}\``);
    const head = /^\(\?(?:P?[<=!>][=!]?|[imsU-]*.?)/su.exec(rest)![0];
    if (head.length === rest.length && /^\(\?[imsU-]*$/.test(rest))
      return new GoRegExpError(`missing argument to repetition operator: \`?\``);
    return new GoRegExpError(`invalid or unsupported Perl syntax: \`${/^\(\?<?[=!]/.exec(rest)?.[0] ?? head}\``);
  }

  #escape(start: number): string {
    const char = this.#text[this.#at];
    if (char === undefined) throw new GoRegExpError('trailing backslash at end of expression: ``');
    switch (char) {
      case 'A':
        this.#at++;
        return '^';
      case 'z':
        this.#at++;
        return '$';
      case 'b':
      case 'B':
        this.#at++;
        return `\\${char}`;
      case 'Q': {
        const end = this.#text.indexOf('\\E', this.#at);
        const quoted = this.#text.slice(this.#at + 1, end < 0 ? undefined : end);
        this.#at = end < 0 ? this.#text.length : end + 2;
        return [...quoted].map((one) => this.#literal(one)).join('');
      }
      default: {
        const part = this.#classEscape(start);
        return this.#write([part], false);
      }
    }
  }

  /** An escape that stands for one character or a class of them; `\` is read. */
  #classEscape(start: number): Part {
    const char = this.#next();
    const perl = PERL_CLASSES[char];
    if (perl) return perl;
    if (char === 'p' || char === 'P') return this.#unicode(char === 'P', start);
    const one = (code: number): Part => ({ from: code, to: code });
    if (CONTROL[char] !== undefined) return one(CONTROL[char].codePointAt(0)!);
    if (char === 'x') {
      const hex = /\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2})/y;
      hex.lastIndex = this.#at;
      const match = hex.exec(this.#text);
      const code = match ? Number.parseInt(match[1] ?? match[2]!, 16) : Number.NaN;
      if (match && code <= 0x10ffff) {
        this.#at += match[0].length;
        return one(code);
      }
    } else if (/[0-7]/.test(char)) {
      const octal = /[0-7]{1,3}/y;
      octal.lastIndex = this.#at - 1;
      const digits = octal.exec(this.#text)![0];
      if (char === '0' || digits.length > 1) {
        this.#at += digits.length - 1;
        return one(Number.parseInt(digits, 8));
      }
    } else if (/^[!-/:-@[-`{-~]$/.test(char)) return one(char.codePointAt(0)!);
    throw new GoRegExpError(`invalid escape sequence: \`${this.#text.slice(start, this.#at)}\``);
  }

  #unicode(negated: boolean, start: number): Part {
    const name = /\{(\^?)([^}]*)\}|([A-Z])/y;
    name.lastIndex = this.#at;
    const match = name.exec(this.#text);
    const part = match && unicodeClass(match[2] ?? match[3]!, negated !== (match[1] === '^'));
    if (match) this.#at += match[0].length;
    if (!part) throw new GoRegExpError(`invalid character class range: \`${this.#text.slice(start, this.#at)}\``);
    return part;
  }

  #class(start: number): string {
    const negated = this.#text[this.#at] === '^';
    if (negated) this.#at++;
    const parts: Part[] = [];
    for (let first = true; ; first = false) {
      if (this.#at >= this.#text.length) throw new GoRegExpError(`missing closing ]: \`${this.#text.slice(start)}\``);
      const from = this.#at;
      if (this.#text[from] === ']' && !first) break;
      const posix = /\[:(\^?)(\w+):\]/y;
      posix.lastIndex = from;
      const named = posix.exec(this.#text);
      if (named) {
        const ranges = Object.hasOwn(POSIX_CLASSES, named[2]!) ? POSIX_CLASSES[named[2]!] : undefined;
        if (!ranges) throw new GoRegExpError(`invalid character class range: \`${named[0]}\``);
        this.#at += named[0].length;
        parts.push(...rangesOf(ranges, named[1] === '^'));
        continue;
      }
      parts.push(this.#range(from));
    }
    this.#at++;
    return this.#write(parts, negated);
  }

  #range(start: number): Part {
    const low = this.#member(start);
    if (!('from' in low) || low.from !== low.to) return low;
    if (this.#text[this.#at] !== '-' || this.#text[this.#at + 1] === ']' || this.#at + 1 >= this.#text.length) return low;
    this.#at++;
    const high = this.#member(this.#at);
    if (!('from' in high) || high.from < low.from)
      throw new GoRegExpError(`invalid character class range: \`${this.#text.slice(start, this.#at)}\``);
    return { from: low.from, to: high.from };
  }

  #member(start: number): Part {
    const char = this.#next();
    if (char !== '\\') return { from: char.codePointAt(0)!, to: char.codePointAt(0)! };
    if (this.#at >= this.#text.length) throw new GoRegExpError('trailing backslash at end of expression: ``');
    return this.#classEscape(start);
  }
}

function withFlags(flags: Flags, letters: string): Flags {
  const next = { ...flags };
  let on = true;
  for (const letter of letters) {
    if (letter === '-') on = false;
    else next[FLAG_NAMES[letter]!] = on;
  }
  return next;
}
