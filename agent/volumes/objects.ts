// Objects that pods of this node use: each is watched by name while some pod holds it, and no other is ever read.
import type { KubeObject } from '../../api/meta/index.ts';
import { type Client, createInformer, type Informer, RESOURCES } from '../../kit/client/index.ts';

export type ObjectKind = 'configmaps' | 'secrets' | 'persistentvolumeclaims';

interface Entry {
  informer: Informer;
  stop: AbortController;
  /** Uids of pods. */
  holders: Set<string>;
}

export interface ObjectCacheOptions {
  client: Client;
  /** An object that the pod holds has come, changed or gone. */
  onChange(podUid: string): void;
  onError(error: unknown): void;
}

export class ObjectCache {
  readonly #options: ObjectCacheOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: ObjectCacheOptions) {
    this.#options = options;
  }

  /** The object as last seen, undefined when it does not exist. From now on `podUid` is told of its changes. */
  async get<T extends KubeObject>(kind: ObjectKind, namespace: string, name: string, podUid: string): Promise<T | undefined> {
    const entry = this.#entry(kind, namespace, name);
    entry.holders.add(podUid);
    await entry.informer.synced;
    return entry.informer.get(`${namespace}/${name}`) as T | undefined;
  }

  /** From now on `podUid` is told of the object's changes, and once when it can be: what was read before may be old. */
  follow(kind: ObjectKind, namespace: string, name: string, podUid: string): void {
    const { holders, informer } = this.#entry(kind, namespace, name);
    if (holders.has(podUid)) return;
    holders.add(podUid);
    informer.synced.then(
      () => holders.has(podUid) && this.#options.onChange(podUid),
      () => {}, // followed anew the next time
    );
  }

  /** The pod is gone: watches that nobody else needs end. */
  release(podUid: string): void {
    for (const [key, entry] of this.#entries) {
      if (!entry.holders.delete(podUid) || entry.holders.size > 0) continue;
      entry.stop.abort();
      this.#entries.delete(key);
    }
  }

  close(): void {
    for (const { stop } of this.#entries.values()) stop.abort();
    this.#entries.clear();
  }

  #entry(kind: ObjectKind, namespace: string, name: string): Entry {
    const key = `${kind}/${namespace}/${name}`;
    const known = this.#entries.get(key);
    if (known) return known;
    const stop = new AbortController();
    const scope = { namespace, fieldSelector: `metadata.name=${name}` };
    const informer = createInformer(this.#options.client, RESOURCES[kind], scope, { signal: stop.signal, onError: this.#options.onError });
    const entry: Entry = { informer, stop, holders: new Set() };
    this.#entries.set(key, entry);
    informer.synced.then(
      () => this.#tellChanges(entry),
      () => this.#forget(key, entry),
    );
    return entry;
  }

  #tellChanges({ holders, informer }: Entry): void {
    let isLater = false; // the first list answers those who wait for it
    const tell = () => {
      if (isLater) for (const uid of holders) this.#options.onChange(uid);
    };
    informer.on({ added: tell, updated: tell, deleted: tell });
    isLater = true;
  }

  /** A watch that never came up is tried anew by the next `get`. */
  #forget(key: string, entry: Entry): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    entry.stop.abort();
  }
}
