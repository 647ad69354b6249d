// One version of one object in memory. Its bytes are the store's own, read-only: held once, served by copying. The object is decoded
// and frozen when somebody asks for it.
import type { KubeObject, ObjectMeta } from '../../../api/meta/index.ts';
import { isStoredAs, REVISION_BYTES_MAX, withRevision, writeItem } from './codec.ts';
import { type Decoder, unmanaged } from './decoder.ts';

const itemOfObject = new WeakMap<object, Item>();

/** Served JSON of a cached object, if it is one. */
export const cachedJson = (object: object): Buffer | undefined => itemOfObject.get(object)?.json();
/** The item whose very object it is. */
export const itemOf = (object: object): Item | undefined => itemOfObject.get(object);

/** Bytes as a store keeps them: it may read them when they are asked for. */
export interface StoredBytes {
  readonly value: Uint8Array;
  peek?(): Uint8Array;
}

export class Item {
  /** `namespace/name`, or `name`. */
  readonly local: string;
  readonly revision: number;
  /** How long it is as an item of a protobuf list; 0: nobody asked yet. */
  protobufBytes = 0;
  /** Whose view of the object is the object itself: its bytes can be served without decoding them. */
  shownBy: object | undefined;
  readonly #entry: StoredBytes;
  readonly #decoder: Decoder;
  #object: KubeObject | undefined;
  /** The object as long as others have it, after nobody has asked here for a while. */
  #faded: WeakRef<KubeObject> | undefined;
  #asked = true;

  /** `object`: frozen, where it is known. */
  constructor(local: string, revision: number, entry: StoredBytes, decoder: Decoder, object?: KubeObject) {
    this.local = local;
    this.revision = revision;
    this.#entry = entry;
    this.#decoder = decoder;
    if (object) this.#keep(object);
  }

  get object(): KubeObject {
    this.#asked = true;
    return this.#object ?? this.#keep(this.#faded?.deref() ?? this.#decoder.decode(this.stored, this.revision));
  }

  /** The object's metadata without managedFields; made anew for each who asks, unless it is the object's own. */
  get metadata(): ObjectMeta {
    const object = this.#object ?? this.#faded?.deref();
    if (object) return unmanaged(object.metadata);
    return this.#decoder.metadata(this.#entry.peek?.() ?? this.stored, this.revision);
  }

  /** The store's own bytes. */
  get stored(): Uint8Array {
    return this.#entry.value;
  }

  /** Whether the bytes are an object of that version, as told without decoding them. */
  isStoredAs(apiVersion: string): boolean {
    return this.#object ? this.#object.apiVersion === apiVersion : isStoredAs(this.stored, apiVersion);
  }

  json(): Buffer {
    return withRevision(this.stored, this.revision);
  }

  /** No more than `write` writes. */
  get maxBytes(): number {
    return this.stored.length + REVISION_BYTES_MAX;
  }

  /** Served JSON into `out`, for `bare` without kind and apiVersion; returns the offset after it. */
  write(out: Buffer, offset: number, bare: boolean): number {
    return writeItem(this.stored, this.revision, out, offset, bare);
  }

  /** Lets the object go unless it was asked for since the last call; false when it did. */
  fade(): boolean {
    if (this.#asked) {
      this.#asked = false;
      return true;
    }
    this.#faded = this.#object && new WeakRef(this.#object);
    this.#object = undefined;
    return false;
  }

  /** What a DELETED event shows: the last state with the revision of the deletion. */
  deletedAt(revision: number): Item {
    return new Item(this.local, revision, this.#entry, this.#decoder);
  }

  #keep(object: KubeObject): KubeObject {
    this.#object = object;
    this.#faded = undefined;
    itemOfObject.set(object, this);
    this.#decoder.keep(this);
    return object;
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
    return (this.#departed ??= this.previous!.deletedAt(this.item.revision));
  }

  /** The line of a JSON watch, made once for all watchers that see the change as `type`. */
  line(type: EventType, item: Item): Buffer {
    this.#lines ??= {};
    return (this.#lines[type] ??= eventLine(type, item.json()));
  }

  /** All who watch now have their line: who reads the event later makes it again. */
  told(): void {
    this.#lines = undefined;
  }
}

export const eventLine = (type: string, json: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`{"type":"${type}","object":`), json, Buffer.from('}\n')]);
