// The frame of a layer's tar, kept beside the unpacked layer: with the files' content put back in, the very bytes come out again.
// A gzip of records: 0, length, bytes of the frame; or 1, length of the path, path, number of content bytes.
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { finished, pipeline as piped } from 'node:stream/promises';
import { createGunzip, createGzip, type Gzip } from 'node:zlib';
import type { TarListener } from './tar-walker.ts';

const FRAME = 0;
const CONTENT = 1;
const BATCH_BYTES = 1 << 16;

/** Listens to a walker and writes what it tells; call `close` at the end, or `destroy`. */
export class SkeletonWriter implements TarListener {
  readonly #gzip: Gzip = createGzip({ level: 1 });
  readonly #done: Promise<void>;
  #frames: Buffer[] = [];
  #bytes = 0;

  constructor(path: string) {
    this.#done = piped(this.#gzip, createWriteStream(path));
    this.#done.catch(() => {}); // told by close()
  }

  frame(bytes: Buffer): void {
    this.#frames.push(Buffer.from(bytes));
    this.#bytes += bytes.length;
    if (this.#bytes >= BATCH_BYTES) this.#flush();
  }

  content(path: string, size: number): void {
    this.#flush();
    const name = Buffer.from(path);
    const record = Buffer.alloc(13);
    record.writeUInt8(CONTENT);
    record.writeUInt32LE(name.length, 1);
    record.writeDoubleLE(size, 5);
    this.#gzip.write(Buffer.concat([record.subarray(0, 5), name, record.subarray(5)]));
  }

  /** The frame is tiny beside the content that passes meanwhile: its stream keeps up without being waited for. */
  #flush(): void {
    if (this.#bytes === 0) return;
    const record = Buffer.alloc(5);
    record.writeUInt8(FRAME);
    record.writeUInt32LE(this.#bytes, 1);
    this.#gzip.write(Buffer.concat([record, ...this.#frames]));
    this.#frames = [];
    this.#bytes = 0;
  }

  async close(): Promise<void> {
    this.#flush();
    this.#gzip.end();
    await this.#done;
  }

  async destroy(): Promise<void> {
    this.#gzip.destroy();
    await finished(this.#gzip).catch(() => {});
    await this.#done.catch(() => {});
  }
}

/** The layer's tar again. Nothing outside of the folder is read. @throws Error when a file is not there */
export async function* rebuildTar(skeleton: string, folder: string): AsyncGenerator<Buffer> {
  const root = await realpath(folder);
  const input = new Reader(records(skeleton));
  for (;;) {
    const head = await input.read(1, true);
    if (!head) return;
    const length = (await input.must(4)).readUInt32LE();
    const bytes = await input.must(length);
    if (head[0] === FRAME) yield bytes;
    else yield* fileContent(root, bytes.toString(), (await input.must(8)).readDoubleLE());
  }
}

/** Whether each file is there with its size. A layer without a record of it is taken as whole. */
export async function isWhole(skeleton: string, folder: string): Promise<boolean> {
  if (!existsSync(skeleton)) return true;
  const input = new Reader(records(skeleton));
  const sizes = new Map<string, number>(); // of a path that occurs twice the last one stays
  try {
    for (let head = await input.read(1, true); head; head = await input.read(1, true)) {
      const bytes = await input.must((await input.must(4)).readUInt32LE());
      if (head[0] === CONTENT) sizes.set(bytes.toString(), (await input.must(8)).readDoubleLE());
    }
  } catch {
    return false;
  }
  for (const [path, size] of sizes) {
    const found = await lstat(`${folder}/${path}`).catch(() => undefined);
    if (found?.isFile() && found.size < size) return false;
    if (!found && !/(?:^|\/)\.wh\./.test(path)) return false;
  }
  return true;
}

/** A file that cannot be read ends the reader's wait. */
const records = (skeleton: string): AsyncIterable<Buffer> => pipeline(createReadStream(skeleton), createGunzip(), () => {});

async function* fileContent(root: string, path: string, size: number): AsyncGenerator<Buffer> {
  const file = await realpath(`${root}/${path}`);
  if (!file.startsWith(`${root}/`)) throw new Error(`${path} leaves the layer`);
  let bytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 18, end: size - 1 }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    yield chunk;
  }
  if (bytes !== size) throw new Error(`${path} has ${bytes} bytes, the layer had ${size}`);
}

/** Takes exact numbers of bytes out of a stream. */
class Reader {
  readonly #iterator: AsyncIterator<Buffer>;
  #buffer = Buffer.alloc(0);
  constructor(stream: AsyncIterable<Buffer>) {
    this.#iterator = stream[Symbol.asyncIterator]();
  }
  async read(count: number, mayEnd: boolean): Promise<Buffer | undefined> {
    while (this.#buffer.length < count) {
      const next = await this.#iterator.next();
      if (next.done) {
        if (mayEnd && this.#buffer.length === 0) return undefined;
        throw new Error('the record of a layer ends too early');
      }
      this.#buffer = Buffer.concat([this.#buffer, next.value]);
    }
    const out = this.#buffer.subarray(0, count);
    this.#buffer = this.#buffer.subarray(count);
    return out;
  }
  must = async (count: number): Promise<Buffer> => (await this.read(count, false))!;
}
