// One layer from a tar stream into a folder in overlay form. GNU tar does the writing in a process of its own: it refuses `..`,
// and makes symlinks that leave the folder only after everything else, so a layer cannot write outside.
import { createHash } from 'node:crypto';
import { lstat, mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Readable, Transform, type TransformCallback, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { exitOf, run, start } from '../../kit/exec/index.ts';
import { fsUsage } from '../../kit/fs/index.ts';
import { mknod, setxattr } from '../../kit/linux/index.ts';
import { RegistryError } from './registry-error.ts';
import { SkeletonWriter } from './skeleton.ts';
import { type TarLimits, TarWalker } from './tar-walker.ts';

export interface LayerDigests {
  /** Of the uncompressed tar. */
  diffId: string;
  /** Of the stream as it came. */
  digest: string;
  /** Bytes of the uncompressed tar. */
  sizeBytes: number;
}

const S_IFCHR = 0o020000;
const OPAQUE = '.wh..wh..opq';
/** Real layers stay well below; each entry costs an inode, of which a disk has a fixed number. */
const ENTRIES_MAX = 999_999;
/** Free disk that unpacking leaves to everybody else. */
const DISK_RESERVE = 0.05;
/** A layer that unpacks to more than this many times its size, and is not small, is made to fill disks. */
const RATIO_MAX = 200;
const RATIO_FROM_BYTES = 1 << 30;
const PIECE_BYTES = 1 << 18;

/**
 * Unpacks into `folder` (made here, must be new), keeps the tar's frame in `skeleton` and returns what was really read. The caller compares.
 * @throws Error when tar refuses, when the stream is no tar or passes a limit
 */
export async function unpackLayer(
  source: Readable,
  folder: string,
  skeleton: string,
  limits: Partial<TarLimits> = {},
): Promise<LayerDigests> {
  await mkdir(folder, { recursive: true });
  const frame = new SkeletonWriter(skeleton);
  try {
    const walker = new TarWalker({ entriesMax: ENTRIES_MAX, bytesMax: await roomFor(folder), ...limits }, frame);
    const digests = await extract(source, folder, walker);
    await frame.close();
    if (walker.hasWhiteouts) await convertWhiteouts(folder);
    return digests;
  } catch (error) {
    await frame.destroy();
    if (error instanceof RegistryError) throw error; // the source's, and it says all
    throw new Error(`unpacking a layer: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

async function roomFor(folder: string): Promise<number> {
  const { availableBytes, capacityBytes } = await fsUsage(folder);
  return Math.max(0, Math.floor(availableBytes - capacityBytes * DISK_RESERVE));
}

async function extract(source: Readable, folder: string, walker: TarWalker): Promise<LayerDigests> {
  const compressed = new HashingStream();
  const plain = new HashingStream((chunk) => {
    walker.push(chunk);
    if (compressed.sizeBytes > 0 && walker.bytes > RATIO_FROM_BYTES && walker.bytes > RATIO_MAX * compressed.sizeBytes)
      throw new Error(`${compressed.sizeBytes} bytes unpack to more than ${walker.bytes}: made to fill the disk`);
  });
  const isCompressed = await feedTar(source, layerArguments(folder), (unpackers) =>
    // An archive that is not compressed is hashed once.
    unpackers.length > 0 ? [compressed, ...unpackers, plain] : [plain],
  );
  walker.end();
  const diffId = plain.digest();
  return { diffId, digest: isCompressed ? compressed.digest() : diffId, sizeBytes: plain.sizeBytes };
}

/** An archive of images as it is: files only, which the caller looks at one by one. @throws Error */
export async function unpackArchive(source: Readable, folder: string): Promise<void> {
  const walker = new TarWalker({ entriesMax: ENTRIES_MAX, bytesMax: await roomFor(folder) }, { frame() {}, content() {} });
  const args = ['--extract', '--file=-', `--directory=${folder}`, '--no-same-owner', '--no-same-permissions', '--warning=no-timestamp'];
  await feedTar(source, args, (unpackers) => [...unpackers, new HashingStream((chunk) => walker.push(chunk))]);
  walker.end();
}

/** Sends the source through the stages into tar, and waits for its end. Returns whether the source is compressed. @throws Error */
async function feedTar(
  source: Readable,
  args: readonly string[],
  stages: (unpackers: NodeJS.ReadWriteStream[]) => NodeJS.ReadWriteStream[],
): Promise<boolean> {
  const tar = await start('tar', args, { stdio: ['pipe', 'ignore', 'pipe'] });
  let complaint = '';
  tar.stderr?.on('data', (chunk: Buffer) => {
    if (complaint.length < 2000) complaint += chunk.toString();
  });
  const exit = exitOf(tar);
  try {
    const head = await firstChunk(source);
    const unpackers = decompressor(head.first);
    await pipeline([Readable.from(head.chunks, { objectMode: false }), ...stages(unpackers), inputOf(tar.stdin!)]);
    const code = await exit;
    if (code !== 0) throw new Error(`tar exit code ${code}: ${complaint.trim()}`);
    return unpackers.length > 0;
  } catch (error) {
    source.destroy();
    tar.kill('SIGKILL');
    await exit;
    throw error;
  }
}

/** `trusted.` attributes are overlayfs' own words: a layer that brings them could lead it elsewhere. */
const layerArguments = (folder: string): string[] => [
  '--extract',
  '--file=-',
  `--directory=${folder}`,
  '--numeric-owner',
  '--preserve-permissions',
  '--same-owner',
  '--xattrs',
  '--xattrs-include=*',
  '--xattrs-exclude=trusted.*',
  '--delay-directory-restore',
  '--warning=no-timestamp',
];

/**
 * tar stops reading at the archive's end mark, which may be before the padding that follows it: what it does not take is only
 * counted. Its exit code says whether it is content.
 */
function inputOf(stdin: Writable): Writable {
  let isOpen = true;
  const closed = () => {
    isOpen = false;
  };
  stdin.on('error', closed).on('close', closed);
  return new Writable({
    highWaterMark: 4 * PIECE_BYTES,
    write: (chunk: Buffer, _encoding, done) => void (isOpen ? stdin.write(chunk, () => done()) : done()),
    final: (done) => void (isOpen ? stdin.end(() => done()) : done()),
    destroy(error, done) {
      stdin.destroy();
      done(error);
    },
  });
}

/** Passes bytes on and remembers their digest and number. */
class HashingStream extends Transform {
  readonly #hash = createHash('sha256');
  readonly #look: ((chunk: Buffer) => void) | undefined;
  sizeBytes = 0;
  /** @param look sees each piece first; what it throws ends the stream */
  constructor(look?: (chunk: Buffer) => void) {
    super({ highWaterMark: 4 * PIECE_BYTES });
    this.#look = look;
  }
  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    try {
      this.sizeBytes += chunk.length;
      this.#look?.(chunk);
      this.#hash.update(chunk);
    } catch (error) {
      done(error as Error);
      return;
    }
    done(null, chunk);
  }
  digest(): string {
    return `sha256:${this.#hash.digest('hex')}`;
  }
}

/** OCI's `.wh.x` files as overlayfs wants them: a 0:0 character device in place of x, an attribute on an opaque folder. */
async function convertWhiteouts(folder: string): Promise<void> {
  const { stdout } = await run('find', [folder, '-name', '.wh.*', '-print0'], { timeoutMs: 120_000 });
  for (const path of stdout.split('\0').filter((p) => p !== '')) {
    await rm(path, { recursive: true, force: true });
    if (basename(path) === OPAQUE) setxattr(dirname(path), 'trusted.overlay.opaque', 'y');
    else if (!basename(path).startsWith('.wh..wh.')) {
      const hidden = `${dirname(path)}/${basename(path).slice('.wh.'.length)}`;
      if (!(await exists(hidden))) mknod(hidden, S_IFCHR, 0, 0);
    }
  }
}

/** Moves a finished folder to its place; when another process was faster, ours goes. */
export async function putInPlace(folder: string, place: string): Promise<void> {
  try {
    await rename(folder, place);
  } catch (error) {
    if (!['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await stat(place);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Magic numbers have at most four bytes; the first piece from a network may have fewer. */
async function firstChunk(source: Readable): Promise<{ first: Buffer; chunks: AsyncIterable<Buffer> }> {
  const iterator = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let first: Buffer = Buffer.alloc(0);
  let ended = false;
  while (first.length < 4 && !ended) {
    const next = await iterator.next();
    ended = next.done === true;
    if (!next.done) first = first.length === 0 ? next.value : Buffer.concat([first, next.value]);
  }
  return {
    first,
    chunks: (async function* () {
      if (first.length > 0) yield first;
      while (!ended) {
        const next = await iterator.next();
        if (next.done) return;
        yield next.value;
      }
    })(),
  };
}

/** By the first bytes, not by the media type: archives carry none. */
function decompressor(head: Buffer): NodeJS.ReadWriteStream[] {
  if (head[0] === 0x1f && head[1] === 0x8b) return [createGunzip({ chunkSize: PIECE_BYTES })];
  if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528) return [createZstdDecompress({ chunkSize: PIECE_BYTES })];
  return [];
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
