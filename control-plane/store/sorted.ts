// Present entries by key, with ranges in key order (UTF-16 order, which is byte order for the ASCII keys in use).
import type { Entry } from './store.ts';

export class SortedEntries<E extends Entry> {
  readonly #byKey = new Map<string, E>();
  #keys: string[] = [];

  constructor(entries: Iterable<E> = []) {
    for (const entry of entries) this.#byKey.set(entry.key, entry);
    this.#keys = [...this.#byKey.keys()].sort((a, b) => (a < b ? -1 : 1));
  }

  get(key: string): E | undefined {
    return this.#byKey.get(key);
  }

  set(entry: E): void {
    if (!this.#byKey.has(entry.key)) this.#keys.splice(this.#firstNotBelow(entry.key), 0, entry.key);
    this.#byKey.set(entry.key, entry);
  }

  delete(key: string): void {
    if (this.#byKey.delete(key)) this.#keys.splice(this.#firstNotBelow(key), 1);
  }

  /** Entries whose key starts with `prefix`, strictly after `after`, at most `limit`; `remaining` counts those cut off. */
  range(prefix: string, after: string | undefined, limit: number | undefined): { entries: E[]; remaining: number } {
    const from = after !== undefined && after >= prefix ? this.#firstNotBelow(`${after}\0`) : this.#firstNotBelow(prefix);
    const end = prefix === '' ? this.#keys.length : this.#firstNotBelow(afterPrefix(prefix));
    const to = limit ? Math.min(end, from + limit) : end;
    const entries = this.#keys.slice(from, Math.max(from, to)).map((key) => this.#byKey.get(key)!);
    return { entries, remaining: Math.max(0, end - Math.max(from, to)) };
  }

  values(): Iterable<E> {
    return this.#byKey.values();
  }

  #firstNotBelow(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The first string after all that start with `prefix`. */
export function afterPrefix(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}
