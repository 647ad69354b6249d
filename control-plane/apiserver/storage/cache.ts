// The watch cache of one resource: present objects in key order, the newest changes, and who watches.
import type { KubeObject } from '../../../api/meta/index.ts';
import { CacheIndex } from './cache-index.ts';
import { CacheEvent, type Item } from './item.ts';

/** Changes kept for watches that start in the past; older ones come from the store's history. */
const RING_MAX = 2048;

export interface Watcher {
  /** Called for each change in order, synchronously; must not throw and must not wait. */
  offer(event: CacheEvent): void;
}

export interface CacheFigures {
  /** Changes that came from the store, and those of them that watchers were told of. */
  received: number;
  told: number;
  /** Events that watches began with. */
  initial: number;
  /** Watches that ended because their client lagged. */
  cutOff: number;
}

export class ResourceCache {
  readonly #items = new Map<string, Item>();
  /** The same in key order. */
  readonly #sorted: Item[] = [];
  readonly #ring: CacheEvent[] = [];
  readonly #watchers = new Set<Watcher>();
  readonly #indexes: CacheIndex[] = [];
  /** The ring holds every change with revision > this. */
  #ringAfter: number;
  /** Revision of the newest change of this resource. */
  changed: number;
  /** What happened here since the start. */
  readonly figures: CacheFigures = { received: 0, told: 0, initial: 0, cutOff: 0 };

  constructor(revision: number) {
    this.#ringAfter = revision;
    this.changed = revision;
  }

  get size(): number {
    return this.#items.size;
  }

  get(local: string): Item | undefined {
    return this.#items.get(local);
  }

  /** Items whose key starts with `prefix` and comes after `after`, in key order: a copy that later writes do not touch. */
  range(prefix: string, after: string | undefined): Item[] {
    const sorted = this.#sorted;
    let from = 0;
    if (prefix !== '') from = lowerBound(sorted, prefix);
    if (after !== undefined) from = Math.max(from, lowerBound(sorted, `${after}\u0000`));
    if (prefix === '') return from === 0 ? sorted.slice() : sorted.slice(from);
    return sorted.slice(from, lowerBound(sorted, `${prefix.slice(0, -1)}0`)); // '0' follows '/'
  }

  load(item: Item): void {
    this.#put(item);
    if (item.revision > this.changed) this.changed = item.revision;
  }

  /** Puts one change in and tells the watchers. `item` undefined: deleted. */
  apply(local: string, revision: number, item: Item | undefined): CacheEvent | undefined {
    const previous = this.#items.get(local);
    this.figures.received++;
    let event: CacheEvent;
    if (item !== undefined) {
      this.#put(item);
      event = new CacheEvent(previous ? 'MODIFIED' : 'ADDED', item, previous);
    } else {
      if (previous === undefined) return undefined;
      this.#items.delete(local);
      for (const index of this.#indexes) index.remove(previous);
      this.#sorted.splice(lowerBound(this.#sorted, local), 1);
      event = new CacheEvent('DELETED', previous.deletedAt(revision), previous);
    }
    this.changed = revision;
    this.#remember(event);
    for (const watcher of this.#watchers) watcher.offer(event);
    this.figures.told++;
    event.told();
    return event;
  }

  /** All changes after `revision`, or undefined when the ring no longer reaches back to it. */
  since(revision: number): CacheEvent[] | undefined {
    if (revision < this.#ringAfter) return undefined;
    let from = this.#ring.length;
    while (from > 0 && this.#ring[from - 1]!.item.revision > revision) from--;
    return this.#ring.slice(from);
  }

  subscribe(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  objects(): KubeObject[] {
    return this.#sorted.map((item) => item.object);
  }

  /** Objects by a key of theirs, from now on kept up to date: for the life of the cache. */
  index(keyOf: (object: KubeObject) => string | undefined): CacheIndex {
    const index = new CacheIndex(keyOf);
    for (const item of this.#sorted) index.put(item);
    this.#indexes.push(index);
    return index;
  }

  #put(item: Item): void {
    for (const index of this.#indexes) index.put(item);
    const before = this.#items.size;
    this.#items.set(item.local, item);
    if (this.#items.size === before) this.#sorted[lowerBound(this.#sorted, item.local)] = item;
    else if (this.#afterLast(item.local)) this.#sorted.push(item);
    else this.#sorted.splice(lowerBound(this.#sorted, item.local), 0, item);
  }

  #afterLast(local: string): boolean {
    const last = this.#sorted.at(-1);
    return last === undefined || last.local < local;
  }

  #remember(event: CacheEvent): void {
    this.#ring.push(event);
    if (this.#ring.length < RING_MAX * 2) return;
    this.#ringAfter = this.#ring[RING_MAX - 1]!.item.revision;
    this.#ring.splice(0, RING_MAX);
  }
}

/** Index of the first item whose key is not below `key`. */
function lowerBound(items: readonly Item[], key: string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (items[middle]!.local < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
