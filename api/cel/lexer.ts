// Text to tokens, after CEL's grammar. Offsets count code points.
import type { Problem } from './problems.ts';
import { unescapeBytes, unescapeString } from './unescape.ts';

/** The names are those of cel-go's grammar: syntax errors quote them. */
export interface Token {
  readonly kind: 'IDENTIFIER' | 'ESC_IDENTIFIER' | 'NUM_INT' | 'NUM_UINT' | 'NUM_FLOAT' | 'STRING' | 'BYTES' | 'EOF' | 'sign';
  readonly text: string;
  readonly at: number;
  /** Of strings and bytes. */
  readonly value?: string | Uint8Array;
}

const SPACE = /[\t \r\n\f]+|\/\/[^\n]*/y;
const NUMBER = /\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?|0x[\da-fA-F]+[uU]?|\d+[uU]?/y;
const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_]*/y;
const ESCAPED = /`[A-Za-z0-9_.\-/ ]+`/y;
const SIGN = /==|!=|<=|>=|&&|\|\||[[\]{}().,\-!?:+*/%<>]/y;
const ESCAPE = String.raw`\\(?:[abfnrtv"'\\?\x60]|[0-3][0-7][0-7]|[xX][\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8})`;
const TEXT = new RegExp(
  [
    String.raw`[rR]"""[\s\S]*?"""|[rR]'''[\s\S]*?'''|[rR]"[^"\n\r]*"|[rR]'[^'\n\r]*'`,
    String.raw`"""(?:${ESCAPE}|[^\\])*?"""|'''(?:${ESCAPE}|[^\\])*?'''`,
    String.raw`"(?:${ESCAPE}|[^\\"\n\r])*"|'(?:${ESCAPE}|[^\\'\n\r])*'`,
  ].join('|'),
  'y',
);

export function tokenize(source: string, problems: Problem[]): Token[] {
  const tokens: Token[] = [];
  let index = 0;
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = index;
    return pattern.exec(source)?.[0];
  };
  const skip = (text: string): void => {
    index += text.length;
    for (const _ of text) at++;
  };
  while (index < source.length) {
    const space = take(SPACE);
    if (space) {
      skip(space);
      continue;
    }
    const start = at;
    const found = tokenHere(source, index, start, take, problems);
    if (found) {
      tokens.push(found.token);
      skip(found.text);
    } else {
      const char = String.fromCodePoint(source.codePointAt(index)!);
      problems.push({ at, message: `Syntax error: token recognition error at: '${quoted(unrecognized(source, index))}'` });
      skip(char === '"' || char === "'" ? unrecognized(source, index) : char);
    }
  }
  tokens.push({ kind: 'EOF', text: '<EOF>', at });
  return tokens;
}

function tokenHere(source: string, index: number, at: number, take: (pattern: RegExp) => string | undefined, problems: Problem[]) {
  const bytes = /[bB]/.test(source[index]!) ? takeBytes(source, index) : undefined;
  if (bytes !== undefined) {
    const value = readText(() => unescapeBytes(bytes.slice(1)), at, problems, new Uint8Array());
    return { text: bytes, token: { kind: 'BYTES', text: bytes, at, value } satisfies Token };
  }
  const text = take(TEXT);
  if (text !== undefined) {
    return { text, token: { kind: 'STRING', text, at, value: readText(() => unescapeString(text), at, problems, '') } satisfies Token };
  }
  const number = take(NUMBER);
  if (number !== undefined) return { text: number, token: { kind: numberKind(number), text: number, at } satisfies Token };
  const name = take(IDENTIFIER);
  if (name !== undefined) {
    const kind = name === 'in' || name === 'true' || name === 'false' || name === 'null' ? 'sign' : 'IDENTIFIER';
    return { text: name, token: { kind, text: name, at } satisfies Token };
  }
  const escaped = take(ESCAPED);
  if (escaped !== undefined) return { text: escaped, token: { kind: 'ESC_IDENTIFIER', text: escaped, at } satisfies Token };
  const sign = take(SIGN);
  return sign === undefined ? undefined : { text: sign, token: { kind: 'sign', text: sign, at } satisfies Token };
}

function takeBytes(source: string, index: number): string | undefined {
  TEXT.lastIndex = index + 1;
  const found = TEXT.exec(source)?.[0];
  return found === undefined ? undefined : source[index] + found;
}

function readText<T>(read: () => T, at: number, problems: Problem[], otherwise: T): T {
  try {
    return read();
  } catch (error) {
    problems.push({ at, message: error instanceof Error ? error.message : String(error) });
    return otherwise;
  }
}

function numberKind(text: string): 'NUM_INT' | 'NUM_UINT' | 'NUM_FLOAT' {
  if (/[uU]$/.test(text)) return 'NUM_UINT';
  return text.startsWith('0x') || /^\d+$/.test(text) ? 'NUM_INT' : 'NUM_FLOAT';
}

/** An open quote swallows the rest of the line. */
function unrecognized(source: string, index: number): string {
  const char = source[index]!;
  if (char !== '"' && char !== "'") return String.fromCodePoint(source.codePointAt(index)!);
  const end = source.indexOf('\n', index);
  return source.slice(index, end < 0 ? undefined : end + 1);
}

const quoted = (text: string): string => text.replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t');
