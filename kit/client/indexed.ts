// A map of cached objects with indexes by function: the memory of an informer.
import type { KubeObject } from '../../api/meta/index.ts';

/** `namespace/name`, or the name alone for cluster-scoped objects. */
export function keyOf(object: { metadata: { namespace?: string; name?: string } }): string {
  const { namespace, name } = object.metadata;
  return namespace ? `${namespace}/${name}` : (name ?? '');
}

/** The reverse of {@link keyOf}. */
export function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { namespace: '', name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The values under which an object is found in an index; none: not in it. */
export type IndexFunction<T> = (object: T) => readonly string[];

interface Index<T> {
  of: IndexFunction<T>;
  keys: Map<string, Set<string>>;
}

export class Indexed<T extends KubeObject = KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();

  get size(): number {
    return this.#objects.size;
  }
  get(key: string): T | undefined {
    return this.#objects.get(key);
  }
  keys(): Iterable<string> {
    return this.#objects.keys();
  }
  values(): T[] {
    return [...this.#objects.values()];
  }

  /** Present objects are indexed at once. Adding a name again does nothing. */
  addIndex(name: string, of: IndexFunction<T>): void {
    if (this.#indexes.has(name)) return;
    const index: Index<T> = { of, keys: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) for (const value of of(object)) add(index, value, key);
  }

  /** @throws Error for an index that was never added */
  by(name: string, value: string): T[] {
    const index = this.#indexes.get(name);
    if (!index) throw new Error(`no index "${name}"`);
    const found: T[] = [];
    for (const key of index.keys.get(value) ?? []) found.push(this.#objects.get(key) as T);
    return found;
  }

  set(key: string, object: T): void {
    const old = this.#objects.get(key);
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) {
      if (old) for (const value of index.of(old)) remove(index, value, key);
      for (const value of index.of(object)) add(index, value, key);
    }
  }

  delete(key: string): void {
    const old = this.#objects.get(key);
    if (!old) return;
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) for (const value of index.of(old)) remove(index, value, key);
  }
}

function add<T>(index: Index<T>, value: string, key: string): void {
  const keys = index.keys.get(value);
  if (keys) keys.add(key);
  else index.keys.set(value, new Set([key]));
}

function remove<T>(index: Index<T>, value: string, key: string): void {
  const keys = index.keys.get(value);
  if (keys?.delete(key) && keys.size === 0) index.keys.delete(value);
}
