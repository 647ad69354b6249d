// Journal in a SQLite file: rows are written here, fdatasync runs on the thread pool, the answer waits for it.
// Why SQLite's own syncing is off and what keeps that safe: docs/decisions/store.md.
import { closeSync, fdatasync, fstatSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { type Head, type Journal, type Loaded, type Mark, NotWritten, type Row, rowOf } from './journal.ts';

const sync = promisify(fdatasync);

/** Bytes of values after which the log's pages are moved into the main file: about 1 ms of work each time. */
const CHECKPOINT_BYTES = 1 << 20;
/** Rows that are read at once when the file is opened. */
const LOAD_ROWS = 1000;
const COMPACT_ROWS = 100;
/** What the deletion of a row costs in the write-ahead log, about. */
const COMPACT_ROW_BYTES = 1024;

const SCHEMA = `
  create table if not exists log(id integer primary key, revision integer not null, key text not null, value blob, previous integer not null);
  create table if not exists mark(at integer primary key, revision integer not null);
  create table if not exists meta(name text primary key, value integer not null);`;

type LogRow = {
  id: number;
  revision: number;
  key: string;
  value: Uint8Array | null;
  previous: number;
  before: Uint8Array | null;
  beforeRevision: number | null;
};

/** A present entry whose value is read when it is first asked for. What replaces it asks, so compaction never comes before the reading. */
class HeadOnDisk implements Head {
  readonly id: number;
  readonly key: string;
  readonly #revision: number;
  readonly #read: (id: number) => Uint8Array;
  #value: Uint8Array | undefined;

  constructor(id: number, revision: number, key: string, read: (id: number) => Uint8Array) {
    this.id = id;
    this.key = key;
    this.#revision = revision;
    this.#read = read;
  }

  get revision(): bigint {
    return BigInt(this.#revision);
  }

  get value(): Uint8Array {
    return (this.#value ??= this.#read(this.id));
  }

  peek(): Uint8Array {
    return this.#value ?? this.#read(this.id);
  }
}

export class SqliteJournal implements Journal {
  readonly #db: DatabaseSync;
  readonly #mainFd: number;
  readonly #walFd: number;
  readonly #statements = new Map<string, StatementSync>();
  #unmovedBytes = 0;

  /** @throws Error when another process has the file open. */
  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#db = new DatabaseSync(path);
    try {
      this.#db.exec('pragma locking_mode = exclusive; pragma journal_mode = wal; pragma synchronous = off; pragma wal_autocheckpoint = 0;');
      this.#db.exec(`pragma journal_size_limit = ${16 * CHECKPOINT_BYTES}; begin immediate; ${SCHEMA} commit;`);
    } catch (cause) {
      this.#db.close();
      throw new Error(`store ${path} cannot be opened (is another control plane using it?): ${(cause as Error).message}`, { cause });
    }
    // Closing any descriptor of the main file would drop SQLite's POSIX locks: both stay open as long as the database.
    this.#mainFd = openSync(path, 'r+');
    this.#walFd = openSync(`${path}-wal`, 'r+');
    this.#checkpointSync();
    const folder = openSync(dirname(path), 'r');
    fsyncSync(folder);
    closeSync(folder);
  }

  load(): Loaded {
    const newest = this.#sql('select max(id) as id from log').get()?.['id'] ?? this.#meta('oldest');
    const marks = this.#sql('select at, revision from mark order by at').all();
    return {
      heads: this.#heads(),
      revision: BigInt(Math.max(Number(newest), this.#meta('oldest'))),
      oldest: BigInt(this.#meta('oldest')),
      marks: (marks as { at: number; revision: number }[]).map((m) => ({ atMs: m.at, revision: BigInt(m.revision) })),
    };
  }

  async append(rows: readonly Row[]): Promise<void> {
    const insert = this.#sql('insert into log(id, revision, key, value, previous) values(?, ?, ?, ?, ?)');
    try {
      this.#transaction(() => {
        for (const row of rows) insert.run(row.id, row.revision, row.key, row.value ?? null, row.before?.id ?? 0);
      });
    } catch (cause) {
      throw new NotWritten((cause as Error).message, { cause });
    }
    for (const row of rows) this.#unmovedBytes += (row.value?.byteLength ?? 0) + 4096 / rows.length;
    await sync(this.#walFd);
  }

  async rest(): Promise<void> {
    if (this.#unmovedBytes < CHECKPOINT_BYTES) return;
    // The log is on disk (append, or here after a chore); then its pages go into the main file, then that to disk.
    // Only afterwards may the log be overwritten: the next append waits for this.
    await sync(this.#walFd);
    this.#sql('pragma wal_checkpoint(passive)').get();
    await sync(this.#mainFd);
    this.#unmovedBytes = 0;
  }

  history(after: bigint, upTo: bigint, limit: number): Row[] {
    const last = this.#sql('select revision from log where id > ? and id <= ? order by id limit 1 offset ?').get(after, upTo, limit - 1);
    const rows = this.#sql(
      `select log.*, prior.value as before, prior.revision as beforeRevision from log left join log as prior on prior.id = log.previous
       where log.id > ? and log.id <= ? order by log.id`,
    ).all(after, (last?.['revision'] as number | undefined) ?? upTo) as LogRow[];
    return rows.map((row) => {
      const before: Head | undefined = row.before
        ? { id: row.previous, revision: BigInt(row.beforeRevision!), key: row.key, value: row.before }
        : undefined;
      return rowOf(row.id, BigInt(row.revision), row.key, row.value ?? undefined, before);
    });
  }

  compact(to: bigint): bigint {
    const from = this.#meta('oldest');
    if (to <= BigInt(from)) return BigInt(from);
    const slice = this.#sql('select revision from log where id > ? and id <= ? order by id limit 1 offset ?').get(from, to, COMPACT_ROWS);
    const reached = (slice?.['revision'] as number | undefined) ?? Number(to);
    this.#transaction(() => {
      this.#sql('delete from log where id in (select previous from log where id > ? and id <= ?)').run(from, reached);
      this.#sql('delete from log where id > ? and id <= ? and value is null').run(from, reached);
      this.#sql(`insert or replace into meta(name, value) values('oldest', ?)`).run(reached);
      this.#sql('delete from mark where revision < ?').run(reached);
    });
    this.#unmovedBytes += COMPACT_ROWS * COMPACT_ROW_BYTES;
    return BigInt(reached);
  }

  mark(mark: Mark): void {
    this.#sql('insert or replace into mark(at, revision) values(?, ?)').run(mark.atMs, mark.revision);
  }

  /** With the log of what is not in the main file yet. */
  size(): number {
    return fstatSync(this.#mainFd).size + fstatSync(this.#walFd).size;
  }

  async close(): Promise<void> {
    this.#checkpointSync();
    this.#db.close();
    closeSync(this.#walFd);
    closeSync(this.#mainFd);
  }

  /** The last row of each key, unless it is a deletion. Values stay where they are: 100,000 of 1 kB would take half a second. */
  #heads(): Head[] {
    const heads = new Map<string, Head>();
    const page = this.#sql('select id, revision, key, value is null from log where id > ? order by id limit ?');
    page.setReturnArrays(true);
    for (let last = 0; ; ) {
      const rows = page.all(last, LOAD_ROWS) as unknown as [id: number, revision: number, key: string, deleted: number][];
      for (const [id, revision, key, deleted] of rows) {
        if (deleted) heads.delete(key);
        else heads.set(key, new HeadOnDisk(id, revision, key, this.#read));
      }
      if (rows.length < LOAD_ROWS) return [...heads.values()];
      last = rows.at(-1)![0];
    }
  }

  readonly #read = (id: number): Uint8Array => this.#sql('select value from log where id = ?').get(id)!['value'] as Uint8Array;

  #checkpointSync(): void {
    fsyncSync(this.#walFd);
    this.#sql('pragma wal_checkpoint(passive)').get();
    fsyncSync(this.#mainFd);
  }

  #meta(name: string): number {
    return (this.#sql('select value from meta where name = ?').get(name)?.['value'] as number | undefined) ?? 0;
  }

  #transaction(work: () => void): void {
    this.#db.exec('begin');
    try {
      work();
      this.#db.exec('commit');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('rollback');
      throw error;
    }
  }

  #sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (!statement) this.#statements.set(text, (statement = this.#db.prepare(text)));
    return statement;
  }
}
