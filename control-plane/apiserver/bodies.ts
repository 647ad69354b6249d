// Bodies of answers that are more than one object: a list of cached objects, a watch.
import type { KubeList, KubeObject, ObjectMeta } from '../../api/meta/index.ts';
import { Slices } from '../../kit/run/index.ts';
import { isShownAsStored, objectOfRow, viewOf } from './core.ts';
import type { ServedKind } from './kind-table.ts';
import { unmanaged } from './storage/decoder.ts';
import { type CacheEvent, type EventType, eventLine, Item } from './storage/item.ts';

export class ListBody {
  readonly served: ServedKind;
  readonly metadata: KubeList['metadata'];
  readonly #rows: readonly (Item | KubeObject)[];
  /** `rows` as `shownRows` makes them, or objects. */
  constructor(served: ServedKind, metadata: KubeList['metadata'], rows: readonly (Item | KubeObject)[]) {
    this.served = served;
    this.metadata = metadata;
    this.#rows = rows;
  }

  get length(): number {
    return this.#rows.length;
  }

  /** Makes the objects of items that nobody has looked into yet: one slice of a long list at a time. */
  slice(from: number, to: number): KubeObject[] {
    return this.#rows.slice(from, to).map((row) => objectOfRow(this.served, row));
  }

  /** All at once: for what is short. */
  get items(): readonly KubeObject[] {
    return this.slice(0, this.length);
  }

  at(index: number): KubeObject {
    return objectOfRow(this.served, this.#rows[index]!);
  }

  /** The item whose bytes can be served; otherwise the object. */
  servable(index: number): Item | KubeObject {
    const row = this.#rows[index]!;
    return row instanceof Item && !isShownAsStored(this.served, row) ? viewOf(this.served, row) : row;
  }

  /** All of them, or their metadata alone, with other work between. */
  async objects({ metadataOnly = false } = {}): Promise<KubeObject[]> {
    const objects: KubeObject[] = [];
    const slices = new Slices();
    for (const row of this.#rows) {
      objects.push(metadataOnly ? metadataAlone(row) : objectOfRow(this.served, row));
      if (slices.over) await slices.next();
    }
    return objects;
  }
}

/** What PartialObjectMetadata shows, but for managedFields. */
export const metadataAlone = ({ metadata }: { readonly metadata: ObjectMeta }): KubeObject => ({
  kind: 'PartialObjectMetadata',
  apiVersion: 'meta.k8s.io/v1',
  metadata: unmanaged(metadata),
});

/** One event as a watcher sees it. `line`: its serialised form, when that needs no object. */
export interface Seen {
  readonly type: EventType | 'BOOKMARK' | 'ERROR';
  readonly object: KubeObject;
  /** The object's own, made without the object where that can be. */
  readonly metadata?: ObjectMeta;
  line?(): Buffer | undefined;
}

/** An item as a watcher sees it; its object is made only when it is looked at. `event`: other watchers share it, with its line. */
export class SeenItem implements Seen {
  readonly type: EventType;
  readonly #served: ServedKind;
  readonly #item: Item;
  readonly #event: CacheEvent | undefined;

  constructor(type: EventType, served: ServedKind, item: Item, event?: CacheEvent) {
    this.type = type;
    this.#served = served;
    this.#item = item;
    this.#event = event;
  }

  get object(): KubeObject {
    return viewOf(this.#served, this.#item);
  }

  get metadata(): ObjectMeta {
    return this.#item.metadata;
  }

  line(): Buffer | undefined {
    if (!isShownAsStored(this.#served, this.#item)) return undefined;
    return this.#event?.line(this.type, this.#item) ?? eventLine(this.type, this.#item.json());
  }
}

/** Takes events as they happen; must not wait. Returns false when it wants no more now (initial events then pause). */
export interface EventSink {
  event(seen: Seen): boolean;
  /** Resolves when the sink takes more again. */
  ready(): Promise<void>;
  /** The watch is over. */
  end(): void;
}

/** Ends a watch from its client's side; `lags`: the client did not keep up. */
export type Stop = (lags?: boolean) => void;

/** An open watch: pushed, not pulled, so that an event costs no promise a watcher. */
export class WatchBody {
  readonly served: ServedKind;
  readonly start: (sink: EventSink) => Stop;
  constructor(served: ServedKind, start: (sink: EventSink) => Stop) {
    this.served = served;
    this.start = start;
  }

  /** The same watch; `ended` is called once when it is over, whoever ends it. */
  onEnd(ended: () => void): WatchBody {
    return new WatchBody(this.served, (sink) => {
      let over = false;
      const once = () => {
        if (!over) ended();
        over = true;
      };
      const stop = this.start({
        event: (seen) => sink.event(seen),
        ready: () => sink.ready(),
        end() {
          sink.end();
          once();
        },
      });
      return (lags) => {
        stop(lags);
        once();
      };
    });
  }
}
