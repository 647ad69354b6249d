// String and bytes literals: quotes and escapes taken away.

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
  '?': '?',
};
const ESCAPES = /\\(?:([abfnrtv"'\\?`])|([0-3][0-7][0-7])|[xX]([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))/g;

function parts(literal: string): { raw: boolean; body: string } {
  const raw = /^[rR]/.test(literal);
  const text = (raw ? literal.slice(1) : literal).replaceAll('\r\n', '\n').replaceAll('\r', '\n');
  const quotes = text.startsWith('"""') || text.startsWith("'''") ? 3 : 1;
  return { raw, body: text.slice(quotes, -quotes) };
}

export function unescapeString(literal: string): string {
  const { raw, body } = parts(literal);
  if (raw) return body;
  return body.replace(ESCAPES, (_, simple?: string, octal?: string, hex?: string, u4?: string, u8?: string) => {
    if (simple !== undefined) return SIMPLE[simple]!;
    const code = octal !== undefined ? Number.parseInt(octal, 8) : Number.parseInt((hex ?? u4 ?? u8)!, 16);
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw new Error('invalid unicode code point');
    return String.fromCodePoint(code);
  });
}

export function unescapeBytes(literal: string): Uint8Array {
  const { raw, body } = parts(literal);
  const encoder = new TextEncoder();
  if (raw) return encoder.encode(body);
  const out: number[] = [];
  let last = 0;
  for (const match of body.matchAll(ESCAPES)) {
    out.push(...encoder.encode(body.slice(last, match.index)));
    const [whole, simple, octal, hex, u4, u8] = match;
    if (u4 !== undefined || u8 !== undefined) throw new Error(`unable to unescape string`);
    if (simple !== undefined) out.push(SIMPLE[simple]!.charCodeAt(0));
    else out.push(octal !== undefined ? Number.parseInt(octal, 8) : Number.parseInt(hex!, 16));
    last = match.index + whole.length;
  }
  out.push(...encoder.encode(body.slice(last)));
  return Uint8Array.from(out);
}
