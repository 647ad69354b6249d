// Present objects of a resource by a key of theirs (pods by their node), kept as they change.
import type { KubeObject } from '../../../api/meta/index.ts';

export class CacheIndex {
  readonly #keyOf: (object: KubeObject) => string | undefined;
  readonly #byKey = new Map<string, Set<KubeObject>>();

  constructor(keyOf: (object: KubeObject) => string | undefined) {
    this.#keyOf = keyOf;
  }

  get(key: string): readonly KubeObject[] {
    return [...(this.#byKey.get(key) ?? [])];
  }

  /** One object takes the place of another; either may be absent. */
  replace(previous: KubeObject | undefined, next: KubeObject | undefined): void {
    if (previous) this.#remove(previous);
    const key = next && this.#keyOf(next);
    if (!next || !key) return;
    const known = this.#byKey.get(key);
    if (known) known.add(next);
    else this.#byKey.set(key, new Set([next]));
  }

  #remove(object: KubeObject): void {
    const key = this.#keyOf(object);
    const known = key ? this.#byKey.get(key) : undefined;
    known?.delete(object);
    if (key && known?.size === 0) this.#byKey.delete(key);
  }
}
