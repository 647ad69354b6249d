// Journal in memory, for tests: same history and compaction, nothing survives.
import { firstAfter, type Journal, type Loaded, type Row } from './journal.ts';

export class MemoryJournal implements Journal {
  #rows: Row[] = [];

  load(): Loaded {
    return { heads: [], revision: 0n, oldest: 0n, marks: [] };
  }

  async append(rows: readonly Row[]): Promise<void> {
    this.#rows.push(...rows);
  }

  async rest(): Promise<void> {}

  history(after: bigint, upTo: bigint, limit: number): Row[] {
    const start = firstAfter(this.#rows, after);
    let end = Math.min(firstAfter(this.#rows, upTo), start + limit);
    while (end < this.#rows.length && this.#rows[end]!.revision === this.#rows[end - 1]!.revision) end++;
    return this.#rows.slice(start, end);
  }

  compact(to: bigint): bigint {
    this.#rows = this.#rows.slice(firstAfter(this.#rows, to));
    return to;
  }

  mark(): void {}

  async close(): Promise<void> {}
}
