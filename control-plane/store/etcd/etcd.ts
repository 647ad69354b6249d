// The store on etcd v3: transactions that compare revisions, one shared watch of all keys that feeds every watcher.
import { backoffMs, repeat, systemClock } from '../../../kit/run/index.ts';
import { Feed } from '../feed.ts';
import { type Row, rowOf } from '../journal.ts';
import { afterPrefix } from '../sorted.ts';
import { Compacted, Conflict, type Entry, type Listing, type ListOptions, type Store, type Write } from '../store.ts';
import { type EtcdClient, outOfRange } from './client.ts';
import type { Int64, KeyValue, RangeResponse, WatchResponse } from './descriptor.ts';

export interface EtcdOptions {
  client: EtcdClient;
  /** In front of every key; other users of the same etcd have others. */
  root: string;
  /** History is kept at least this long (default 5 minutes). */
  retentionMs?: number;
  progressMs?: number;
}

/** Written at each opening: so some event of ours is there from which history and live watch can be joined. */
const MARKER = '\0opened';
const BATCH_ROWS = 256;
const STATUS_MS = 1000;
const RETENTION_MS = 5 * 60_000;

export class EtcdStore implements Store {
  readonly #client: EtcdClient;
  readonly #root: string;
  readonly #progressMs: number;
  readonly #stop = new AbortController();
  readonly #compactor: { stop(): void };
  #feed: Feed;
  /** All changes up to here are in the feed. */
  #seen: bigint;
  /** Oldest revision as far as we know; others may compact too. */
  #oldest = 0n;
  #progressTimer = false;

  private constructor(options: EtcdOptions, opened: bigint) {
    this.#client = options.client;
    this.#root = options.root;
    this.#progressMs = options.progressMs ?? 100;
    this.#seen = opened;
    this.#feed = new Feed(opened);
    let past = opened;
    this.#compactor = repeat(
      options.retentionMs ?? RETENTION_MS,
      async () => {
        const now = await this.revision();
        await this.compact(past);
        past = now;
      },
      () => {}, // the next round does it
    );
    void this.#follow();
  }

  static async open(options: EtcdOptions): Promise<EtcdStore> {
    const { header } = await options.client.call('put', { key: Buffer.from(options.root + MARKER), value: Buffer.alloc(0) });
    return new EtcdStore(options, toBigint(header.revision));
  }

  async revision(): Promise<bigint> {
    return toBigint((await this.#range({ key: this.#key(MARKER), countOnly: true })).header.revision);
  }

  async get(key: string): Promise<{ revision: bigint; entry: Entry | undefined }> {
    const { header, kvs } = await this.#range({ key: this.#key(key) });
    return { revision: toBigint(header.revision), entry: kvs[0] && this.#entry(kvs[0]) };
  }

  async list(prefix: string, options: ListOptions = {}): Promise<Listing> {
    const { after, limit = 0, revision } = options;
    if (revision !== undefined && revision < this.#oldest) throw new Compacted(revision, this.#oldest);
    // Keys of ours begin behind the marker: NUL sorts before all that a key has.
    const from = after !== undefined && after >= prefix ? `${after}\0` : prefix || '\x01';
    try {
      const request = {
        key: this.#key(from),
        rangeEnd: this.#end(prefix),
        limit,
        ...(revision === undefined ? {} : { revision: Number(revision) }),
      };
      const { header, kvs, count } = await this.#range(request);
      return {
        revision: revision ?? toBigint(header.revision),
        entries: kvs.map((kv) => this.#entry(kv)),
        remaining: Number(count) - kvs.length,
      };
    } catch (error) {
      if (outOfRange(error) === 'compacted') throw new Compacted(revision ?? 0n, await this.oldest());
      if (outOfRange(error) === 'future') throw new RangeError(`required revision ${revision} is newer than what is there`);
      throw error;
    }
  }

  async commit(writes: readonly Write[]): Promise<bigint> {
    if (writes.length === 0) throw new RangeError('a commit needs at least one write');
    const conditional = writes.filter((write) => write.ifRevision !== 'any');
    const answer = await this.#client.call('txn', {
      compare: conditional.map(({ key, ifRevision }) => ({
        target: 2,
        key: this.#key(key),
        modRevision: ifRevision === 'absent' ? 0 : Number(ifRevision),
      })),
      success: writes.map(({ key, value }) =>
        value ? { requestPut: { key: this.#key(key), value } } : { requestDeleteRange: { key: this.#key(key) } },
      ),
      failure: conditional.map(({ key }) => ({ requestRange: { key: this.#key(key) } })),
    });
    if (answer.succeeded) return toBigint(answer.header.revision);
    for (const [n, { key, ifRevision }] of conditional.entries()) {
      const kv = answer.responses[n]?.responseRange?.kvs[0];
      const current = kv && this.#entry(kv);
      if ((current?.revision ?? 'absent') !== ifRevision) throw new Conflict(key, current);
    }
    throw new Error('etcd refused a transaction whose conditions hold');
  }

  async *watch(prefix: string, after: bigint, signal: AbortSignal): AsyncGenerator<{ changes: Row[]; progress: bigint }> {
    let cursor = after;
    let told = after;
    let tell = true;
    const stop = AbortSignal.any([signal, this.#stop.signal]);
    while (!signal.aborted) {
      if (this.#stop.signal.aborted) throw new Error('the store is closed');
      if (cursor < this.#oldest) throw new Compacted(cursor, this.#oldest);
      if (cursor < this.#feed.floor) {
        // Older than what is in memory: from etcd itself, until the feed has it.
        for await (const { rows, revision } of this.#rows(cursor, stop)) {
          cursor = told = revision;
          yield { changes: rows.filter((row) => row.key.startsWith(prefix)), progress: revision };
          if (signal.aborted) return;
          if (cursor >= this.#feed.floor) break;
        }
        continue;
      }
      const rows = this.#feed.read(cursor, BATCH_ROWS);
      if (rows.length > 0) {
        cursor = rows.at(-1)!.revision;
        const changes = rows.filter((row) => row.key.startsWith(prefix));
        if (changes.length === 0) continue;
        told = cursor;
        yield { changes, progress: cursor };
        continue;
      }
      if (this.#seen > cursor) cursor = this.#seen;
      if (tell && cursor > told) {
        told = cursor;
        yield { changes: [], progress: cursor };
        tell = false;
        continue;
      }
      const woken = await this.#feed.wait(prefix, cursor, stop);
      cursor = woken.cursor;
      tell = woken.progress;
    }
  }

  async compact(revision: bigint): Promise<void> {
    try {
      await this.#client.call('compact', { revision: Number(revision) });
    } catch (error) {
      if (outOfRange(error) !== 'compacted') throw error; // somebody was there before
    }
    if (revision > this.#oldest) this.#oldest = revision;
  }

  /** Of the member that is asked. Nobody should wait long for a figure. */
  async size(): Promise<number | undefined> {
    return this.#client.call('status', {}, STATUS_MS).then(
      ({ dbSize }) => Number(dbSize),
      () => undefined,
    );
  }

  /** etcd does not tell it: the lowest revision at which it can be read, by bisection. */
  async oldest(): Promise<bigint> {
    let low = this.#oldest;
    let high = await this.revision();
    if (await this.#readableAt(low + 1n)) return low <= 1n && (await this.#readableAt(1n)) ? 0n : low;
    while (low + 1n < high) {
      const middle = (low + high) / 2n;
      if (await this.#readableAt(middle)) high = middle;
      else low = middle;
    }
    this.#oldest = high;
    return high;
  }

  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#compactor.stop();
    this.#stop.abort(new Error('the store is closed'));
    this.#feed.wakeAll();
    this.#client.close();
  }

  async #readableAt(revision: bigint): Promise<boolean> {
    try {
      await this.#range({ key: this.#key(MARKER), countOnly: true, revision: Number(revision) });
      return true;
    } catch (error) {
      if (outOfRange(error) === 'compacted') return false;
      if (outOfRange(error) === 'future') return true;
      throw error;
    }
  }

  /** Keeps the feed on etcd's changes as long as the store is open. */
  async #follow(): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      try {
        for await (const { rows, revision } of this.#rows(this.#seen, this.#stop.signal)) {
          failures = 0;
          this.#seen = revision;
          this.#feed.publish(
            rows.filter((row) => row.key !== MARKER),
            revision,
          );
          if (!this.#progressTimer) void this.#tellProgress();
        }
      } catch (error) {
        if (error instanceof Compacted) this.#startOver(error.oldest);
      }
      await systemClock.sleep(backoffMs(++failures, 50, 5000), this.#stop.signal).catch(() => {});
    }
  }

  /** History that nobody can have any more was missed: watchers find themselves behind it. */
  #startOver(oldest: bigint): void {
    this.#oldest = oldest;
    this.#seen = oldest;
    const before = this.#feed;
    this.#feed = new Feed(oldest);
    before.wakeAll();
  }

  async #tellProgress(): Promise<void> {
    this.#progressTimer = true;
    await systemClock.sleep(this.#progressMs);
    this.#progressTimer = false;
    this.#feed.wakeAll();
  }

  /** All changes after a revision, whole commits at a time. @throws Compacted */
  async *#rows(after: bigint, signal: AbortSignal): AsyncGenerator<{ rows: Row[]; revision: bigint }> {
    const create = {
      key: Buffer.from(this.#root),
      rangeEnd: Buffer.from(afterPrefix(this.#root)),
      startRevision: Number(after + 1n),
      prevKv: true,
    };
    for await (const message of this.#client.watch(create, signal)) {
      const compacted = toBigint(message.compactRevision);
      if (compacted > 0n) throw new Compacted(after, compacted);
      if (message.canceled) throw new Error(`etcd ended the watch: ${message.cancelReason}`);
      if (message.events.length === 0) continue;
      const rows = message.events.map((event) => this.#row(event));
      yield { rows, revision: rows.at(-1)!.revision };
    }
  }

  #row({ type, kv, prevKv }: WatchResponse['events'][number]): Row {
    const before = prevKv && { ...this.#entry(prevKv), id: 0 };
    return rowOf(0, toBigint(kv.modRevision), this.#name(kv.key), type === 1 ? undefined : kv.value, before);
  }

  #range(request: object): Promise<RangeResponse> {
    return this.#client.call('range', request);
  }

  #entry(kv: KeyValue): Entry {
    return { key: this.#name(kv.key), value: kv.value, revision: toBigint(kv.modRevision) };
  }

  #key(key: string): Buffer {
    return Buffer.from(this.#root + key);
  }
  #end(prefix: string): Buffer {
    return Buffer.from(afterPrefix(this.#root + prefix));
  }
  #name(key: Uint8Array): string {
    return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString().slice(this.#root.length);
  }
}

const toBigint = (value: Int64 | undefined): bigint => BigInt(String(value ?? 0));
