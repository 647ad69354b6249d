// The store of one process: present entries in memory, every change in a journal, group commit, watches from memory or journal.
import { type Clock, nextTurn, repeat, systemClock } from '../../kit/run/index.ts';
import { Feed } from './feed.ts';
import { type Head, type Journal, type Mark, NotWritten, type Row, rowOf } from './journal.ts';
import { SortedEntries } from './sorted.ts';
import { Compacted, Conflict, type Entry, type Listing, type ListOptions, type Store, type Write } from './store.ts';

export interface LocalOptions {
  /** History is kept at least this long (default 5 minutes, as etcd under kube-apiserver). */
  retentionMs?: number;
  /** More changes than this are not kept, whatever their age (default 500,000). */
  maxHistory?: number;
  /** How soon a watcher learns of revisions without a change for it (default 100 ms). */
  progressMs?: number;
  /** How often age is looked at (default 30 s). */
  compactEveryMs?: number;
  clock?: Clock;
}

interface Waiting {
  readonly rows: Row[];
  readonly revision: bigint;
  resolve(revision: bigint): void;
  reject(error: unknown): void;
}

const BATCH_ROWS = 256;

export class LocalStore implements Store {
  readonly #journal: Journal;
  readonly #options: Required<LocalOptions>;
  /** What is on disk; readers see only this. */
  readonly #heads: SortedEntries<Head>;
  /** Accepted but not yet on disk; no head for a delete. */
  readonly #pending = new Map<string, { id: number; head: Head | undefined }>();
  readonly #feed: Feed;
  readonly #timer: { stop(): void };
  #revision: bigint;
  #nextId: number;
  #oldest: bigint;
  #marks: Mark[];
  #queue: Waiting[] = [];
  /** Work on the journal that must not meet an append. */
  #chores: (() => void)[] = [];
  #flushing: Promise<void> | undefined;
  #broken: Error | undefined;
  #progressTimer = false;

  constructor(journal: Journal, options: LocalOptions = {}) {
    this.#journal = journal;
    this.#options = {
      retentionMs: 5 * 60_000,
      maxHistory: 500_000,
      progressMs: 100,
      compactEveryMs: 30_000,
      clock: systemClock,
      ...options,
    };
    const loaded = journal.load();
    this.#heads = new SortedEntries(loaded.heads);
    this.#revision = loaded.revision;
    this.#nextId = Number(loaded.revision) + 1;
    this.#oldest = loaded.oldest;
    this.#marks = loaded.marks;
    this.#feed = new Feed(loaded.revision);
    this.#timer = repeat(
      this.#options.compactEveryMs,
      () => this.#age(),
      () => {},
    );
  }

  async revision(): Promise<bigint> {
    this.#check();
    return this.#revision;
  }

  async oldest(): Promise<bigint> {
    return this.#oldest;
  }

  async size(): Promise<number | undefined> {
    return this.#journal.size?.();
  }

  async get(key: string): Promise<{ revision: bigint; entry: Entry | undefined }> {
    this.#check();
    return { revision: this.#revision, entry: this.#heads.get(key) };
  }

  async list(prefix: string, options: ListOptions = {}): Promise<Listing> {
    this.#check();
    const { revision = this.#revision, after, limit } = options;
    if (revision > this.#revision) throw new RangeError(`required revision ${revision} is newer than ${this.#revision}`);
    const state = revision === this.#revision ? this.#heads : this.#stateAt(prefix, revision);
    return { revision, ...state.range(prefix, after, limit) };
  }

  async commit(writes: readonly Write[]): Promise<bigint> {
    this.#check();
    if (writes.length === 0) throw new RangeError('a commit needs at least one write');
    if (writes.length > 1 && new Set(writes.map((write) => write.key)).size < writes.length)
      throw new RangeError('a commit names a key twice');
    for (const { key, ifRevision } of writes) {
      const current = this.#latest(key);
      if (ifRevision === 'any' || ifRevision === (current?.revision ?? 'absent')) continue;
      if (this.#pending.has(key)) await this.#flushing; // what is told must be on disk
      throw new Conflict(key, current);
    }
    const revision = BigInt(this.#nextId + writes.length - 1);
    const rows = writes.map((write) => {
      const value = write.value && tight(write.value);
      const row = rowOf(this.#nextId++, revision, write.key, value, this.#latest(write.key));
      this.#pending.set(row.key, { id: row.id, head: value && { id: row.id, revision, key: row.key, value } });
      return row;
    });
    const done = new Promise<bigint>((resolve, reject) => this.#queue.push({ rows, revision, resolve, reject }));
    this.#flushing ??= this.#flush();
    return done;
  }

  async *watch(prefix: string, after: bigint, signal: AbortSignal): AsyncGenerator<{ changes: Row[]; progress: bigint }> {
    let cursor = after;
    let told = after;
    let tell = true;
    if (after < this.#oldest) throw new Compacted(after, this.#oldest);
    while (!signal.aborted) {
      this.#check();
      while (cursor < this.#revision) {
        const rows = this.#rowsAfter(cursor, BATCH_ROWS);
        cursor = rows.at(-1)?.revision ?? this.#revision;
        const changes = rows.filter((row) => row.key.startsWith(prefix));
        if (cursor < this.#feed.floor) await nextTurn(); // a long way through the journal: others first
        if (changes.length === 0) continue;
        told = cursor;
        yield { changes, progress: cursor };
        if (signal.aborted) return;
        this.#check();
      }
      if (tell && cursor > told) {
        told = cursor;
        yield { changes: [], progress: cursor };
        tell = false;
        continue;
      }
      const woken = await this.#feed.wait(prefix, cursor, signal);
      cursor = woken.cursor;
      tell = woken.progress;
    }
  }

  async compact(revision: bigint): Promise<void> {
    const to = revision > this.#revision ? this.#revision : revision;
    while (this.#oldest < to) {
      this.#check();
      await this.#chore(() => {
        this.#oldest = this.#journal.compact(to);
      });
      await nextTurn(); // requests between the slices
    }
  }

  async close(): Promise<void> {
    this.#timer.stop();
    while (this.#flushing) await this.#flushing;
    if (this.#broken instanceof Closed) return;
    this.#broken = new Closed('the store is closed');
    this.#feed.wakeAll();
    await this.#journal.close();
  }

  #check(): void {
    if (this.#broken) throw this.#broken;
  }

  #latest(key: string): Head | undefined {
    const pending = this.#pending.get(key);
    return pending ? pending.head : this.#heads.get(key);
  }

  #chore(work: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#chores.push(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
      this.#flushing ??= this.#flush();
    });
  }

  /** Everything that came during the last sync is one transaction and one sync. */
  async #flush(): Promise<void> {
    await Promise.resolve(); // commits of the same turn go together
    while (!this.#broken && (this.#queue.length > 0 || this.#chores.length > 0)) {
      this.#chores.shift()?.();
      const batch = this.#queue;
      this.#queue = [];
      try {
        if (batch.length > 0) await this.#write(batch);
        await this.#journal.rest();
      } catch (error) {
        this.#refuse(batch, error as Error);
      }
    }
    this.#flushing = undefined;
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const rows = batch.length === 1 ? batch[0]!.rows : batch.flatMap((waiting) => waiting.rows);
    await this.#journal.append(rows);
    this.#apply(rows);
    for (const waiting of batch) waiting.resolve(waiting.revision);
  }

  /** The batch did not get to disk, nor can what was accepted on top of it. */
  #refuse(batch: readonly Waiting[], cause: Error): void {
    const error = new Error(`the store could not write: ${cause.message}`, { cause });
    for (const waiting of [...batch, ...this.#queue.splice(0)]) waiting.reject(error);
    this.#pending.clear();
    this.#nextId = Number(this.#revision) + 1;
    if (cause instanceof NotWritten) return;
    // After a failed sync nobody knows what is on disk: only a restart reads it again.
    this.#broken = error;
    this.#feed.wakeAll();
  }

  #apply(rows: readonly Row[]): void {
    for (const row of rows) {
      if (row.value) this.#heads.set({ id: row.id, revision: row.revision, key: row.key, value: row.value });
      else this.#heads.delete(row.key);
      if (this.#pending.get(row.key)?.id === row.id) this.#pending.delete(row.key);
    }
    this.#revision = rows.at(-1)!.revision;
    this.#feed.publish(rows, this.#revision);
    if (!this.#progressTimer) void this.#tellProgress();
  }

  async #tellProgress(): Promise<void> {
    this.#progressTimer = true;
    await systemClock.sleep(this.#options.progressMs);
    this.#progressTimer = false;
    this.#feed.wakeAll();
  }

  #rowsAfter(cursor: bigint, limit: number): Row[] {
    if (cursor < this.#oldest) throw new Compacted(cursor, this.#oldest);
    if (cursor >= this.#feed.floor) return this.#feed.read(cursor, limit);
    return this.#journal.history(cursor, this.#revision, limit);
  }

  /** The newest state with every later change below `prefix` undone. */
  #stateAt(prefix: string, revision: bigint): SortedEntries<Head> {
    if (revision < this.#oldest) throw new Compacted(revision, this.#oldest);
    const state = new Map(this.#heads.range(prefix, undefined, undefined).entries.map((head) => [head.key, head]));
    const undone = new Set<string>();
    for (let cursor = revision; cursor < this.#revision; ) {
      const rows = this.#rowsAfter(cursor, BATCH_ROWS);
      for (const row of rows) {
        if (undone.has(row.key) || !row.key.startsWith(prefix)) continue;
        undone.add(row.key);
        if (row.before) state.set(row.key, row.before);
        else state.delete(row.key);
      }
      cursor = rows.at(-1)?.revision ?? this.#revision;
    }
    return new SortedEntries(state.values());
  }

  async #age(): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    if (this.#marks.at(-1)?.revision !== this.#revision) {
      const mark = { atMs: nowMs, revision: this.#revision };
      this.#marks.push(mark);
      await this.#chore(() => this.#journal.mark(mark));
    }
    const old = this.#marks.findLast((mark) => mark.atMs <= nowMs - this.#options.retentionMs);
    const excess = this.#marks.find((mark) => mark.revision >= this.#revision - BigInt(this.#options.maxHistory));
    let horizon = old?.revision ?? 0n;
    if (this.#revision - this.#oldest > BigInt(this.#options.maxHistory) && excess && excess.revision > horizon) horizon = excess.revision;
    this.#marks = this.#marks.filter((mark) => mark.revision >= horizon);
    await this.compact(horizon);
  }
}

class Closed extends Error {}

/** A view of a bigger buffer would keep all of that alive. */
function tight(value: Uint8Array): Uint8Array {
  return value.byteLength === value.buffer.byteLength ? value : new Uint8Array(value);
}
