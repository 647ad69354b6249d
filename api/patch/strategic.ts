// Strategic merge patch: a merge patch that knows from the schema which lists are maps or sets, and has directives.
import {
  badRequest,
  type Definition,
  deepCopy,
  type Field,
  goMap,
  goQuote,
  goTypeOf,
  type Schema,
  StatusError,
  setKey,
} from '../meta/index.ts';

type Json = Record<string, unknown>;

const directive = '$patch';
const retainKeys = '$retainKeys';
const deletePrefix = '$deleteFromPrimitiveList';
const orderPrefix = '$setElementOrder';

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A directive has no form that upstream knows: 400. */
const malformed = (text: string): StatusError => badRequest(text);
/** It contradicts the object or the schema: upstream has no better than 500 without a reason. */
const failed = (text: string): StatusError => new StatusError(500, '', text);
const unknownDirective = (type: unknown, map: Json): StatusError => failed(`unknown patch type: ${goString(type)} in map: ${goMap(map)}`);

/** Go's %s. */
function goString(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null) return goMap(value);
  return value === null || value === undefined ? '%!s(<nil>)' : `%!s(${goTypeOf(value)}=${String(value)})`;
}

const listOfLists = (): StatusError =>
  new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});

/** How a field's value is merged. */
interface Meta {
  definition: Named | undefined;
  mergeKey: string;
  /** `merge`, `replace` or empty. */
  strategy: string;
}

/** A struct with its name in Go, or what holds any field. */
interface Named {
  fields: Definition['fields'];
  name?: string;
}

const noFields: Named = { fields: {} };
const goName = (ref: string): string => ref.slice(ref.lastIndexOf('.') + 1);

class Merger {
  readonly #schema: Schema | undefined;
  constructor(schema: Schema | undefined) {
    this.#schema = schema;
  }

  #structure(field: Field | undefined): Named | undefined {
    if (field === undefined) return undefined;
    if (field.ref !== undefined) return { fields: this.#schema!.resolve(field.ref).fields, name: goName(field.ref) };
    if (field.object) return field.object;
    // A map's values are all of one form: every key leads there.
    return field.type === 'map' && field.items ? { fields: new Proxy({}, { get: () => field.items }) as Definition['fields'] } : undefined;
  }

  #meta(definition: Named | undefined, key: string): Meta {
    const field = definition?.fields[key];
    const strategy = (field?.patchStrategy ?? '').split(',').find((part) => part === 'merge' || part === 'replace') ?? '';
    return { definition: this.#structure(field?.type === 'array' ? field.items : field), mergeKey: field?.patchMergeKey ?? '', strategy };
  }

  /** `original` and `patch` are copies of ours and may be changed. */
  map(original: Json, patch: Json, definition: Named | undefined): Json {
    if (Object.hasOwn(patch, directive)) {
      const type = patch[directive];
      if (type === 'delete') return {};
      if (type !== 'replace') throw unknownDirective(type, patch);
      delete patch[directive];
      return patch;
    }
    this.#retainKeys(original, patch);
    this.#orderedLists(original, patch, definition);
    for (const patchKey of Object.keys(patch)) {
      const isDelete = patchKey.startsWith(deletePrefix);
      const key = isDelete ? targetOf(patchKey, 'invalid patch format of primitive list') : patchKey;
      const value = patch[patchKey];
      if (value === null || value === undefined) delete original[key];
      else this.#member(original, key, value, isDelete, definition);
    }
    return original;
  }

  #member(original: Json, key: string, value: unknown, isDelete: boolean, definition: Named | undefined): void {
    const present = Object.hasOwn(original, key) ? original[key] : undefined;
    const { definition: below, mergeKey, strategy } = this.#meta(definition, key);
    if (isObject(present) && isObject(value)) {
      setKey(original, key, strategy === 'replace' ? value : this.map(present, value, below ?? noFields));
      return;
    }
    if (Array.isArray(present) && Array.isArray(value)) {
      if (strategy === 'merge' || isDelete) setKey(original, key, this.#list(present, value, below, mergeKey, isDelete));
      else setKey(original, key, value);
      return;
    }
    if (isDelete) return;
    const kept = withoutDirectives(typeof value === 'object' ? withoutNulls(value) : value);
    if (kept === undefined) delete original[key];
    else setKey(original, key, kept);
  }

  #retainKeys(original: Json, patch: Json): void {
    if (!Object.hasOwn(patch, retainKeys)) return;
    const kept = patch[retainKeys];
    delete patch[retainKeys];
    const wrong = malformed('invalid patch format of retainKeys');
    if (!Array.isArray(kept)) throw wrong;
    for (const [key, value] of Object.entries(patch)) {
      if (value === null || key.startsWith(deletePrefix) || key.startsWith(orderPrefix)) continue;
      if (!kept.includes(key)) throw wrong;
    }
    for (const key of Object.keys(original)) if (!kept.includes(key)) delete original[key];
  }

  /** Lists that come with the order their elements are to have. */
  #orderedLists(original: Json, patch: Json, definition: Named | undefined): void {
    for (const patchKey of Object.keys(patch)) {
      if (!patchKey.startsWith(orderPrefix)) continue;
      const order = patch[patchKey];
      delete patch[patchKey];
      const key = targetOf(patchKey, 'invalid patch format of setElementOrder list');
      const present = Object.hasOwn(original, key) ? original[key] : undefined;
      const change = Object.hasOwn(patch, key) ? patch[key] : undefined;
      for (const list of [order, present ?? [], change ?? []]) {
        if (!Array.isArray(list)) throw failed(`expected a []interface {}, but received a ${goTypeOf(list)}`);
      }
      if (definition?.name !== undefined && !Object.hasOwn(definition.fields, key))
        throw failed(`unable to find api field in struct ${definition.name} for the json field ${goQuote(key)}`);
      const { definition: below, mergeKey, strategy } = this.#meta(definition, key);
      checkOrder((change ?? []) as unknown[], order as unknown[], mergeKey);
      let merged: unknown[];
      if (present === undefined && change === undefined) continue;
      if (change === undefined) merged = present as unknown[];
      else if (present === undefined) merged = withoutDirectives(change) as unknown[];
      else if (strategy === 'merge') merged = this.#list([...(present as unknown[])], change as unknown[], below, mergeKey, false);
      else merged = change as unknown[];
      setKey(original, key, arrange(merged, order as unknown[], (present ?? []) as unknown[], mergeKey));
      delete patch[key];
    }
  }

  #list(original: unknown[], patch: unknown[], definition: Named | undefined, mergeKey: string, isDelete: boolean): unknown[] {
    if (original.length === 0 && patch.length === 0) return original;
    const elements = [...original, ...patch];
    if (elements.some(Array.isArray)) throw listOfLists();
    if (new Set(elements.map(goTypeOf)).size > 1) throw failed(`list element types are not identical: ${goMap([original, patch])}`);
    if (!elements.every(isObject)) {
      if (isDelete) return original.filter((value) => !patch.includes(value));
      const merged = [...new Set(elements)];
      return arrange(merged, patch, original, '');
    }
    if (mergeKey === '') throw failed('cannot merge lists without merge key');
    return this.#maps(original as Json[], patch as Json[], definition, mergeKey);
  }

  #maps(original: Json[], patch: Json[], definition: Named | undefined, mergeKey: string): unknown[] {
    let base = [...original];
    let changes: Json[] = [];
    let replace = false;
    for (const item of patch) {
      if (!Object.hasOwn(item, directive)) changes.push(item);
      else if (item[directive] === 'replace') replace = true;
      else if (item[directive] === 'delete') {
        const key = keyOf(item, mergeKey);
        base = base.filter((candidate) => candidate[mergeKey] !== key);
      } else if (item[directive] === 'merge') throw failed('merging lists cannot yet be specified in the patch');
      else throw unknownDirective(item[directive], item);
    }
    if (replace) [base, changes] = [changes, []];
    for (const item of changes) {
      const key = keyOf(item, mergeKey);
      const at = base.findIndex((candidate) => candidate[mergeKey] === key);
      if (at >= 0) base[at] = this.map(base[at]!, item, definition ?? noFields);
      else base.push(item);
    }
    return arrange(base, changes, original, mergeKey);
  }
}

function targetOf(patchKey: string, wrong: string): string {
  const slash = patchKey.indexOf('/');
  if (slash < 0 || (patchKey.slice(0, slash) !== deletePrefix && patchKey.slice(0, slash) !== orderPrefix)) throw malformed(wrong);
  return patchKey.slice(slash + 1);
}

function keyOf(item: Json, mergeKey: string): unknown {
  if (!Object.hasOwn(item, mergeKey)) throw failed(`map: ${goMap(item)} does not contain declared merge key: ${mergeKey}`);
  return item[mergeKey];
}

/** The elements of the patch must stand in the order that it asks for. */
function checkOrder(patch: unknown[], order: unknown[], mergeKey: string): void {
  if (patch.length === 0 || order.length === 0) return;
  const kept = patch.filter((item) => !(isObject(item) && Object.hasOwn(item, directive)));
  const identity = (item: unknown): unknown => {
    if (mergeKey === '') return item;
    if (!isObject(item)) throw failed(`expected a map[string]interface {}, but received a ${goTypeOf(item)}`);
    return keyOf(item, mergeKey);
  };
  let next = 0;
  for (const item of kept) {
    const wanted = identity(item);
    while (next < order.length && identity(order[next]) !== wanted) next++;
    if (next >= order.length) {
      throw failed(`The order in patch list:\n${goMap(patch)}\n doesn't match ${orderPrefix} list:\n${goMap(order)}\n`);
    }
    next++;
  }
}

/** What the patch names stands in its order, what only the server has keeps its place as well as it can. */
function arrange(merged: unknown[], patchOrder: unknown[], serverOrder: unknown[], mergeKey: string): unknown[] {
  const identity = (item: unknown): unknown => (mergeKey === '' || !isObject(item) ? item : item[mergeKey]);
  const places = (list: unknown[]): Map<unknown, number> => {
    const map = new Map<unknown, number>();
    list.forEach((item, i) => {
      if (!map.has(identity(item))) map.set(identity(item), i);
    });
    return map;
  };
  const inPatch = places(patchOrder);
  const onServer = places(serverOrder);
  const by = (order: Map<unknown, number>) => (a: unknown, b: unknown) =>
    (order.get(identity(a)) ?? order.size) - (order.get(identity(b)) ?? order.size);
  const named = merged.filter((item) => inPatch.has(identity(item))).sort(by(inPatch));
  const others = merged.filter((item) => !inPatch.has(identity(item))).sort(by(onServer));
  const result: unknown[] = [];
  for (const item of named) {
    const place = onServer.get(identity(item));
    while (others.length && place !== undefined && (onServer.get(identity(others[0])) ?? place) < place) result.push(others.shift());
    result.push(item);
  }
  return [...result, ...others];
}

/** Undefined: the value is itself a directive and leaves nothing. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined);
  if (!isObject(value)) return value;
  if (Object.hasOwn(value, directive)) return undefined;
  const kept: Json = {};
  for (const [key, member] of Object.entries(value)) {
    const below = withoutDirectives(member);
    if (below !== undefined) setKey(kept, key, below);
  }
  return kept;
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => (item === null ? null : withoutNulls(item)));
  if (!isObject(value)) return value;
  const kept: Json = {};
  for (const [key, member] of Object.entries(value)) if (member !== null) setKey(kept, key, withoutNulls(member));
  return kept;
}

/** A new object; `current` and `patch` are left alone. Throws 400 for a malformed patch, 500 for one that does not fit. */
export function strategicMergePatch<T extends object>(current: T, patch: unknown, schema: Schema | undefined): T {
  if (!isObject(patch)) {
    throw malformed(
      `json: cannot unmarshal ${Array.isArray(patch) ? 'array' : typeof patch} into Go value of type map[string]interface {}`,
    );
  }
  const root = schema && { fields: schema.root.fields, name: String((current as Json)['kind'] ?? '') };
  return new Merger(schema).map(deepCopy(current) as Json, deepCopy(patch), root) as T;
}
