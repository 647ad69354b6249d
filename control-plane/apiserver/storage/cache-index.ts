// Present objects of a resource by a key of theirs (pods by their node), kept as they change.
import type { KubeObject } from '../../../api/meta/index.ts';
import type { Item } from './item.ts';

export class CacheIndex {
  readonly #keyOf: (object: KubeObject) => string | undefined;
  readonly #byKey = new Map<string, Map<string, Item>>();
  readonly #keys = new Map<string, string>();

  constructor(keyOf: (object: KubeObject) => string | undefined) {
    this.#keyOf = keyOf;
  }

  get(key: string): readonly KubeObject[] {
    return [...(this.#byKey.get(key)?.values() ?? [])].map((item) => item.object);
  }

  /** The item takes the place of the one with its name, if there is one. */
  put(item: Item): void {
    this.remove(item);
    const key = this.#keyOf(item.object);
    if (!key) return;
    this.#keys.set(item.local, key);
    const known = this.#byKey.get(key);
    if (known) known.set(item.local, item);
    else this.#byKey.set(key, new Map([[item.local, item]]));
  }

  /** What has the item's name is there no more. */
  remove({ local }: Item): void {
    const key = this.#keys.get(local);
    if (key === undefined) return;
    this.#keys.delete(local);
    const known = this.#byKey.get(key)!;
    known.delete(local);
    if (known.size === 0) this.#byKey.delete(key);
  }
}
