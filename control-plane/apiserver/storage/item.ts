// One version of one object in memory: parsed once and frozen, serialised at most once.
import { deepFreeze, type KubeObject } from '../../../api/meta/index.ts';
import { encodeStored, withRevision } from './codec.ts';

const jsonOfObject = new WeakMap<object, Item>();

/** Served JSON of a cached object, if it is one. */
export const cachedJson = (object: object): Buffer | undefined => jsonOfObject.get(object)?.json();

export class Item {
  /** `namespace/name`, or `name`. */
  readonly local: string;
  readonly object: KubeObject;
  readonly revision: number;
  #stored: Uint8Array | undefined;
  #json: Buffer | undefined;

  constructor(local: string, object: KubeObject, revision: number, stored: Uint8Array) {
    this.local = local;
    this.object = object;
    this.revision = revision;
    this.#stored = stored;
    jsonOfObject.set(object, this);
  }

  json(): Buffer {
    if (this.#json === undefined) {
      this.#json = withRevision(this.#stored!, this.revision);
      this.#stored = undefined;
    }
    return this.#json;
  }
}

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** One change as all watchers of a resource share it. `item` of a deletion is the last state with the deletion's revision. */
export class CacheEvent {
  readonly type: EventType;
  readonly item: Item;
  readonly previous: Item | undefined;
  #lines: Partial<Record<EventType, Buffer>> | undefined;
  #departed: Item | undefined;

  constructor(type: EventType, item: Item, previous: Item | undefined) {
    this.type = type;
    this.item = item;
    this.previous = previous;
  }

  /** For a watcher whose selection the object left: the old content with this change's revision. */
  departed(): Item {
    return (this.#departed ??= lastState(this.previous!, this.item.revision));
  }

  /** The line of a JSON watch, made once for all watchers that see the change as `type`. */
  line(type: EventType, item: Item): Buffer {
    this.#lines ??= {};
    return (this.#lines[type] ??= eventLine(type, item.json()));
  }
}

export const eventLine = (type: string, json: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`{"type":"${type}","object":`), json, Buffer.from('}\n')]);

/** What a DELETED event shows: the last state with the revision of the deletion. */
export function lastState(previous: Item, revision: number, stored?: Uint8Array): Item {
  const object = deepFreeze({ ...previous.object, metadata: { ...previous.object.metadata, resourceVersion: String(revision) } });
  return new Item(previous.local, object, revision, stored ?? encodeStored(object));
}
