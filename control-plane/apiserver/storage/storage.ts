// Objects over the store: one feed of changes fills all caches in revision order; a write is answered once its change is in the cache.
import { deepFreeze, type KubeObject } from '../../../api/meta/index.ts';
import { repeat } from '../../../kit/run/index.ts';
import type { Change, Entry, Store } from '../../store/store.ts';
import { inSpan } from '../tracing/index.ts';
import { ResourceCache } from './cache.ts';
import { encodeStored } from './codec.ts';
import { Decoder } from './decoder.ts';
import { CacheEvent, Item, type StoredBytes } from './item.ts';
import { localKey, prefixOf, REGISTRY, type StoredResource, splitKey } from './keys.ts';

const LOAD_PAGE = 1000;
/** An object that nobody asked for in one to two of these is decoded anew when it is asked for. */
const FADE_EVERY_MS = 10_000;

export interface StorageOptions {
  store: Store;
  /** No other process writes to the store: the cache holds every acknowledged write. */
  exclusive: boolean;
  /** Defaults of old objects when they are read (in place). */
  defaults(object: KubeObject): void;
  /** How long a write took. */
  observe?(operation: 'create' | 'update' | 'delete', resource: StoredResource, seconds: number): void;
  /** The feed broke: the server cannot go on. */
  onFailure(error: unknown): void;
}

export class Storage {
  readonly store: Store;
  readonly #options: StorageOptions;
  readonly #caches = new Map<string, ResourceCache>();
  readonly #byName = new Map<string, Map<string, ResourceCache>>();
  readonly #known = new WeakMap<Uint8Array, KubeObject>();
  readonly #stop = new AbortController();
  readonly #decoder: Decoder;
  readonly #fading: { stop(): void };
  #waiters: { revision: number; done: () => void }[] = [];
  #startRevision = 0;
  /** All changes up to this revision are in the caches. */
  applied = 0;

  constructor(options: StorageOptions) {
    this.store = options.store;
    this.#options = options;
    this.#decoder = new Decoder(options.defaults);
    this.#fading = repeat(
      FADE_EVERY_MS,
      () => this.#decoder.fade(),
      () => {},
    );
  }

  /** Takes in what there is, undecoded, and follows the store from there. */
  async start(): Promise<void> {
    let after: string | undefined;
    let revision: bigint | undefined;
    for (;;) {
      const page = await this.store.list(REGISTRY, {
        limit: LOAD_PAGE,
        ...(revision === undefined ? {} : { revision }),
        ...(after === undefined ? {} : { after }),
      });
      revision ??= page.revision;
      this.#startRevision = Number(revision);
      this.#load(page.entries);
      if (page.remaining === 0) break;
      after = page.entries.at(-1)!.key;
    }
    this.applied = Number(revision);
    void this.#follow(revision).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) this.#options.onFailure(error);
    });
  }

  stop(): void {
    this.#stop.abort();
    this.#fading.stop();
  }

  /** Asked for many times a request: found by the two names as they are, no new string is made. */
  cache(resource: StoredResource): ResourceCache {
    let groups = this.#byName.get(resource.plural);
    if (groups === undefined) this.#byName.set(resource.plural, (groups = new Map()));
    let cache = groups.get(resource.group);
    if (cache === undefined) groups.set(resource.group, (cache = this.#cacheAt(prefixOf(resource))));
    return cache;
  }

  /** How many objects there are. What nobody stores gets no cache for having been asked about: clients choose those names. */
  count(resource: StoredResource): number {
    const { group, plural } = resource;
    return (this.#byName.get(plural)?.get(group) ?? this.#caches.get(prefixOf(resource)))?.size ?? 0;
  }

  /** Every resource that has a cache. */
  *resources(): Generator<StoredResource & { cache: ResourceCache }> {
    for (const [prefix, cache] of this.#caches) {
      const [, , group = '', plural = ''] = prefix.split('/');
      yield { group: group === 'core' ? '' : group, plural, cache };
    }
  }

  /** Makes the caches as new as the store is now (linearizable reads). */
  async fresh(): Promise<void> {
    if (this.#options.exclusive) return;
    await this.reached(Number(await this.store.revision()));
  }

  /** Resolves when all changes up to `revision` are in the caches, or `signal` aborts: a revision that never comes must not be waited for for ever. */
  reached(revision: number, signal?: AbortSignal): Promise<void> | undefined {
    if (this.applied >= revision) return undefined;
    return new Promise((done) => {
      const waiter = { revision, done };
      this.#waiters.push(waiter);
      signal?.addEventListener('abort', () => {
        this.#waiters = this.#waiters.filter((one) => one !== waiter);
        done();
      });
    });
  }

  get(resource: StoredResource, namespace: string, name: string): Item | undefined {
    return this.cache(resource).get(localKey(namespace, name));
  }

  /**
   * Writes one object; it becomes the cached one and is frozen. Rejects with the store's Conflict.
   * `expected`: the item that is replaced, or 'absent'.
   */
  async put(resource: StoredResource, local: string, object: KubeObject, expected: Item | 'absent'): Promise<Item> {
    const prefix = prefixOf(resource);
    const value = encodeStored(object);
    this.#known.set(value, object);
    const started = performance.now();
    const revision = Number(
      await inSpan('store', () =>
        this.store.commit([{ key: prefix + local, value, ifRevision: expected === 'absent' ? 'absent' : BigInt(expected.revision) }]),
      ),
    );
    this.#options.observe?.(expected === 'absent' ? 'create' : 'update', resource, (performance.now() - started) / 1000);
    await this.reached(revision);
    const item = this.#cacheAt(prefix).get(local);
    return item !== undefined && item.revision === revision ? item : this.#item(local, value, revision);
  }

  /** Writing the same again would change how it lies in the store. */
  stale(item: Item): boolean {
    return this.store.stale?.(item.stored) ?? false;
  }

  /** Deletes one object; resolves with the deletion's revision. Rejects with the store's Conflict. */
  async remove(resource: StoredResource, item: Item): Promise<number> {
    const started = performance.now();
    const write = { key: prefixOf(resource) + item.local, ifRevision: BigInt(item.revision) };
    const revision = Number(await inSpan('store', () => this.store.commit([write])));
    this.#options.observe?.('delete', resource, (performance.now() - started) / 1000);
    await this.reached(revision);
    return revision;
  }

  /** The item as the store has it now, past the cache (after a Conflict of a foreign writer). */
  async getFresh(resource: StoredResource, namespace: string, name: string): Promise<Item | undefined> {
    const local = localKey(namespace, name);
    const { entry, revision } = await this.store.get(prefixOf(resource) + local);
    await this.reached(Number(revision));
    return entry === undefined
      ? undefined
      : (this.#match(resource, local, Number(entry.revision)) ?? this.#stored(local, entry, Number(entry.revision)));
  }

  /** Changes of one resource after `revision` up to what is applied now, out of the store's history. Throws Compacted. */
  async history(resource: StoredResource, revision: number): Promise<CacheEvent[]> {
    const until = this.applied;
    const prefix = prefixOf(resource);
    const found: CacheEvent[] = [];
    if (revision >= until) return found;
    const stop = new AbortController();
    for await (const batch of this.store.watch(REGISTRY, BigInt(revision), stop.signal)) {
      let seen = Number(batch.progress);
      for (const change of batch.changes) {
        seen = Math.max(seen, Number(change.revision));
        if (change.key.startsWith(prefix) && Number(change.revision) <= until) found.push(this.#source(prefix, change));
      }
      if (seen >= until) break;
    }
    stop.abort();
    return found;
  }

  /** Items of a resource at an older revision, from the store. Throws Compacted. */
  async listAt(
    resource: StoredResource,
    revision: number,
    localPrefix: string,
    after: string | undefined,
    limit: number | undefined,
  ): Promise<{ items: Item[]; remaining: number }> {
    const prefix = prefixOf(resource);
    const page = await this.store.list(prefix + localPrefix, {
      revision: BigInt(revision),
      ...(after === undefined ? {} : { after: prefix + after }),
      ...(limit === undefined ? {} : { limit }),
    });
    const items = page.entries.map((entry) => {
      const local = entry.key.slice(prefix.length);
      return this.#match(resource, local, Number(entry.revision)) ?? this.#stored(local, entry, Number(entry.revision));
    });
    return { items, remaining: page.remaining };
  }

  /** In the order of their keys: one resource after the other. */
  #load(entries: readonly Entry[]): void {
    let prefix = '';
    let cache: ResourceCache | undefined;
    for (const entry of entries) {
      if (cache === undefined || !entry.key.startsWith(prefix)) {
        const key = splitKey(entry.key);
        cache = key && this.#cacheAt((prefix = key.prefix));
      }
      cache?.load(this.#stored(entry.key.slice(prefix.length), entry, Number(entry.revision)));
    }
  }

  #match(resource: StoredResource, local: string, revision: number): Item | undefined {
    const item = this.cache(resource).get(local);
    return item?.revision === revision ? item : undefined;
  }

  #cacheAt(prefix: string): ResourceCache {
    let cache = this.#caches.get(prefix);
    if (cache === undefined) {
      cache = new ResourceCache(this.#startRevision);
      this.#caches.set(prefix, cache);
    }
    return cache;
  }

  #stored(local: string, entry: StoredBytes, revision: number): Item {
    return new Item(local, revision, entry, this.#decoder);
  }

  /** Of a change: the object is known when it was written here. */
  #item(local: string, value: Uint8Array, revision: number): Item {
    const known = this.#known.get(value);
    if (known !== undefined && !Object.isFrozen(known)) {
      known.metadata.resourceVersion = String(revision);
      deepFreeze(known);
    }
    return new Item(local, revision, { value }, this.#decoder, known);
  }

  #source(prefix: string, change: Change): CacheEvent {
    const local = change.key.slice(prefix.length);
    const revision = Number(change.revision);
    const previous = change.previous && this.#item(local, change.previous, revision);
    const type = !change.value ? 'DELETED' : previous ? 'MODIFIED' : 'ADDED';
    return new CacheEvent(type, change.value ? this.#item(local, change.value, revision) : previous!.deletedAt(revision), previous);
  }

  async #follow(after: bigint): Promise<void> {
    for await (const batch of this.store.watch(REGISTRY, after, this.#stop.signal)) {
      for (const change of batch.changes) this.#apply(change);
      this.#advance(Math.max(this.applied, Number(batch.progress)));
    }
    if (!this.#stop.signal.aborted) throw new Error('the store ended its watch');
  }

  #apply(change: Change): void {
    const key = splitKey(change.key);
    const revision = Number(change.revision);
    if (key) {
      const item = change.value && this.#item(key.local, change.value, revision);
      this.#cacheAt(key.prefix).apply(key.local, revision, item);
    }
    if (revision > this.applied) this.applied = revision;
  }

  #advance(revision: number): void {
    this.applied = revision;
    if (this.#waiters.length === 0) return;
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) {
      if (waiter.revision <= revision) waiter.done();
      else this.#waiters.push(waiter);
    }
  }
}
