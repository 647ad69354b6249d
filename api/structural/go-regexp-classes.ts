// Sets of characters of Go's regular expressions, written for JavaScript's.

/** Characters from one code to another, or a class that only a Unicode expression can name. */
export type Part = { from: number; to: number } | { unicode: string } | { anyOf: readonly Part[] };

const LAST_PLAIN = 0xffff;

type Ranges = readonly (readonly [string, string])[];

/** Perl's classes, which know ASCII only. */
export const PERL_CLASSES: Readonly<Record<string, Part>> = Object.assign(Object.create(null) as object, {
  d: { anyOf: [range('0', '9')] },
  D: { anyOf: negate([range('0', '9')]) },
  w: { anyOf: words() },
  W: { anyOf: negate(words()) },
  s: { anyOf: spaces() },
  S: { anyOf: negate(spaces()) },
});

export const POSIX_CLASSES: Readonly<Record<string, Ranges>> = {
  alnum: [
    ['0', '9'],
    ['A', 'Z'],
    ['a', 'z'],
  ],
  alpha: [
    ['A', 'Z'],
    ['a', 'z'],
  ],
  ascii: [['\0', '\x7f']],
  blank: [
    ['\t', '\t'],
    [' ', ' '],
  ],
  cntrl: [
    ['\0', '\x1f'],
    ['\x7f', '\x7f'],
  ],
  digit: [['0', '9']],
  graph: [['!', '~']],
  lower: [['a', 'z']],
  print: [[' ', '~']],
  punct: [
    ['!', '/'],
    [':', '@'],
    ['[', '`'],
    ['{', '~'],
  ],
  space: [
    ['\t', '\r'],
    [' ', ' '],
  ],
  upper: [['A', 'Z']],
  word: [
    ['0', '9'],
    ['A', 'Z'],
    ['a', 'z'],
    ['_', '_'],
  ],
  xdigit: [
    ['0', '9'],
    ['A', 'F'],
    ['a', 'f'],
  ],
};

function range(from: string, to: string): { from: number; to: number } {
  return { from: from.codePointAt(0)!, to: to.codePointAt(0)! };
}

function words() {
  return [range('0', '9'), range('A', 'Z'), range('_', '_'), range('a', 'z')];
}

function spaces() {
  return [range('\t', '\n'), range('\f', '\r'), range(' ', ' ')];
}

/** What is in none of the ranges, which are in order. Ends with the first plane: beyond it a stand-in is tested. */
function negate(ranges: readonly { from: number; to: number }[]): { from: number; to: number }[] {
  const out: { from: number; to: number }[] = [];
  let next = 0;
  for (const { from, to } of ranges) {
    if (from > next) out.push({ from: next, to: from - 1 });
    next = to + 1;
  }
  out.push({ from: next, to: LAST_PLAIN });
  return out;
}

export const rangesOf = (ranges: Ranges, negated: boolean): Part[] => {
  const parts = ranges.map(([from, to]) => range(from, to));
  return negated ? negate(parts) : parts;
};

/** `\p{L}`, `\p{Greek}`; undefined when there is no such class. */
export function unicodeClass(name: string, negated: boolean): Part | undefined {
  if (name === 'Any') return { from: 0, to: LAST_PLAIN };
  for (const property of [name, `Script=${name}`]) {
    if (!/^[\w=]+$/.test(property)) return undefined;
    const source = `\\${negated ? 'P' : 'p'}{${property}}`;
    try {
      new RegExp(source, 'u');
      return { unicode: source };
    } catch {
      // not of this sort
    }
  }
  return undefined;
}

const SYNTAX = /[\^$\\.*+?()[\]{}|/-]/;

function escaped(code: number): string {
  const char = String.fromCodePoint(code);
  if (code > LAST_PLAIN) return `\\u{${code.toString(16)}}`;
  if (code < 0x20 || (code > 0x7e && code <= LAST_PLAIN)) return `\\u${code.toString(16).padStart(4, '0')}`;
  return SYNTAX.test(char) ? `\\${char}` : char;
}

/** Letters of the other case beside those of a range; ASCII's, as the others fold by tables that JavaScript keeps to itself. */
function folded({ from, to }: { from: number; to: number }): Part[] {
  const out: Part[] = [];
  for (const [low, high, shift] of [
    [0x41, 0x5a, 32],
    [0x61, 0x7a, -32],
  ] as const) {
    const [first, last] = [Math.max(from, low), Math.min(to, high)];
    if (first <= last) out.push({ from: first + shift, to: last + shift });
  }
  return out;
}

/** A class, or a single character without brackets. */
export function charClass(parts: readonly Part[], negated: boolean, fold: boolean): { source: string; needsUnicode: boolean } {
  let needsUnicode = false;
  const flat = parts.flatMap((part) => ('anyOf' in part ? part.anyOf : [part]));
  const all = fold ? flat.flatMap((part) => ('from' in part ? [part, ...folded(part)] : [part])) : flat;
  const members = all.map((part) => {
    if ('unicode' in part) {
      needsUnicode = true;
      return part.unicode;
    }
    const { from, to } = part as { from: number; to: number };
    if (to > LAST_PLAIN) needsUnicode = true;
    return from === to ? escaped(from) : `${escaped(from)}-${escaped(to)}`;
  });
  const only = all.length === 1 && !negated && 'from' in all[0]! && all[0].from === all[0].to;
  // In brackets a hyphen is escaped; alone, strict expressions refuse that.
  if (only) return { source: members[0] === '\\-' ? '-' : members[0]!, needsUnicode };
  return { source: `[${negated ? '^' : ''}${members.join('')}]`, needsUnicode };
}
