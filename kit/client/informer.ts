// A cache of one resource, kept fresh by list + watch over any Client; tells its handlers of each change, in order.
import { isStatusError, type KubeObject } from '../../api/meta/index.ts';
import { backoffMs, type Clock, Slices, systemClock } from '../run/index.ts';
import type { Client, ListParams, Resource, WatchEvent } from './client.ts';
import { Indexed, type IndexFunction, keyOf } from './indexed.ts';

/** What one informer looks at. */
export type InformerScope = Pick<ListParams, 'namespace' | 'labelSelector' | 'fieldSelector' | 'metadataOnly'>;

export interface InformerOptions<T> {
  /** Stops the informer. */
  signal: AbortSignal;
  indexes?: Record<string, IndexFunction<T>>;
  /** `synced` rejects after this many milliseconds; the informer itself goes on trying. Default 30 s. */
  syncTimeoutMs?: number;
  /** Failures of list and watch; the informer retries by itself. */
  onError?: (error: unknown) => void;
  clock?: Clock;
}

export interface Handlers<T> {
  added?(object: T): void;
  updated?(before: T, after: T): void;
  /** The last state that was seen. */
  deleted?(object: T): void;
}

/** Objects are shared with everybody: never change them. */
export interface Informer<T extends KubeObject = KubeObject> {
  readonly resource: Resource;
  /** Resolves when the first list is in the cache. */
  readonly synced: Promise<void>;
  /** `key` as `keyOf` makes it: `namespace/name` or `name`. */
  get(key: string): T | undefined;
  list(): T[];
  /** Objects which index `name` files under `value`. */
  by(name: string, value: string): T[];
  addIndex(name: string, of: IndexFunction<T>): void;
  /** `added` is called at once for what is present. Returns how to take the handlers off again. */
  on(handlers: Handlers<T>): () => void;
}

export function createInformer<T extends KubeObject = KubeObject>(
  client: Client,
  resource: Resource,
  scope: InformerScope,
  options: InformerOptions<T>,
): Informer<T> {
  const informer = new ListWatchInformer<T>(client, resource, scope, options);
  void informer.run();
  return informer;
}

class ListWatchInformer<T extends KubeObject> implements Informer<T> {
  readonly resource: Resource;
  readonly synced: Promise<void>;
  readonly #client: Client;
  readonly #scope: InformerScope;
  readonly #options: InformerOptions<T>;
  readonly #clock: Clock;
  readonly #cache = new Indexed<T>();
  readonly #handlers = new Set<Handlers<T>>();
  #resolveSynced: () => void = () => {};
  /** Newest version seen; undefined: a list is needed. */
  #resourceVersion: string | undefined;
  #failures = 0;

  constructor(client: Client, resource: Resource, scope: InformerScope, options: InformerOptions<T>) {
    this.resource = resource;
    this.#client = client;
    this.#scope = scope;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    for (const [name, of] of Object.entries(options.indexes ?? {})) this.#cache.addIndex(name, of);
    this.synced = this.#syncedWithin(options.syncTimeoutMs ?? 30_000);
  }

  get(key: string): T | undefined {
    return this.#cache.get(key);
  }
  list(): T[] {
    return this.#cache.values();
  }
  by(name: string, value: string): T[] {
    return this.#cache.by(name, value);
  }
  addIndex(name: string, of: IndexFunction<T>): void {
    this.#cache.addIndex(name, of);
  }

  on(handlers: Handlers<T>): () => void {
    this.#handlers.add(handlers);
    if (handlers.added) for (const object of this.#cache.values()) this.#tell(() => handlers.added?.(object));
    return () => this.#handlers.delete(handlers);
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) await this.#list();
        await this.#watch();
        // Ended by the server, as it does from time to time: go on from the newest version. Each event and list resets
        // the count, so only a server that ends watches at once is asked less and less often.
        await this.#clock.sleep(backoffMs(++this.#failures, 10, 10_000), signal);
      } catch (error) {
        if (signal.aborted) return;
        if (isStatusError(error, 'Expired') || isStatusError(error, 'Gone')) this.#resourceVersion = undefined;
        else this.#options.onError?.(error);
        this.#failures++;
        await this.#clock.sleep(backoffMs(this.#failures, 50, 10_000), signal).catch(() => {});
      }
    }
  }

  async #list(): Promise<void> {
    const listing = await this.#client.list<T>(this.resource, this.#scope);
    const gone = new Set(this.#cache.keys());
    const slices = new Slices();
    for (const object of listing.items) {
      if (slices.over) await slices.next();
      gone.delete(keyOf(object));
      this.#put(object);
    }
    for (const key of gone) {
      if (slices.over) await slices.next();
      this.#remove(key);
    }
    this.#resourceVersion = listing.metadata.resourceVersion ?? '0';
    this.#failures = 0;
    this.#resolveSynced();
  }

  async #watch(): Promise<void> {
    const params = {
      ...this.#scope,
      allowWatchBookmarks: true,
      ...(this.#resourceVersion ? { resourceVersion: this.#resourceVersion } : {}),
    };
    for await (const event of this.#client.watch<T>(this.resource, params, this.#options.signal)) {
      this.#failures = 0;
      this.#apply(event);
    }
  }

  #apply(event: WatchEvent<T>): void {
    if (event.type === 'DELETED') this.#remove(keyOf(event.object));
    else if (event.type !== 'BOOKMARK') this.#put(event.object);
    this.#resourceVersion = event.object.metadata.resourceVersion ?? this.#resourceVersion;
  }

  #put(object: T): void {
    const key = keyOf(object);
    const before = this.#cache.get(key);
    if (before && before.metadata.resourceVersion === object.metadata.resourceVersion) return;
    this.#cache.set(key, object);
    // Deleted and made again while we did not look: two different objects.
    const replaced = before !== undefined && before.metadata.uid !== object.metadata.uid;
    for (const handlers of this.#handlers) {
      if (before && replaced) this.#tell(() => handlers.deleted?.(before));
      this.#tell(() => (before && !replaced ? handlers.updated?.(before, object) : handlers.added?.(object)));
    }
  }

  #remove(key: string): void {
    const before = this.#cache.get(key);
    if (!before) return;
    this.#cache.delete(key);
    for (const handlers of this.#handlers) this.#tell(() => handlers.deleted?.(before));
  }

  /** A handler that throws must not stop the cache. */
  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#options.onError?.(error);
    }
  }

  #syncedWithin(timeoutMs: number): Promise<void> {
    const done = new AbortController();
    const signal = AbortSignal.any([done.signal, this.#options.signal]);
    const synced = new Promise<void>((resolve, reject) => {
      this.#resolveSynced = () => {
        resolve();
        done.abort();
      };
      this.#clock.sleep(timeoutMs, signal).then(
        () => reject(new Error(`no list of ${this.resource.plural} within ${timeoutMs} ms`)),
        () => reject(this.#options.signal.reason ?? new Error('stopped')), // no effect when it was resolved
      );
    });
    synced.catch(() => {}); // who waits sees it
    return synced;
  }
}
