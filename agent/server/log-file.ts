// Reads a log file line by line from its wanted start, and follows it while the container writes, also over rotation.
import { watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { settledWithin, systemClock } from '../../kit/run/index.ts';

const BLOCK = 64 * 1024;
const NEWLINE = 0x0a;
/** The runtime ends its lines long before: what is longer is no log of ours, and is passed on in pieces. */
const LINE_MAX = 1024 * 1024;

/** Offset at which the last `count` lines of the first `size` bytes begin. */
export async function tailOffset(file: FileHandle, count: number, size: number): Promise<number> {
  if (count === 0) return size;
  const block = Buffer.alloc(BLOCK);
  let seen = 0;
  for (let end = size; end > 0; ) {
    const length = Math.min(BLOCK, end);
    const { bytesRead } = await file.read(block, 0, length, end - length);
    for (let i = bytesRead - 1; i >= 0; i--) {
      const at = end - length + i;
      if (block[i] !== NEWLINE || at === size - 1) continue; // the newline that ends the file begins no line
      if (++seen === count) return at + 1;
    }
    end -= length;
  }
  return 0;
}

export interface ReadOptions {
  tailLines?: number;
  /** Go on when the end is reached: false once the container has ended. Undefined: do not follow. */
  isLive?: () => Promise<boolean>;
  signal: AbortSignal;
}

/** Lines without their newlines. A last line that is still being written is held back until it is whole. */
export async function* readLines(path: string, options: ReadOptions): AsyncGenerator<Buffer> {
  let file = await open(path, 'r');
  let next: FileHandle | undefined;
  let rest: Buffer = Buffer.alloc(0);
  using changes = new Changes(path, options.isLive !== undefined);
  try {
    const { size } = await file.stat();
    let position = options.tailLines === undefined ? 0 : await tailOffset(file, options.tailLines, size);
    // What is written from now on belongs to an answer only when it follows: two lines are two lines.
    let end = options.isLive ? Number.POSITIVE_INFINITY : size;
    const block = Buffer.alloc(BLOCK);
    while (!options.signal.aborted) {
      const wasLive = options.isLive ? await options.isLive() : false; // asked before reading: what it wrote last is then read
      const { bytesRead } = position < end ? await file.read(block, 0, Math.min(BLOCK, end - position), position) : { bytesRead: 0 };
      if (bytesRead > 0) {
        position += bytesRead;
        let from = 0;
        const data = Buffer.concat([rest, block.subarray(0, bytesRead)]);
        for (let at = data.indexOf(NEWLINE); at >= 0; at = data.indexOf(NEWLINE, from)) {
          yield data.subarray(from, at);
          from = at + 1;
        }
        rest = data.subarray(from);
        if (rest.length > LINE_MAX) {
          yield rest;
          rest = Buffer.alloc(0);
        }
        continue;
      }
      if (next) {
        await file.close();
        file = next;
        next = undefined;
        position = 0;
        end = Number.POSITIVE_INFINITY;
        changes.restart();
        continue;
      }
      // Rotated: what was written to the old file until then is read first.
      next = await reopened(file, path);
      if (next) continue;
      if (!wasLive) return;
      await changes.next(options.signal);
    }
  } finally {
    await file.close();
    await next?.close();
  }
}

/** The file that is at the path now, when it is another one (rotated). */
async function reopened(file: FileHandle, path: string): Promise<FileHandle | undefined> {
  const [mine, there] = await Promise.all([file.stat(), stat(path).catch(() => undefined)]);
  return there && there.ino !== mine.ino ? open(path, 'r') : undefined;
}

/** Wakes a reader when the file changes; at the latest after a second, for what inotify does not tell (the container's end). */
class Changes implements Disposable {
  readonly #path: string;
  #watcher: ReturnType<typeof watch> | undefined;
  #wake: () => void = () => {};
  #isPending = false;

  constructor(path: string, wanted: boolean) {
    this.#path = path;
    if (wanted) this.restart();
  }

  restart(): void {
    this.#watcher?.close();
    this.#watcher = watch(this.#path, () => {
      this.#isPending = true;
      this.#wake();
    });
    this.#watcher.on('error', () => {}); // then the second is what wakes
  }

  async next(signal: AbortSignal): Promise<void> {
    if (this.#isPending) {
      this.#isPending = false;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await settledWithin(promise, 1000, systemClock, signal);
    this.#isPending = false;
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
  }
}
