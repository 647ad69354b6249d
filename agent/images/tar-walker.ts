// Reads along a tar stream: counts entries against limits, and tells what of it is files' content and what is the frame around it.
// Sizes are read as GNU tar reads them (POSIX ustar, pax, GNU long names, both sparse forms), because GNU tar unpacks beside it.

export interface TarLimits {
  entriesMax: number;
  /** Bytes of the stream, headers included. */
  bytesMax: number;
}

export interface TarListener {
  /** Headers, padding, end mark; in order, to be kept by copying. */
  frame(bytes: Buffer): void;
  /** The next `size` bytes are the content of the file `path`. */
  content(path: string, size: number): void;
}

const BLOCK = 512;
/** pax headers and long names; extended attributes of files are in there. */
const EXTENSION_BYTES_MAX = 1 << 20;
/** Together with the store's folder it must stay below PATH_MAX, or nobody could remove it. */
const PATH_BYTES_MAX = 3500;
const REGULAR = new Set(['0', '\0', '7']);

interface Extension {
  kind: 'pax' | 'name' | 'other';
  chunks: Buffer[];
  left: number;
}

export class TarWalker {
  readonly #limits: TarLimits;
  readonly #listener: TarListener;
  readonly #header = Buffer.alloc(BLOCK);
  #headerBytes = 0;
  /** What comes next, in this order: an extension's payload, content, padding. */
  #extension: Extension | undefined;
  #content = 0;
  #frame = 0;
  #moreSparse = false;
  /** For the next entry, from the extensions before it. */
  #override: { path?: string; size?: number; sparse?: boolean } = {};
  #zeroBlocks = 0;
  bytes = 0;
  entries = 0;
  /** Some entry's name begins with `.wh.`. */
  hasWhiteouts = false;

  constructor(limits: TarLimits, listener: TarListener) {
    this.#limits = limits;
    this.#listener = listener;
  }

  /** @throws Error when a limit is passed or the stream is no tar */
  push(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.bytes > this.#limits.bytesMax) throw new Error(`more than ${this.#limits.bytesMax} bytes`);
    for (let at = 0; at < chunk.length; ) at += this.#take(chunk.subarray(at));
  }

  /** @throws Error when the stream ended inside of an entry */
  end(): void {
    if (this.#headerBytes + this.#content + this.#frame > 0 || this.#extension) throw new Error('unexpected end of the archive');
  }

  /** Bytes that were used of what is there. */
  #take(rest: Buffer): number {
    if (this.#zeroBlocks >= 2) return this.#keep(rest); // after the end mark
    if (this.#extension) return this.#takeExtension(rest, this.#extension);
    if (this.#content > 0) {
      const count = Math.min(this.#content, rest.length);
      this.#content -= count;
      return count;
    }
    if (this.#frame > 0) {
      const count = Math.min(this.#frame, rest.length);
      this.#frame -= count;
      return this.#keep(rest.subarray(0, count));
    }
    const count = rest.copy(this.#header, this.#headerBytes, 0, BLOCK - this.#headerBytes);
    this.#headerBytes += count;
    if (this.#headerBytes === BLOCK) {
      this.#headerBytes = 0;
      this.#onHeader(this.#header);
    }
    return count;
  }

  #keep(bytes: Buffer): number {
    this.#listener.frame(bytes);
    return bytes.length;
  }

  #takeExtension(rest: Buffer, extension: Extension): number {
    const count = Math.min(extension.left, rest.length);
    extension.chunks.push(Buffer.from(rest.subarray(0, count)));
    extension.left -= count;
    this.#keep(rest.subarray(0, count));
    if (extension.left === 0) {
      this.#extension = undefined;
      this.#onExtension(extension.kind, Buffer.concat(extension.chunks));
    }
    return count;
  }

  #onHeader(header: Buffer): void {
    this.#listener.frame(header);
    if (this.#moreSparse) {
      this.#moreSparse = header[504] === 1;
      return;
    }
    if (header.every((byte) => byte === 0)) {
      this.#zeroBlocks++;
      return;
    }
    this.#zeroBlocks = 0;
    const type = String.fromCharCode(header[156]!);
    const size = sizeIn(header);
    if ('xgXLK'.includes(type)) this.#beginExtension(type, size);
    else this.#beginEntry(type, size, header);
  }

  #beginExtension(type: string, size: number): void {
    if (size > EXTENSION_BYTES_MAX) throw new Error(`an extended header of ${size} bytes`);
    const kind = type === 'L' ? 'name' : type === 'x' ? 'pax' : 'other';
    if (size > 0) this.#extension = { kind, chunks: [], left: size };
    this.#frame = paddingOf(size);
  }

  #onExtension(kind: string, payload: Buffer): void {
    if (kind === 'name') this.#override.path = text(payload);
    if (kind !== 'pax') return;
    for (const [key, value] of paxRecords(payload)) {
      if (key === 'path' || key === 'GNU.sparse.name') this.#override.path = value;
      if (key === 'size') this.#override.size = sizeOf(value);
      if (key.startsWith('GNU.sparse.')) this.#override.sparse = true;
    }
  }

  #beginEntry(type: string, headerSize: number, header: Buffer): void {
    if (++this.entries > this.#limits.entriesMax) throw new Error(`more than ${this.#limits.entriesMax} entries`);
    const { path = nameIn(header), size: overridden, sparse } = this.#override;
    this.#override = {};
    if (Buffer.byteLength(path) > PATH_BYTES_MAX) throw new Error(`a path of ${Buffer.byteLength(path)} bytes`);
    if (/(?:^|\/)\.wh\.[^/]*\/?$/.test(path)) this.hasWhiteouts = true;
    const size = type === '1' ? 0 : (overridden ?? headerSize); // links have no content, whatever they say
    if (REGULAR.has(type) && !sparse && size > 0) {
      this.#listener.content(path, size);
      this.#content = size;
      this.#frame = paddingOf(size);
    } else {
      this.#moreSparse = type === 'S' && header[482] === 1;
      this.#frame = size + paddingOf(size);
    }
  }
}

const paddingOf = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK;

const text = (bytes: Buffer): string => {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
};

function nameIn(header: Buffer): string {
  const name = text(header.subarray(0, 100));
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? text(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Octal, or since GNU tar base 256 with the first bit set. */
function sizeIn(header: Buffer): number {
  const field = header.subarray(124, 136);
  if ((field[0]! & 0x80) === 0) {
    const digits = text(field).trim();
    if (!/^[0-7]*$/.test(digits)) throw new Error('not a tar archive');
    return digits === '' ? 0 : Number.parseInt(digits, 8);
  }
  let size = BigInt(field[0]! & 0x7f);
  for (const byte of field.subarray(1)) size = size * 256n + BigInt(byte);
  return sizeOf(String(size));
}

function sizeOf(digits: string): number {
  const size = Number(digits);
  if (!Number.isSafeInteger(size) || size < 0) throw new Error(`an entry of ${digits.slice(0, 40)} bytes`);
  return size;
}

/** `LENGTH KEY=VALUE\n`, the length counting itself. */
function* paxRecords(payload: Buffer): Generator<[string, string]> {
  for (let at = 0; at < payload.length; ) {
    const space = payload.indexOf(0x20, at);
    const length = Number(payload.toString('latin1', at, space < 0 ? at : space));
    const equals = payload.indexOf(0x3d, space);
    if (space < 0 || !Number.isInteger(length) || length <= 0 || at + length > payload.length || equals < 0 || equals >= at + length)
      throw new Error('an extended header that is broken');
    yield [payload.toString('utf8', space + 1, equals), payload.toString('utf8', equals + 1, at + length - 1)];
    at += length;
  }
}
