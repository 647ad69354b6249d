// ASN.1 DER: the few forms that X.509 needs, written and read.
// Values are Buffers of whole TLVs; `sequence(a, b)` nests them.

const TAG = { boolean: 0x01, integer: 0x02, bitString: 0x03, octetString: 0x04, oid: 0x06, utf8: 0x0c, sequence: 0x30, set: 0x31 };

/** One tag-length-value of DER. */
function tlv(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  const length = body.length;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), body]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.concat([Buffer.from([tag, 0x80 | bytes.length, ...bytes]), body]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => tlv(TAG.sequence, ...parts);
export const set = (...parts: readonly Uint8Array[]): Buffer => tlv(TAG.set, ...parts);
export const octetString = (content: Uint8Array): Buffer => tlv(TAG.octetString, content);
export const utf8String = (text: string): Buffer => tlv(TAG.utf8, Buffer.from(text, 'utf8'));
export const boolean = (value: boolean): Buffer => tlv(TAG.boolean, Buffer.from([value ? 0xff : 0]));
/** Context-specific tag; `constructed` for EXPLICIT or nested content. */
export const context = (number: number, content: Uint8Array, constructed = true): Buffer =>
  tlv((constructed ? 0xa0 : 0x80) | number, content);

/** `unused` low bits of the last byte carry no meaning (named bit lists drop trailing zeros). */
export const bitString = (content: Uint8Array, unused = 0): Buffer => tlv(TAG.bitString, Buffer.from([unused]), content);

/** A positive integer from its big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const trimmed = bytes.subarray(start);
  return tlv(TAG.integer, (trimmed[0] ?? 0) & 0x80 ? Buffer.from([0]) : Buffer.alloc(0), trimmed.length > 0 ? trimmed : Buffer.from([0]));
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const group = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) group.unshift((left & 0x7f) | 0x80);
    bytes.push(...group);
  }
  return tlv(TAG.oid, Buffer.from(bytes));
}

/** UTCTime until 2049, GeneralizedTime after (RFC 5280 4.1.2.5). */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14);
  return digits < '2050' ? tlv(0x17, Buffer.from(`${digits.slice(2)}Z`)) : tlv(0x18, Buffer.from(`${digits}Z`));
}

/** One TLV read from DER. `raw` is header and content. */
export interface Node {
  tag: number;
  content: Buffer;
  raw: Buffer;
}

/** Splits concatenated TLVs (the content of a sequence or set). @throws Error on truncated input */
export function children(der: Uint8Array): Node[] {
  const bytes = Buffer.from(der.buffer, der.byteOffset, der.byteLength);
  const nodes: Node[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] as number;
    let length = bytes[at + 1] ?? Number.NaN;
    let start = at + 2;
    if (length > 0x80) {
      const size = length & 0x7f;
      if (size > 4 || start + size > bytes.length) throw new Error('malformed DER: bad length');
      length = bytes.readUIntBE(start, size);
      start += size;
    }
    if (!(start + length <= bytes.length)) throw new Error('malformed DER: truncated');
    nodes.push({ tag, content: bytes.subarray(start, start + length), raw: bytes.subarray(at, start + length) });
    at = start + length;
  }
  return nodes;
}

/** The single TLV that `der` holds. */
export function only(der: Uint8Array): Node {
  const [node, extra] = children(der);
  if (!node || extra) throw new Error('malformed DER: one value expected');
  return node;
}

export function readOid(content: Uint8Array): string {
  const parts: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (parts.length === 0) {
      const first = Math.min(2, Math.floor(value / 40));
      parts.push(first, value - first * 40);
    } else parts.push(value);
    value = 0;
  }
  return parts.join('.');
}
