// One open watch: initial events, then changes as they happen, seen through its selection.
import { apiVersionOf, type KubeObject, StatusError } from '../../../api/meta/index.ts';
import { Slices } from '../../../kit/run/index.ts';
import { type EventSink, type Seen, SeenItem, type Stop } from '../bodies.ts';
import { askedViews, type Core, viewOf } from '../core.ts';
import type { ServedKind } from '../kind-table.ts';
import type { Selection } from '../selection.ts';
import type { Watcher } from '../storage/cache.ts';
import { type CacheEvent, type EventType, type Item, itemOf } from '../storage/item.ts';

/** Changes held back while the initial events go out; more than this and the watch is cut off. */
const BACKLOG_MAX = 16_384;
const BOOKMARK_EVERY_MS = 55_000;

export type Initial = { from: 'present'; endBookmark: boolean } | { from: 'changes'; revision: number; changes: readonly CacheEvent[] };

export interface WatchOptions {
  bookmarks: boolean;
  initial: Initial;
  endsAtMs: number;
}

/** All open sessions; one timer serves their bookmarks and ends. */
const open = new Set<WatchSession>();

export function tickWatches(nowMs: number): void {
  for (const session of open) session.tick(nowMs);
}

/** Ends all watches (the server stops). */
export function endWatches(core: Core): void {
  for (const session of open) if (session.core === core) session.stop(true);
}

/** Ends the watches of one resource: what they were told of it has changed. */
export function endWatchesOf(core: Core, resource: { group: string; plural: string }): void {
  for (const session of open) if (session.core === core && session.isOf(resource)) session.stop(true);
}

export class WatchSession implements Watcher {
  readonly core: Core;
  readonly #served: ServedKind;
  readonly #resource: { group: string; plural: string };
  readonly #selection: Selection;
  readonly #options: WatchOptions;
  #sink: EventSink | undefined;
  #unsubscribe: (() => void) | undefined;
  /** What a conversion webhook made of the items that are being sent. */
  #views: ReadonlyMap<Item, KubeObject> | undefined;
  /** Present until the initial events are out. */
  #backlog: CacheEvent[] | undefined = [];
  #bookmarkAtMs: number;
  /** Changes up to here were sent or are not wanted. */
  #after: number;

  constructor(core: Core, served: ServedKind, resource: { group: string; plural: string }, selection: Selection, options: WatchOptions) {
    this.core = core;
    this.#served = served;
    this.#resource = resource;
    this.#selection = selection;
    this.#options = options;
    const { initial } = options;
    this.#after =
      initial.from === 'present' ? core.storage.applied : Math.max(initial.revision, initial.changes.at(-1)?.item.revision ?? 0);
    this.#bookmarkAtMs = core.clock.nowMs() + BOOKMARK_EVERY_MS * (0.9 + 0.2 * Math.random());
  }

  /** Begins to push; returns how to stop. Must be called in the turn in which the session was made. */
  start(sink: EventSink): Stop {
    this.#sink = sink;
    const cache = this.core.storage.cache(this.#resource);
    const { initial } = this.#options;
    const present = initial.from === 'present' ? cache.range(this.#selection.prefix, undefined) : [];
    if (initial.from === 'present') this.#after = this.core.storage.applied;
    else for (const event of cache.since(this.#after) ?? []) this.#backlog!.push(event);
    this.#unsubscribe = cache.subscribe(this);
    open.add(this);
    cache.figures.initial += initial.from === 'present' ? present.length : initial.changes.length;
    void this.#begin(present).catch((error: unknown) => this.#fail(error));
    return (lags) => (lags ? this.#cutOff(false) : this.stop(false));
  }

  offer(event: CacheEvent): void {
    if (this.#backlog === undefined && this.#served.customPart?.prepare) {
      this.#backlog = [event];
      void this.#drain().catch((error: unknown) => this.#fail(error));
    } else if (this.#backlog === undefined) this.#deliver(event);
    else if (this.#backlog.length < BACKLOG_MAX) this.#backlog.push(event);
    else this.#cutOff(true);
  }

  tick(nowMs: number): void {
    if (nowMs >= this.#options.endsAtMs) {
      if (this.#options.bookmarks && this.#backlog === undefined) this.#bookmark();
      this.stop(true);
    } else if (this.#options.bookmarks && nowMs >= this.#bookmarkAtMs && this.#backlog === undefined) {
      this.#bookmark();
      this.#bookmarkAtMs = nowMs + BOOKMARK_EVERY_MS;
    }
  }

  isOf({ group, plural }: { group: string; plural: string }): boolean {
    return this.#resource.group === group && this.#resource.plural === plural;
  }

  /** Its client does not keep up. */
  #cutOff(tell: boolean): void {
    if (this.#unsubscribe) this.core.storage.cache(this.#resource).figures.cutOff++;
    this.stop(tell);
  }

  stop(tell: boolean): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    open.delete(this);
    const sink = this.#sink;
    this.#sink = undefined;
    this.#backlog = undefined;
    if (tell) sink?.end();
  }

  /** A conversion that fails is the watch's last event. */
  #fail(error: unknown): void {
    if (error instanceof StatusError) this.#sink?.event({ type: 'ERROR', object: error.toStatus() as unknown as KubeObject });
    else this.core.log.error({ error }, 'a watch failed');
    this.stop(true);
  }

  async #begin(present: readonly Item[]): Promise<void> {
    const { initial } = this.#options;
    this.#views = await askedViews(this.#served, present);
    const slices = new Slices();
    for (const item of present) {
      if (!this.#selection.mayBe(item.local)) continue;
      if (slices.over) await slices.next();
      if (!this.#selection.all && !this.#selection.matches(this.#viewOf(item))) continue;
      if (!this.#sink) return;
      if (!this.#sink.event(this.#seen('ADDED', item))) await this.#sink.ready();
    }
    if (initial.from === 'changes') await this.#prepare(initial.changes);
    if (initial.from === 'changes')
      for (const event of initial.changes)
        if (event.item.revision > initial.revision && this.#deliver(event) === false) await this.#sink?.ready();
    if (initial.from === 'present' && initial.endBookmark) this.#bookmark({ 'k8s.io/initial-events-end': 'true' }, this.#after);
    await this.#drain();
  }

  /** Sends what was held back, in order, until nothing is left. */
  async #drain(): Promise<void> {
    while (this.#backlog !== undefined && this.#backlog.length > 0) {
      const batch = this.#backlog;
      this.#backlog = [];
      await this.#prepare(batch);
      for (const event of batch) if (event.item.revision > this.#after && this.#deliver(event) === false) await this.#sink?.ready();
    }
    this.#backlog = undefined;
    this.#views = undefined;
  }

  /** Asks a conversion webhook, if there is one, for all states that `#deliver` may look at. */
  async #prepare(events: readonly CacheEvent[]): Promise<void> {
    if (!this.#served.customPart?.prepare) return;
    const { all, prefix } = this.#selection;
    const states = (event: CacheEvent): Item[] => {
      if (all || event.previous === undefined) return [event.item];
      return [event.item, event.previous, ...(event.type === 'DELETED' ? [] : [event.departed()])];
    };
    this.#views = await askedViews(this.#served, events.filter((event) => event.item.local.startsWith(prefix)).flatMap(states));
  }

  /** Sends the change as this watch sees it; false when the sink wants a pause. */
  #deliver(event: CacheEvent): boolean | undefined {
    const selection = this.#selection;
    if (!event.item.local.startsWith(selection.prefix) || event.item.revision <= (this.#backlog === undefined ? this.#after : 0))
      return undefined;
    let type: EventType = event.type;
    let item = event.item;
    if (!selection.mayBe(item.local)) return undefined;
    if (!selection.all) {
      const now = event.type !== 'DELETED' && selection.matches(this.#viewOf(event.item));
      const before = event.previous !== undefined && selection.matches(this.#viewOf(event.previous));
      if (!now && !before) return undefined;
      if (now) type = before ? 'MODIFIED' : 'ADDED';
      else if (event.type !== 'DELETED') {
        type = 'DELETED';
        item = event.departed();
      }
    }
    return this.#sink?.event(this.#seen(type, item, event));
  }

  #viewOf(item: Item): KubeObject {
    return this.#views?.get(item) ?? viewOf(this.#served, item);
  }

  #seen(type: EventType, item: Item, event?: CacheEvent): Seen {
    const object = this.#views?.get(item);
    return object && itemOf(object) !== item ? { type, object } : new SeenItem(type, this.#served, item, event);
  }

  #bookmark(annotations?: Record<string, string>, revision = this.core.storage.applied): void {
    const { kind } = this.#served;
    const object: KubeObject = {
      kind: kind.kind,
      apiVersion: apiVersionOf(kind),
      metadata: {
        resourceVersion: String(Math.max(revision, this.#after)),
        creationTimestamp: null,
        ...(annotations ? { annotations } : {}),
      },
    };
    this.#sink?.event({ type: 'BOOKMARK', object });
  }
}
