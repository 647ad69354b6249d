// Reading and writing protobuf's wire format: varints, lengths, fixed64.
import { integerOfBigInt } from '../../meta/index.ts';

const text = new TextDecoder();

export class WireError extends Error {}

/** A cursor over one message. */
export class ByteReader {
  at: number;
  readonly end: number;
  readonly #bytes: Uint8Array;
  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  /** Up to 2^53 exact; negative numbers come as ten bytes of two's complement. */
  varint(): number {
    let value = 0;
    let factor = 1;
    const start = this.at;
    for (let count = 0; count < 10; count++) {
      if (this.at >= this.end) throw new WireError('unexpected EOF');
      const byte = this.#bytes[this.at++]!;
      if (count === 9) return Number(this.#exact(start));
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
    throw new WireError('proto: integer overflow');
  }

  /** An int64 as objects hold it (api/meta/json.ts). */
  integer(): number | bigint {
    const start = this.at;
    const value = this.varint();
    return Number.isSafeInteger(value) ? value : integerOfBigInt(this.#exact(start));
  }

  #exact(start: number): bigint {
    let value = 0n;
    for (let at = start; at < this.at; at++) value |= BigInt(this.#bytes[at]! & 127) << BigInt(7 * (at - start));
    return BigInt.asIntN(64, value);
  }

  /** A cursor over the next length-delimited part. */
  part(): ByteReader {
    const length = this.varint();
    const start = this.at;
    if (length < 0) throw new WireError('proto: negative length found during unmarshaling');
    if (start + length > this.end) throw new WireError('unexpected EOF');
    this.at = start + length;
    return new ByteReader(this.#bytes, start, this.at);
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.at, this.end);
  }

  string(): string {
    const part = this.part();
    return text.decode(part.rest());
  }

  double(): number {
    if (this.at + 8 > this.end) throw new WireError('unexpected EOF');
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.at, 8);
    this.at += 8;
    return view.getFloat64(0, true);
  }

  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.at += 8;
    else if (wireType === 2) this.part();
    else if (wireType === 5) this.at += 4;
    else throw new WireError(`proto: illegal wireType ${wireType}`);
  }
}

/** How many bytes the length of a part takes: one for most parts, which therefore stay where they were written. */
const lengthBytes = (length: number): number => {
  let count = 1;
  for (let rest = length; rest > 127; rest = Math.floor(rest / 128)) count++;
  return count;
};

/** Grows as it is written. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  /** With room for so many bytes at first. */
  constructor(room = 512) {
    this.#bytes = Buffer.allocUnsafe(room);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written; the writer's own memory, good until it is written to again. */
  result(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const bytes = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more));
    bytes.set(this.result());
    this.#bytes = bytes;
  }

  tag(number: number, wireType: number): void {
    this.varint(number * 8 + wireType);
  }

  varint(value: number | bigint): void {
    this.#room(10);
    if (value < 0 || typeof value === 'bigint') {
      let rest = BigInt.asUintN(64, BigInt(value));
      while (rest > 127n) {
        this.#bytes[this.#length++] = Number(rest & 127n) | 128;
        rest >>= 7n;
      }
      this.#bytes[this.#length++] = Number(rest);
      return;
    }
    let rest = value;
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.raw(value);
  }

  /** Without its length before it. */
  raw(value: Uint8Array): void {
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  string(value: string): void {
    this.part(() => {
      this.#room(value.length * 3); // of UTF-8 for a unit of UTF-16
      this.#length += this.#bytes.write(value, this.#length);
    });
  }

  double(value: number): void {
    this.#room(8);
    this.#length = this.#bytes.writeDoubleLE(value, this.#length);
  }

  /** A length-delimited part that `write` fills: written in place, moved when its length needs more than a byte. */
  part(write: (inner: ByteWriter) => void): void {
    this.#room(1);
    const at = this.#length++;
    write(this);
    const length = this.#length - at - 1;
    const extra = lengthBytes(length) - 1;
    if (extra > 0) {
      this.#room(extra);
      this.#bytes.copyWithin(at + 1 + extra, at + 1, this.#length);
      this.#length += extra;
    }
    let rest = length;
    for (let i = 0; i < extra; i++, rest = Math.floor(rest / 128)) this.#bytes[at + i] = (rest % 128) | 128;
    this.#bytes[at + extra] = rest;
  }
}
