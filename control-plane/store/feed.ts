// Recent changes in memory and the watchers that wait for more. A watcher is a cursor, not a queue: a slow one costs nothing.
import { firstAfter, type Row } from './journal.ts';

const KEEP_ROWS = 4096;
const KEEP_BYTES = 8 << 20;

interface Waiter {
  readonly prefix: string;
  /** All up to here was seen; moved on while nothing matches. */
  cursor: bigint;
  wake(progress: boolean): void;
}

export class Feed {
  #rows: Row[] = [];
  #bytes = 0;
  #floor: bigint;
  readonly #waiters = new Set<Waiter>();

  constructor(revision: bigint) {
    this.#floor = revision;
  }

  /** Rows with a revision above this are all here. */
  get floor(): bigint {
    return this.#floor;
  }

  publish(rows: readonly Row[], revision: bigint): void {
    for (const row of rows) {
      this.#rows.push(row);
      this.#bytes += row.value?.byteLength ?? 0;
    }
    if (this.#rows.length > 2 * KEEP_ROWS || this.#bytes > 2 * KEEP_BYTES) this.#trim();
    for (const waiter of this.#waiters) {
      if (rows.some((row) => row.revision > waiter.cursor && row.key.startsWith(waiter.prefix))) waiter.wake(false);
      else if (waiter.cursor < revision) waiter.cursor = revision;
    }
  }

  /** Rows above `after`, at least `limit` when there are (whole commits). Only for `after` >= floor. */
  read(after: bigint, limit: number): Row[] {
    const start = firstAfter(this.#rows, after);
    let end = Math.min(this.#rows.length, start + limit);
    while (end < this.#rows.length && this.#rows[end]!.revision === this.#rows[end - 1]!.revision) end++;
    return this.#rows.slice(start, end);
  }

  /** Resolves when a row below `prefix` above `cursor` came, on `wakeAll`, or on abort. */
  wait(prefix: string, cursor: bigint, signal: AbortSignal): Promise<{ cursor: bigint; progress: boolean }> {
    return new Promise((resolve) => {
      const onAbort = () => waiter.wake(false);
      const waiter: Waiter = {
        prefix,
        cursor,
        wake: (progress) => {
          this.#waiters.delete(waiter);
          signal.removeEventListener('abort', onAbort);
          resolve({ cursor: waiter.cursor, progress });
        },
      };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
    });
  }

  wakeAll(): void {
    for (const waiter of [...this.#waiters]) waiter.wake(true);
  }

  #trim(): void {
    let drop = Math.max(0, this.#rows.length - KEEP_ROWS);
    for (let i = 0; i < drop; i++) this.#bytes -= this.#rows[i]!.value?.byteLength ?? 0;
    while (this.#bytes > KEEP_BYTES && drop < this.#rows.length) this.#bytes -= this.#rows[drop++]!.value?.byteLength ?? 0;
    if (drop === 0) return;
    this.#floor = this.#rows[drop - 1]!.revision;
    this.#rows = this.#rows.slice(drop);
  }
}
