// From stored bytes to objects, and how long those are kept: most of many objects are served as bytes and never looked into.
import { deepFreeze, type KubeObject, type ObjectMeta } from '../../../api/meta/index.ts';
import { decodeMetadata, decodeStored } from './codec.ts';

/** So many objects are held at most that only their items hold. */
const KEPT_MAX = 4096;

/** What an item tells of its object. */
interface Fading {
  /** Lets the object go unless it was asked for since the last call; false when it did. */
  fade(): boolean;
}

/** Without managedFields, which are most of it. */
export function unmanaged(metadata: ObjectMeta): ObjectMeta {
  if (metadata.managedFields === undefined) return metadata;
  const { managedFields: _, ...others } = metadata;
  return Object.freeze(others);
}

export class Decoder {
  readonly #defaults: (object: KubeObject) => void;
  #kept: Fading[] = [];

  /** `defaults`: of old objects when they are read (in place). */
  constructor(defaults: (object: KubeObject) => void) {
    this.#defaults = defaults;
  }

  decode(stored: Uint8Array, revision: number): KubeObject {
    const object = decodeStored(stored);
    this.#defaults(object);
    object.metadata.resourceVersion = String(revision);
    return deepFreeze(object);
  }

  /** Without managedFields: nobody wants those who does not want the object. */
  metadata(stored: Uint8Array, revision: number): ObjectMeta {
    const metadata = decodeMetadata(stored);
    metadata.resourceVersion = String(revision);
    return unmanaged(deepFreeze(metadata));
  }

  /** The item has an object from now on. */
  keep(item: Fading): void {
    this.#kept.push(item);
    while (this.#kept.length > KEPT_MAX) this.fade();
  }

  /** Lets go what was not asked for since the last call. */
  fade(): void {
    this.#kept = this.#kept.filter((item) => item.fade());
  }
}
