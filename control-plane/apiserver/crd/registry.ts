// Follows CustomResourceDefinitions: accepts their names, serves their kinds at once, and cleans up after them.
import { deepEqual, isStatusError, type KubeObject } from '../../../api/meta/index.ts';
import { done, type Outcome, Reconciler } from '../../../kit/queue/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { Conflict } from '../../store/store.ts';
import type { Core } from '../core.ts';
import type { CacheEvent } from '../storage/item.ts';
import { endWatchesOf } from '../verbs/watch-session.ts';
import { rewrite } from '../write/rewrite.ts';
import { CRDS, cleanUp, needsCleanUp } from './cleanup.ts';
import { servedKinds } from './served.ts';
import { type CrdNames, type CrdSpec, isTrue, specOf, statusOf } from './spec.ts';
import { settledStatus } from './status.ts';

const WORKERS = 8;

/** What the served kinds were made from. */
interface Served {
  spec: CrdSpec;
  names: CrdNames | undefined;
  terminating: boolean;
}

export class CrdRegistry {
  readonly #core: Core;
  readonly #stop = new AbortController();
  readonly #served = new Map<string, Served>();
  /** By group: names are accepted one definition after the other. */
  readonly #groups: Reconciler;
  /** By name of a definition that is going. */
  readonly #cleanups: Reconciler;
  /** Who waits for a definition's last object to go. */
  readonly #held = new Map<string, () => void>();
  #unsubscribe: (() => void) | undefined;

  constructor(core: Core) {
    this.#core = core;
    const { signal } = this.#stop;
    const onError = (key: string, error: unknown) => {
      if (!isStatusError(error, 'NotFound') && !(error instanceof Conflict))
        core.log.error({ err: error, key }, 'a CustomResourceDefinition');
    };
    this.#groups = new Reconciler({ reconcile: (group) => this.#settleGroup(group), workersMax: WORKERS, signal, onError });
    this.#cleanups = new Reconciler({ reconcile: (name) => this.#cleanUp(name), workersMax: WORKERS, signal, onError });
  }

  /** Serves what is there, then follows. */
  start(): void {
    const cache = this.#core.storage.cache(CRDS);
    for (const crd of cache.objects()) this.#follow(crd);
    this.#unsubscribe = cache.subscribe({ offer: (event) => this.#offer(event) });
  }

  stop(): void {
    this.#unsubscribe?.();
    for (const forget of this.#held.values()) forget();
    this.#stop.abort();
  }

  #offer({ type, item: { object } }: CacheEvent): void {
    if (type === 'DELETED') this.#forget(object);
    else this.#follow(object);
  }

  #forget(object: KubeObject): void {
    const { group, names } = specOf(object);
    if (this.#served.delete(object.metadata.name!)) this.#core.kinds.setCustom(group, names.plural, []);
    endWatchesOf(this.#core, { group, plural: names.plural });
    this.#groups.add(group); // names that it held may be free for another now
  }

  #follow(crd: KubeObject): void {
    this.#serve(crd);
    if (needsCleanUp(crd)) this.#cleanups.add(crd.metadata.name!);
    else if (crd.metadata.deletionTimestamp === undefined) this.#groups.add(specOf(crd).group);
  }

  /** In the turn in which the definition changed: whoever sees it established can use it. */
  #serve(crd: KubeObject): void {
    const name = crd.metadata.name!;
    const spec = specOf(crd);
    const before = this.#served.get(name);
    if (!isTrue(crd, 'Established')) {
      if (this.#served.delete(name)) this.#core.kinds.setCustom(spec.group, spec.names.plural, []);
      return;
    }
    const now = { spec, names: statusOf(crd).acceptedNames, terminating: crd.metadata.deletionTimestamp !== undefined };
    if (before && deepEqual(before, now)) return;
    this.#served.set(name, now);
    this.#core.kinds.setCustom(spec.group, spec.names.plural, servedKinds(crd, this.#core.services.webhooks));
    // A watch shows objects as its version was when it began; its client comes back for what is new.
    if (before && !deepEqual(before.spec, spec)) endWatchesOf(this.#core, { group: spec.group, plural: spec.names.plural });
  }

  async #settleGroup(group: string): Promise<Outcome> {
    const members = this.#core.storage
      .cache(CRDS)
      .objects()
      .filter((crd) => specOf(crd).group === group);
    const errors: unknown[] = [];
    for (const { metadata } of members) await this.#settle(metadata.name!, group).catch((error: unknown) => errors.push(error));
    if (errors.length > 0) throw errors[0];
    return done;
  }

  async #settle(name: string, group: string): Promise<void> {
    const crd = this.#core.storage.get(CRDS, '', name)?.object;
    if (crd === undefined || crd.metadata.deletionTimestamp !== undefined) return;
    const settled = (one: KubeObject) => settledStatus(one, this.#others(name, group), rfc3339(this.#core.clock.nowMs()));
    if (deepEqual(crd['status'], settled(crd))) return;
    try {
      await rewrite(this.#core, CRDS, '', name, (copy) => {
        const status = settled(copy);
        if (deepEqual(copy['status'], status)) return false;
        copy['status'] = status;
        return undefined;
      });
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
  }

  /** Definitions of the same group, which may hold names already. */
  #others(name: string, group: string): KubeObject[] {
    const all = this.#core.storage.cache(CRDS).objects();
    return all.filter((other) => other.metadata.name !== name && specOf(other).group === group);
  }

  async #cleanUp(name: string): Promise<Outcome> {
    const crd = this.#core.storage.get(CRDS, '', name)?.object;
    if (crd === undefined || !needsCleanUp(crd)) return done;
    if (!(await cleanUp(this.#core, crd))) this.#again(name, crd);
    return done;
  }

  /** When the last object that holds the definition is gone. */
  #again(name: string, crd: KubeObject): void {
    const { group, names } = specOf(crd);
    const cache = this.#core.storage.cache({ group, plural: names.plural });
    this.#held.get(name)?.();
    const forget = cache.subscribe({
      offer: () => {
        if (cache.size > 0) return;
        forget();
        this.#held.delete(name);
        this.#cleanups.add(name);
      },
    });
    this.#held.set(name, forget);
    if (cache.size === 0) this.#cleanups.add(name);
  }
}
