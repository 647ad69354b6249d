// Bodies of answers that are more than one object: a list of cached objects, a watch.
import type { KubeList, KubeObject } from '../../api/meta/index.ts';
import type { ServedKind } from './kind-table.ts';
import type { CacheEvent, EventType, Item } from './storage/item.ts';

export class ListBody {
  readonly served: ServedKind;
  readonly metadata: KubeList['metadata'];
  readonly items: readonly KubeObject[];
  constructor(served: ServedKind, metadata: KubeList['metadata'], items: readonly KubeObject[]) {
    this.served = served;
    this.metadata = metadata;
    this.items = items;
  }
}

/** One event as a watcher sees it. `event` is there when other watchers share it, with its serialised line. */
export interface Seen {
  type: EventType | 'BOOKMARK' | 'ERROR';
  object: KubeObject;
  item?: Item;
  event?: CacheEvent;
}

/** Takes events as they happen; must not wait. Returns false when it wants no more now (initial events then pause). */
export interface EventSink {
  event(seen: Seen): boolean;
  /** Resolves when the sink takes more again. */
  ready(): Promise<void>;
  /** The watch is over. */
  end(): void;
}

/** An open watch: pushed, not pulled, so that an event costs no promise a watcher. */
export class WatchBody {
  readonly served: ServedKind;
  readonly start: (sink: EventSink) => () => void;
  constructor(served: ServedKind, start: (sink: EventSink) => () => void) {
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
      return () => {
        stop();
        once();
      };
    });
  }
}
