// One version of one object in memory: parsed once and frozen. Its bytes are the store's own, read-only: held once, served by copying.
import { deepFreeze, type KubeObject } from '../../../api/meta/index.ts';
import { encodeStored, REVISION_BYTES_MAX, withRevision, writeItem } from './codec.ts';

const itemOfObject = new WeakMap<object, Item>();

/** Served JSON of a cached object, if it is one. */
export const cachedJson = (object: object): Buffer | undefined => itemOfObject.get(object)?.json();
/** The item whose very object it is. */
export const itemOf = (object: object): Item | undefined => itemOfObject.get(object);

export class Item {
  /** `namespace/name`, or `name`. */
  readonly local: string;
  readonly object: KubeObject;
  readonly revision: number;
  /** How long it is as an item of a protobuf list; 0: nobody asked yet. */
  protobufBytes = 0;
  readonly #stored: Uint8Array;

  constructor(local: string, object: KubeObject, revision: number, stored: Uint8Array) {
    this.local = local;
    this.object = object;
    this.revision = revision;
    this.#stored = stored;
    itemOfObject.set(object, this);
  }

  /** The store's own bytes. */
  get stored(): Uint8Array {
    return this.#stored;
  }

  json(): Buffer {
    return withRevision(this.#stored, this.revision);
  }

  /** No more than `write` writes. */
  get maxBytes(): number {
    return this.#stored.length + REVISION_BYTES_MAX;
  }

  /** Served JSON into `out`, for `bare` without kind and apiVersion; returns the offset after it. */
  write(out: Buffer, offset: number, bare: boolean): number {
    return writeItem(this.#stored, this.revision, out, offset, bare);
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
