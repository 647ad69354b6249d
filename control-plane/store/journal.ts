// What the local store needs from a place that remembers: append, history, compaction. Drivers: sqlite.ts, memory.ts.
import type { Change, Entry } from './store.ts';

/** A present entry with the id of the journal's row that wrote it. */
export interface Head extends Entry {
  readonly id: number;
}

/** One row. Ids rise by one per write; a commit's revision is the id of its last row. `before`: the head that it replaced. */
export interface Row extends Change {
  readonly id: number;
  readonly before: Head | undefined;
}

/** The revision that was the newest at a moment: what compaction by age needs. */
export interface Mark {
  readonly atMs: number;
  readonly revision: bigint;
}

export interface Loaded {
  readonly heads: Head[];
  readonly revision: bigint;
  readonly oldest: bigint;
  readonly marks: Mark[];
}

export class NotWritten extends Error {}

export interface Journal {
  load(): Loaded;
  /**
   * Resolves once the rows are on disk. Nothing but `history` is called until then.
   * @throws NotWritten when surely nothing was written; after any other error the journal is not used again
   */
  append(rows: readonly Row[]): Promise<void>;
  /** Housekeeping after the answer to an append and after a compaction; the next append waits for it. */
  rest(): Promise<void>;
  /** Rows with `after` < revision <= `upTo` in order, about `limit`, whole commits only; empty at the end. */
  history(after: bigint, upTo: bigint, limit: number): Row[];
  /** Forgets a slice of what is not needed for states at `to` and later; returns how far it came (at most `to`). */
  compact(to: bigint): bigint;
  mark(mark: Mark): void;
  /** Bytes on disk. */
  size?(): number;
  close(): Promise<void>;
}

export function rowOf(id: number, revision: bigint, key: string, value: Uint8Array | undefined, before: Head | undefined): Row {
  return { id, revision, key, before, ...(value ? { value } : {}), ...(before ? { previous: before.value } : {}) };
}

/** Index of the first row whose revision is above `revision`; rows are in order of revision. */
export function firstAfter(rows: readonly Row[], revision: bigint): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle]!.revision <= revision) low = middle + 1;
    else high = middle;
  }
  return low;
}
