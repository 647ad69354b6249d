// Journal in memory, for tests: same history and compaction, nothing survives.
import type { Journal, Loaded, Row } from './journal.ts';

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
    const start = this.#firstAfter(after);
    let end = Math.min(this.#firstAfter(upTo), start + limit);
    while (end < this.#rows.length && this.#rows[end]!.revision === this.#rows[end - 1]!.revision) end++;
    return this.#rows.slice(start, end);
  }

  compact(to: bigint): bigint {
    this.#rows = this.#rows.slice(this.#firstAfter(to));
    return to;
  }

  mark(): void {}

  async close(): Promise<void> {}

  #firstAfter(revision: bigint): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#rows[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
