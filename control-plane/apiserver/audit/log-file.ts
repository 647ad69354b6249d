// Where audit lines go: a bounded queue in front of a file that is rotated by size, age and number. A slow disk costs lines, never a request.
import { appendFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock, Logger } from '../../../kit/run/index.ts';

export interface LogFileOptions {
  /** '-': standard output, never rotated. */
  path: string;
  /** `batch` (default): requests never wait. `blocking`: a request waits until its lines are written. */
  mode?: 'batch' | 'blocking';
  /** A file that grew to this many megabytes is put aside; default 100. */
  maxSizeMB?: number;
  /** So many files put aside are kept; default all. */
  maxBackups?: number;
  /** Files put aside are kept for so many days; default for ever. */
  maxAgeDays?: number;
}

/** Lines that wait for the disk; more are lost, and counted. */
const QUEUE_MAX = 10_000;
const QUEUE_BYTES_MAX = 64 << 20;

export class AuditLogFile {
  readonly #options: LogFileOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  #queue: string[] = [];
  #queuedBytes = 0;
  #writing: Promise<void> | undefined;
  /** Of the present file; unknown until it is first written to. */
  #size = -1;
  written = 0;
  lost = 0;

  constructor(options: LogFileOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  /** The promise is there when the request must wait for it. */
  add(line: string): Promise<void> | undefined {
    if (this.#queue.length >= QUEUE_MAX || this.#queuedBytes + line.length > QUEUE_BYTES_MAX) {
      if (this.lost++ % QUEUE_MAX === 0) this.#log.error({ lost: this.lost }, 'audit events are lost: the disk does not keep up');
      return undefined;
    }
    this.#queue.push(line);
    this.#queuedBytes += line.length;
    this.#writing ??= this.#write();
    return this.#options.mode === 'blocking' ? this.#writing : undefined;
  }

  /** All that was added is written. */
  async close(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  async #write(): Promise<void> {
    await Promise.resolve(); // lines of the same turn go together
    while (this.#queue.length > 0) {
      const lines = this.#queue;
      this.#queue = [];
      this.#queuedBytes = 0;
      try {
        await this.#append(`${lines.join('\n')}\n`);
        this.written += lines.length;
      } catch (error) {
        this.lost += lines.length;
        this.#log.error({ err: error, lost: this.lost }, 'audit events could not be written');
      }
    }
    this.#writing = undefined;
  }

  async #append(text: string): Promise<void> {
    const { path, maxSizeMB = 100 } = this.#options;
    if (path === '-') {
      await new Promise<void>((resolve, reject) => process.stdout.write(text, (error) => (error ? reject(error) : resolve())));
      return;
    }
    if (this.#size < 0) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      this.#size = await stat(path).then(
        (file) => file.size,
        () => 0,
      );
    }
    const bytes = Buffer.from(text);
    if (this.#size > 0 && this.#size + bytes.length > maxSizeMB * 1024 * 1024) await this.#rotate();
    await appendFile(path, bytes, { mode: 0o600 });
    this.#size += bytes.length;
  }

  /** audit.log is put aside as audit-2026-01-31T12-00-00.000.log. */
  async #rotate(): Promise<void> {
    const { path, maxBackups = 0, maxAgeDays = 0 } = this.#options;
    const folder = dirname(path);
    const [, stem = '', ending = ''] = /^(.+?)(\.[^.]*)?$/.exec(basename(path)) ?? [];
    const nowMs = this.#clock.nowMs();
    const stamp = (ms: number) => new Date(ms).toISOString().slice(0, 23).replaceAll(':', '-');
    await rename(path, join(folder, `${stem}-${stamp(nowMs)}${ending}`));
    this.#size = 0;
    const aside = (await readdir(folder)).filter((name) => name.startsWith(`${stem}-2`) && name.endsWith(ending)).sort();
    const oldest = `${stem}-${stamp(nowMs - maxAgeDays * 86_400_000)}`;
    const gone = aside.filter((name, i) => (maxBackups > 0 && i < aside.length - maxBackups) || (maxAgeDays > 0 && name < oldest));
    await Promise.all(gone.map((name) => rm(join(folder, name), { force: true })));
  }
}
