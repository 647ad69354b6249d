// D-Bus values as bytes and back (D-Bus specification 0.42, "Marshaling"), little-endian, as far as systemd's calls need types. Pure.

/** A value that brings its type along: `['t', 5n]`. */
export type Variant = readonly [signature: string, value: Value];
/** `y q i u` are numbers, `x t` bigints, `s o g` texts, `b` a boolean, arrays and structs lists, `ay` bytes, `v` a Variant. */
export type Value = number | bigint | string | boolean | Uint8Array | readonly Value[] | Variant;

/** The types that a signature is made of: `sa(sv)` is `s` and `a(sv)`. @throws Error for one that does not end */
export function typesIn(signature: string): string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length; ) {
    const end = endOfType(signature, at);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

function endOfType(signature: string, from: number): number {
  const first = signature[from];
  if (first === 'a') return endOfType(signature, from + 1);
  if (first === undefined) throw new Error(`signature ${signature} ends too early`);
  if (first !== '(' && first !== '{') return from + 1;
  const close = first === '(' ? ')' : '}';
  let at = from + 1;
  while (signature[at] !== close) at = endOfType(signature, at);
  return at + 1;
}

const ALIGNMENT: Readonly<Record<string, number>> = { y: 1, g: 1, v: 1, q: 2, x: 8, t: 8, '(': 8, '{': 8 };
const alignmentOf = (type: string): number => ALIGNMENT[type[0]!] ?? 4;

export class Writer {
  #bytes = Buffer.alloc(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  align(to: number): void {
    this.#room((to - (this.#length % to)) % to);
  }

  /** @throws Error for a type that is not known here */
  write(type: string, value: Value): void {
    this.align(alignmentOf(type));
    switch (type[0]) {
      case 'y':
        this.#put(1, (bytes, at) => bytes.writeUInt8(value as number, at));
        return;
      case 'b':
        this.#put(4, (bytes, at) => bytes.writeUInt32LE(value ? 1 : 0, at));
        return;
      case 'u':
        this.#put(4, (bytes, at) => bytes.writeUInt32LE(value as number, at));
        return;
      case 't':
        this.#put(8, (bytes, at) => bytes.writeBigUInt64LE(value as bigint, at));
        return;
      case 's':
      case 'o':
        this.write('u', Buffer.byteLength(value as string));
        this.#text(value as string);
        return;
      case 'g':
        this.write('y', Buffer.byteLength(value as string));
        this.#text(value as string);
        return;
      case 'v':
        this.write('g', (value as Variant)[0]);
        this.write((value as Variant)[0], (value as Variant)[1]);
        return;
      case '(':
      case '{':
        for (const [index, part] of typesIn(type.slice(1, -1)).entries()) this.write(part, (value as readonly Value[])[index]!);
        return;
      case 'a':
        this.#array(type.slice(1), value as Iterable<Value>);
        return;
      default:
        throw new Error(`type ${type} is not known`);
    }
  }

  /** Its length does not count the gap before the first element. */
  #array(type: string, values: Iterable<Value>): void {
    const at = this.#room(4);
    this.align(alignmentOf(type));
    const start = this.#length;
    for (const value of values) this.write(type, value);
    this.#bytes.writeUInt32LE(this.#length - start, at);
  }

  #text(text: string): void {
    const size = Buffer.byteLength(text);
    const at = this.#room(size + 1);
    this.#bytes.write(text, at);
  }

  /** Into a buffer that has room: it is another one when it had none. */
  #put(size: number, write: (bytes: Buffer, at: number) => void): void {
    const at = this.#room(size);
    write(this.#bytes, at);
  }

  /** Where the next `size` bytes go; they are zero. */
  #room(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], Math.max(this.#length, this.#bytes.length * 2));
    return at;
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}

export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  align(to: number): void {
    this.#at += (to - (this.#at % to)) % to;
  }

  /** @throws RangeError when the bytes end too early, Error for a type that is not known here */
  read(type: string): Value {
    this.align(alignmentOf(type));
    switch (type[0]) {
      case 'y':
        return this.#bytes.readUInt8(this.#take(1));
      case 'b':
        return this.#bytes.readUInt32LE(this.#take(4)) !== 0;
      case 'q':
        return this.#bytes.readUInt16LE(this.#take(2));
      case 'i':
        return this.#bytes.readInt32LE(this.#take(4));
      case 'u':
        return this.#bytes.readUInt32LE(this.#take(4));
      case 'x':
        return this.#bytes.readBigInt64LE(this.#take(8));
      case 't':
        return this.#bytes.readBigUInt64LE(this.#take(8));
      case 's':
      case 'o':
        return this.#text(this.read('u') as number);
      case 'g':
        return this.#text(this.read('y') as number);
      case 'v': {
        const signature = this.read('g') as string;
        return [signature, this.read(signature)];
      }
      case '(':
      case '{':
        return typesIn(type.slice(1, -1)).map((part) => this.read(part));
      case 'a':
        return this.#array(type.slice(1));
      default:
        throw new Error(`type ${type} is not known`);
    }
  }

  all(signature: string): Value[] {
    return typesIn(signature).map((type) => this.read(type));
  }

  #array(type: string): Value {
    const size = this.read('u') as number;
    this.align(alignmentOf(type));
    const end = this.#at + size;
    if (type === 'y') return Uint8Array.from(this.#bytes.subarray(this.#take(size), end));
    const values: Value[] = [];
    while (this.#at < end) values.push(this.read(type));
    return values;
  }

  #text(size: number): string {
    const at = this.#take(size + 1);
    return this.#bytes.toString('utf8', at, at + size);
  }

  #take(size: number): number {
    const at = this.#at;
    this.#at += size;
    return at;
  }
}
