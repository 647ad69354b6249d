// A value beside the old one at the same place: what an update did not touch may stay as it was let in (validation ratcheting).
import { deepEqual } from '../meta/index.ts';
import { identity, keyOf } from './list-types.ts';
import { isObject, type Json, type JsonSchema, own, valuesSchema } from './schema.ts';

/** Two values of one place. Items of lists have a place only where the list is a map. */
export class Correlation {
  readonly value: unknown;
  readonly old: unknown;
  readonly #schema: JsonSchema;
  #unchanged: boolean | undefined;
  #oldItems: Map<string, unknown> | undefined;

  constructor(value: unknown, old: unknown, schema: JsonSchema) {
    this.value = value;
    this.old = old;
    this.#schema = schema;
  }

  /** The same key in both, if both have it and the schema knows it. */
  key(name: string): Correlation | undefined {
    const { value, old } = this;
    if (!isObject(value) || !isObject(old) || !Object.hasOwn(value, name) || !Object.hasOwn(old, name)) return undefined;
    const schema = own(this.#schema.properties, name) ?? valuesSchema(this.#schema);
    return schema && new Correlation(value[name], old[name], schema);
  }

  /** The item of the same key, if the list is a map. */
  index(at: number): Correlation | undefined {
    const { value } = this;
    const { items } = this.#schema;
    if (!Array.isArray(value) || at >= value.length || !items) return undefined;
    const old = this.oldItem(value[at]);
    return old === undefined || old === null ? undefined : new Correlation(value[at], old, items);
  }

  /** Of a list that is a map: the old item with the keys of `item`. */
  oldItem(item: unknown): unknown {
    if (!Array.isArray(this.old) || this.#schema['x-kubernetes-list-type'] !== 'map' || !isObject(item)) return undefined;
    const names = this.#schema['x-kubernetes-list-map-keys'] ?? [];
    if (!hasKeys(item, names)) return undefined;
    this.#oldItems ??= byKey(this.old, names);
    return this.#oldItems.get(identity(keyOf(item, names)));
  }

  /** The value is the old one; lists that are maps in any order. */
  get unchanged(): boolean {
    return (this.#unchanged ??= this.#compare());
  }

  #compare(): boolean {
    const { value, old } = this;
    if (Array.isArray(value) && Array.isArray(old) && this.#schema['x-kubernetes-list-type'] === 'map')
      return value.length === old.length && value.every((_, i) => this.index(i)?.unchanged === true);
    if (!isObject(value) || !isObject(old)) return deepEqual(value, old);
    const keys = Object.keys(value);
    return keys.length === Object.keys(old).length && keys.every((key) => this.key(key)?.unchanged === true);
  }
}

const hasKeys = (item: Json, names: readonly string[]): boolean => names.length > 0 && names.every((name) => Object.hasOwn(item, name));

function byKey(list: readonly unknown[], names: readonly string[]): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const item of list) {
    if (!isObject(item) || !hasKeys(item, names)) continue;
    const key = identity(keyOf(item, names));
    if (!found.has(key)) found.set(key, item); // of repeated ones the first counts
  }
  return found;
}
