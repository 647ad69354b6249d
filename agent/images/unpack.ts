// One layer from a tar stream into a folder in overlay form. GNU tar does the writing in a process of its own: it refuses `..`,
// and makes symlinks that leave the folder only after everything else, so a layer cannot write outside.
import { createHash } from 'node:crypto';
import { lstat, mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Readable, Transform, type TransformCallback, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { exitOf, run, start } from '../../kit/exec/index.ts';
import { mknod, setxattr } from '../../kit/linux/index.ts';

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

/** Unpacks into `folder` (made here, must be new) and returns what was really read. The caller compares. @throws Error when tar refuses */
export async function unpackLayer(source: Readable, folder: string): Promise<LayerDigests> {
  await mkdir(folder, { recursive: true });
  const compressed = new HashingStream();
  const plain = new HashingStream();
  const args = [
    '--extract',
    '--file=-',
    `--directory=${folder}`,
    '--numeric-owner',
    '--preserve-permissions',
    '--same-owner',
    '--xattrs',
    '--xattrs-include=*',
    '--delay-directory-restore',
  ];
  const tar = await start('tar', args, { stdio: ['pipe', 'ignore', 'pipe'] });
  let complaint = '';
  tar.stderr?.on('data', (chunk: Buffer) => {
    if (complaint.length < 2000) complaint += chunk.toString();
  });
  const exit = exitOf(tar);
  const head = await firstChunk(source);
  try {
    await pipeline([
      Readable.from(head.chunks, { objectMode: false }),
      compressed,
      ...decompressor(head.first),
      plain,
      inputOf(tar.stdin!),
    ]);
  } catch (error) {
    tar.kill('SIGKILL');
    await exit;
    throw new Error(`unpacking a layer: ${complaint.trim() || (error as Error).message}`, { cause: error });
  }
  const code = await exit;
  if (code !== 0) throw new Error(`unpacking a layer: tar exit code ${code}: ${complaint.trim()}`);
  await convertWhiteouts(folder);
  return { diffId: plain.digest(), digest: compressed.digest(), sizeBytes: plain.sizeBytes };
}

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
  sizeBytes = 0;
  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    this.#hash.update(chunk);
    this.sizeBytes += chunk.length;
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

async function firstChunk(source: Readable): Promise<{ first: Buffer; chunks: AsyncIterable<Buffer> }> {
  const iterator = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const { value, done } = await iterator.next();
  const first = done ? Buffer.alloc(0) : value;
  return {
    first,
    chunks: (async function* () {
      if (!done) yield first;
      for (;;) {
        const next = await iterator.next();
        if (next.done) return;
        yield next.value;
      }
    })(),
  };
}

/** By the first bytes, not by the media type: archives carry none. */
function decompressor(head: Buffer): NodeJS.ReadWriteStream[] {
  if (head[0] === 0x1f && head[1] === 0x8b) return [createGunzip()];
  if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528) return [createZstdDecompress()];
  return [];
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
