// The store: revisions, compare-and-set, watch. Values are bytes. The only meeting point of all writers.

/** A key's present value; `revision` is that of its last write. A driver may read `value` only when it is asked for. */
export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  readonly revision: bigint;
  /** The same bytes, not kept in memory for this: for who looks at very many values once. Absent: they are there anyway. */
  peek?(): Uint8Array;
}

/** One key's change in one commit. `value` absent: deleted. `previous` absent: created. */
export interface Change {
  readonly revision: bigint;
  readonly key: string;
  readonly value?: Uint8Array;
  readonly previous?: Uint8Array;
}

/** `value` absent deletes. `ifRevision`: the key's revision that is expected, 'absent', or 'any'. */
export interface Write {
  readonly key: string;
  readonly value?: Uint8Array;
  readonly ifRevision: bigint | 'absent' | 'any';
}

export interface ListOptions {
  /** State at this revision (default: newest). Throws Compacted when no longer kept. */
  revision?: bigint;
  /** Keys strictly after this one. */
  after?: string;
  limit?: number;
}

export interface Listing {
  readonly revision: bigint;
  readonly entries: Entry[];
  /** How many follow after the last entry (0 when complete). */
  readonly remaining: number;
}

/** A write's expectation did not hold; nothing of the commit was written. `current` is undefined when the key is absent. */
export class Conflict extends Error {
  readonly key: string;
  readonly current: Entry | undefined;
  constructor(key: string, current: Entry | undefined) {
    super(`revision of ${key} is ${current?.revision ?? 'absent'}`);
    this.name = 'Conflict';
    this.key = key;
    this.current = current;
  }
}

/** The asked revision is older than the kept history. */
export class Compacted extends Error {
  readonly oldest: bigint;
  constructor(asked: bigint, oldest: bigint) {
    super(`required revision ${asked} has been compacted, oldest is ${oldest}`);
    this.name = 'Compacted';
    this.oldest = oldest;
  }
}

export interface Store {
  /** Newest revision (linearizable). */
  revision(): Promise<bigint>;
  get(key: string): Promise<{ revision: bigint; entry: Entry | undefined }>;
  list(prefix: string, options?: ListOptions): Promise<Listing>;
  /** All writes or none, at one new revision. Rejects with Conflict; resolves only after the log is on disk. */
  commit(writes: readonly Write[]): Promise<bigint>;
  /**
   * Changes below `prefix` with revision > `after`, in order, in batches; ends when `signal` aborts.
   * Throws Compacted when `after` is older than the kept history. An empty batch never comes, except as
   * progress: it carries no change but `progress` says that all up to that revision was delivered.
   */
  watch(prefix: string, after: bigint, signal: AbortSignal): AsyncIterable<{ changes: readonly Change[]; progress: bigint }>;
  /** Forget history older than `revision`. */
  compact(revision: bigint): Promise<void>;
  /** Oldest revision from which a watch can start. */
  oldest(): Promise<bigint>;
  /** The value, as it was read from here, would lie there in another form if it were written again (encryption with a former key). */
  stale?(value: Uint8Array): boolean;
  /** Of the database on disk, in bytes; undefined when there is none, or it cannot be told. */
  size?(): Promise<number | undefined>;
  close(): Promise<void>;
}
