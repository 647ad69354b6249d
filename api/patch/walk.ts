// Walks over objects by shape: the set of an object's fields, the difference of two objects, their merge, removal of fields.
import { deepEqual, type Field, goJson, goMap, goSyntax, goTypeOf, readJson, type Schema, setKey } from '../meta/index.ts';
import { type FieldNode, fieldPart, isMember, leaf, nodeOf } from './field-set.ts';
import { deduce, fieldValue, type ListShape, type MapShape, type ScalarShape, type Shape, shapeOf, structShape } from './shape.ts';

type Json = Record<string, unknown>;
type Nodes = Record<string, FieldNode>;

/** A value that does not fit its schema; the text is for the client. */
export class ShapeError extends Error {}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const asMap = (value: unknown): Json | undefined => (isObject(value) ? value : undefined);
const asList = (value: unknown): unknown[] | undefined => (Array.isArray(value) ? value : undefined);
const isEmptyMap = (map: Json | undefined): boolean => {
  for (const _ in map) return false;
  return true;
};

const settled = (shape: Shape, left: unknown, right: unknown): Exclude<Shape, { kind: 'deduced' }> =>
  (shape.kind === 'deduced' ? deduce(right ?? left) : shape) as Exclude<Shape, { kind: 'deduced' }>;

function childShape(shape: MapShape, name: string, schema: Schema | undefined): Shape {
  const field = shape.definition ? shape.definition.fields[name] : shape.items;
  return shapeOf(field, schema);
}

const declared = (shape: MapShape, name: string): Field | undefined =>
  shape.definition && Object.hasOwn(shape.definition.fields, name) ? shape.definition.fields[name] : undefined;

const without = 'associative list without keys has an element';

/** `k:{"name":"a"}` or `v:"a"` of a list's element. A key that it lacks is not part of it. Throws ShapeError when no key is there. */
function elementPart(shape: ListShape, item: unknown, schema: Schema | undefined, position: number): string {
  const fail = (why: string): ShapeError => new ShapeError(`element ${position}: ${why}`);
  if (shape.type === 'set') {
    if (item === null) throw fail(`${without} that's an explicit null`);
    if (isObject(item)) throw fail(`${without} that's a map type`);
    if (Array.isArray(item)) throw fail('not supported: associative list with lists as elements');
    return `v:${goJson(item)}`;
  }
  if (item === null) throw fail('associative list with keys may not have a null element');
  if (!isObject(item)) throw fail('associative list with keys may not have non-map elements');
  const key: Json = {};
  for (const name of shape.keys.length > 1 ? [...shape.keys].sort() : shape.keys) {
    const value = item[name] === undefined ? keyDefault(shape, name, schema) : item[name];
    if (value !== undefined) key[name] = value;
  }
  if (isEmptyMap(key)) {
    const keys = `[${shape.keys.map((name) => JSON.stringify(name)).join(' ')}]`;
    throw fail(
      `associative list with keys has an element that omits all key fields ${keys} (and doesn't have default values for any key fields)`,
    );
  }
  return `k:${goJson(key)}`;
}

/** The schema's default, or Go's zero value of a field that is always written. */
function keyDefault(shape: ListShape, name: string, schema: Schema | undefined): unknown {
  const element = shapeOf(shape.items, schema);
  const field = element.kind === 'map' ? declared(element, name) : undefined;
  if (field === undefined || field.default !== undefined) return field?.default;
  if (!field.keep || field.pointer) return undefined;
  return field.type === 'string' ? '' : field.type === 'integer' ? 0 : undefined;
}

/** Elements by part, in the order of their first coming. */
function elementsByPart(shape: ListShape, list: unknown[] | undefined, schema: Schema | undefined): Map<string, unknown[]> {
  const elements = new Map<string, unknown[]>();
  list?.forEach((item, i) => {
    let part: string;
    try {
      part = elementPart(shape, item, schema, i);
    } catch (error) {
      if (error instanceof ShapeError) return; // Stored objects may be older than today's schema: such elements have no owner.
      throw error;
    }
    const same = elements.get(part);
    if (same) same.push(item);
    else elements.set(part, [item]);
  });
  return elements;
}

export interface Comparison {
  removed?: FieldNode;
  modified?: FieldNode;
  added?: FieldNode;
}

class Parts {
  removed: Nodes | undefined;
  modified: Nodes | undefined;
  added: Nodes | undefined;

  put(part: string, found: Comparison | undefined): void {
    if (found === undefined) return;
    if (found.removed) (this.removed ??= {})[part] = found.removed;
    if (found.modified) (this.modified ??= {})[part] = found.modified;
    if (found.added) (this.added ??= {})[part] = found.added;
  }

  /** The node of this place: itself added or removed, and what changed below it. */
  finish(itselfAdded: boolean, itselfRemoved: boolean): Comparison | undefined {
    if (!itselfAdded && !itselfRemoved && !this.removed && !this.modified && !this.added) return undefined;
    const result: Comparison = {};
    const removed = nodeOf(itselfRemoved, this.removed);
    const added = nodeOf(itselfAdded, this.added);
    if (removed) result.removed = removed;
    if (this.modified) result.modified = this.modified;
    if (added) result.added = added;
    return result;
  }
}

const addedLeaf: Comparison = { added: leaf };
const removedLeaf: Comparison = { removed: leaf };
const modifiedLeaf: Comparison = { modified: leaf };

function compareLeaf(left: unknown, right: unknown): Comparison | undefined {
  if (left === undefined) return addedLeaf;
  if (right === undefined) return removedLeaf;
  return deepEqual(left, right) ? undefined : modifiedLeaf;
}

/** What a change from `left` to `right` adds, modifies and removes; undefined: nothing. Of `undefined` and a value, too. */
export function compare(left: unknown, right: unknown, shape: Shape, schema: Schema | undefined): Comparison | undefined {
  if (left === right) return undefined;
  if (shape.kind === 'deduced' && left !== undefined && right !== undefined && !sameForm(left, right))
    return compareForms(left, right, schema);
  const known = settled(shape, left, right);
  if (known.kind === 'scalar') return compareLeaf(left, right);
  if (known.kind === 'map') {
    const leftMap = asMap(left);
    const rightMap = asMap(right);
    if (known.atomic || (isEmptyMap(leftMap) && isEmptyMap(rightMap))) return compareLeaf(left, right);
    return compareMaps(leftMap, rightMap, left === undefined, right === undefined, known, schema);
  }
  const leftList = asList(left);
  const rightList = asList(right);
  if (known.type === 'atomic' || (!leftList?.length && !rightList?.length)) return compareLeaf(left, right);
  return compareLists(leftList, rightList, left === undefined, right === undefined, known, schema);
}

const sameForm = (a: unknown, b: unknown): boolean => isObject(a) === isObject(b) && Array.isArray(a) === Array.isArray(b);

/** No schema says which form is right: what stood below the one is gone, what stands below the other is new. A null may be an empty map. */
function compareForms(left: unknown, right: unknown, schema: Schema | undefined): Comparison {
  const below = (value: unknown): MapShape | undefined => (isObject(value) && !isEmptyMap(value) ? (deduce(value) as MapShape) : undefined);
  const [l, r] = [below(left), below(right)];
  const removed = l && compareMaps(left as Json, undefined, false, false, l, schema)?.removed;
  const added = r && compareMaps(undefined, right as Json, false, false, r, schema)?.added;
  const stays = (left === null && r !== undefined) || (right === null && l !== undefined);
  return { ...(removed ? { removed } : {}), ...(added ? { added } : {}), ...(stays ? {} : modifiedLeaf) };
}

const none: Json = {};

function compareMaps(
  left: Json | undefined,
  right: Json | undefined,
  added: boolean,
  removed: boolean,
  shape: MapShape,
  schema: Schema | undefined,
): Comparison | undefined {
  const parts = new Parts();
  const l = left ?? none;
  const r = right ?? none;
  for (const name in r) {
    const field = declared(shape, name);
    const before = left ? fieldValue(l, name, field) : undefined;
    parts.put(fieldPart(name), compare(before, r[name], childShape(shape, name, schema), schema));
  }
  for (const name in l) {
    if (Object.hasOwn(r, name)) continue;
    const after = right ? fieldValue(r, name, declared(shape, name)) : undefined;
    parts.put(fieldPart(name), compare(l[name], after, childShape(shape, name, schema), schema));
  }
  return parts.finish(added, removed);
}

function compareLists(
  left: unknown[] | undefined,
  right: unknown[] | undefined,
  added: boolean,
  removed: boolean,
  shape: ListShape,
  schema: Schema | undefined,
): Comparison | undefined {
  const parts = new Parts();
  const before = elementsByPart(shape, left, schema);
  const after = elementsByPart(shape, right, schema);
  const items = shapeOf(shape.items, schema);
  for (const [part, l] of before) parts.put(part, compareElements(l, after.get(part) ?? [], items, schema));
  for (const [part, r] of after) if (!before.has(part)) parts.put(part, compareElements([], r, items, schema));
  return parts.finish(added, removed);
}

/** Lists may hold an element twice by mistake: then it is one value. */
function compareElements(left: unknown[], right: unknown[], items: Shape, schema: Schema | undefined): Comparison | undefined {
  if (left.length <= 1 && right.length <= 1) return compare(left[0], right[0], items, schema);
  if (left.length >= 2 && right.length >= 2) return deepEqual(left, right) ? undefined : modifiedLeaf;
  if (left.length >= 2) return { ...(right.length ? compare(undefined, right[0], items, schema) : undefined), ...removedLeaf };
  return { ...(left.length ? compare(left[0], undefined, items, schema) : undefined), ...addedLeaf };
}

/** JSON of any form (a schema's default, an example): one value. */
const isUntyped = ({ definition, items }: MapShape): boolean => items === undefined && Object.keys(definition?.fields ?? {}).length === 0;

/** The fields that a value sets. `strict`: throws ShapeError for what the schema does not know and for repeated keys. */
export function fieldsOf(value: unknown, shape: Shape, schema: Schema | undefined, strict = false, path = ''): FieldNode | undefined {
  const known = settled(shape, undefined, value);
  if (known.kind === 'scalar') {
    if (strict) checkScalar(value, known, path);
    return leaf;
  }
  if (known.kind === 'list') {
    if (strict && value !== null && !Array.isArray(value)) throw new ShapeError(`${path}: expected list, got ${goValue(value)}`);
    if (known.type === 'atomic') {
      if (strict && value)
        for (const [i, item] of (value as unknown[]).entries()) fieldsOf(item, shapeOf(known.items, schema), schema, true, `${path}[${i}]`);
      return leaf;
    }
    return Array.isArray(value) ? listFields(value, known, schema, strict, path) : undefined;
  }
  if (value !== null && !isObject(value) && isUntyped(known)) return leaf;
  if (strict && value !== null && !isObject(value)) throw new ShapeError(`${path}: expected map, got ${goValue(value)}`);
  if (known.atomic && !strict) return leaf;
  if (!isObject(value)) return undefined;
  const parts: Nodes = {};
  for (const name in value) {
    const field = declared(known, name);
    const child = value[name];
    if (strict && known.definition && !field && !known.definition.preserveUnknown) {
      throw new ShapeError(`${path}.${name}: field not declared in schema`);
    }
    const below = fieldsOf(child, childShape(known, name, schema), schema, strict, `${path}.${name}`);
    const member = field === undefined || child === null || (isObject(child) && isEmptyMap(child)) || isMember(below);
    const node = nodeOf(member, below && !isLeaf(below) ? withoutSelf(below) : undefined);
    if (node) parts[fieldPart(name)] = node;
  }
  if (known.atomic) return leaf;
  return isEmptyMap(parts as Json) ? undefined : parts;
}

function checkScalar(value: unknown, { type }: ScalarShape, path: string): void {
  if (value === null) return;
  const found = typeof value === 'number' || typeof value === 'bigint' ? 'numeric' : typeof value;
  if (type === undefined ? found !== 'object' : found === type) return;
  if (type === 'numeric') throw new ShapeError(`${path}: expected numeric (int or float), got ${goTypeOf(value)}`);
  if (type === 'string') throw new ShapeError(`${path}: expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`);
  throw new ShapeError(`${path}: expected ${type === undefined ? 'any scalar' : 'boolean'}, got ${goValue(value)}`);
}

const goValue = (value: unknown): string => `&{${goMap(value)}}`;
const isLeaf = (node: FieldNode): boolean => isEmptyMap(node as unknown as Json);
function withoutSelf(node: FieldNode): Nodes {
  const { '.': _, ...parts } = node as Nodes;
  return parts;
}

function listFields(list: unknown[], shape: ListShape, schema: Schema | undefined, strict: boolean, path: string): FieldNode | undefined {
  const parts: Nodes = {};
  const items = shapeOf(shape.items, schema);
  list.forEach((item, i) => {
    let part: string;
    try {
      part = elementPart(shape, item, schema, i);
    } catch (error) {
      if (!(error instanceof ShapeError) || strict) {
        throw error instanceof ShapeError ? new ShapeError(`${path}: ${error.message}`) : error;
      }
      return;
    }
    if (Object.hasOwn(parts, part)) {
      if (strict) throw new ShapeError(`${path}: duplicate entries for key ${partLabel(part)}`);
      parts[part] = leaf;
      return;
    }
    const below = fieldsOf(item, items, schema, strict, `${path}${partLabel(part)}`);
    parts[part] = nodeOf(true, below && !isLeaf(below) ? withoutSelf(below) : undefined)!;
  });
  return isEmptyMap(parts as Json) ? undefined : parts;
}

function partLabel(part: string): string {
  if (part.startsWith('v:')) return `[=${part.slice(2)}]`;
  const fields = Object.entries(readJson(part.slice(2)) as Json);
  return `[${fields.map(([name, value]) => `${name}=${goJson(value)}`).join(',')}]`;
}

/** `right` laid over `left`. Undefined: nothing is left. */
export function merge(left: unknown, right: unknown, shape: Shape, schema: Schema | undefined): unknown {
  if (right === undefined) return left;
  if (left === undefined && shape.kind !== 'deduced') return right;
  const known = settled(shape, left, right);
  if (known.kind === 'scalar') return right;
  if (known.kind === 'map') {
    const leftMap = asMap(left);
    const rightMap = asMap(right);
    if (known.atomic || (isEmptyMap(leftMap) && isEmptyMap(rightMap))) return right;
    const merged: Json = {};
    for (const name in leftMap) {
      const over = rightMap && Object.hasOwn(rightMap, name) ? rightMap[name] : undefined;
      const value = merge(leftMap[name], over, childShape(known, name, schema), schema);
      if (value !== undefined) setKey(merged, name, value);
    }
    for (const name in rightMap) if (!leftMap || !Object.hasOwn(leftMap, name)) setKey(merged, name, rightMap[name]);
    return isEmptyMap(merged) ? undefined : merged;
  }
  const leftList = asList(left);
  const rightList = asList(right);
  if (known.type === 'atomic' || (!leftList?.length && !rightList?.length)) return right;
  return mergeLists(leftList ?? [], rightList ?? [], known, schema);
}

/** Elements of the right keep their order, those of the left alone stand where they stood relative to their shared neighbours. */
function mergeLists(left: unknown[], right: unknown[], shape: ListShape, schema: Schema | undefined): unknown[] | undefined {
  const partOf = (item: unknown, i: number): string => {
    try {
      return elementPart(shape, item, schema, i);
    } catch {
      return `i:${i}`;
    }
  };
  const lParts = left.map(partOf);
  const rParts = right.map(partOf);
  const rights = new Map(rParts.map((part, i) => [part, right[i]]));
  const lefts = new Map<string, unknown>();
  // An element that stands twice on the left has no single value to merge with.
  lParts.forEach((part, i) => {
    lefts.set(part, lefts.has(part) ? null : left[i]);
  });
  const items = shapeOf(shape.items, schema);
  const both = (part: string): unknown => {
    const under = lefts.get(part);
    return merge(under === null ? undefined : under, rights.get(part), items, schema);
  };
  const shared = rParts.filter((part) => lefts.has(part));
  let nextShared = shared.shift();
  const out: unknown[] = [];
  const done = new Set<string>();
  for (let l = 0, r = 0; l < lParts.length || r < rParts.length; ) {
    if (l < lParts.length && r < rParts.length) {
      const part = lParts[l]!;
      if (part === rParts[r]) {
        done.add(part);
        out.push(both(part));
        l++;
        r++;
        nextShared = shared.shift();
        continue;
      }
      if (rights.has(part) && nextShared !== undefined && nextShared !== part) {
        l++;
        continue;
      }
    }
    if (l < lParts.length) {
      const part = lParts[l]!;
      if (!rights.has(part)) {
        out.push(left[l]);
        l++;
        continue;
      }
      if (done.has(part)) l++;
    }
    if (r < rParts.length) {
      const part = rParts[r]!;
      done.add(part);
      out.push(both(part));
      r++;
      if (nextShared === part) nextShared = shared.shift();
    }
  }
  return out.length ? out : undefined;
}

/** The value without the fields of the set; what is emptied by it stays as an empty map or list. */
export function removeFields(value: unknown, set: FieldNode, shape: Shape, schema: Schema | undefined): unknown {
  const known = settled(shape, undefined, value);
  if (known.kind === 'scalar') return value;
  if (known.kind === 'list') {
    if (!Array.isArray(value) || value.length === 0 || known.type === 'atomic') return undefined;
    const items = shapeOf(known.items, schema);
    const kept: unknown[] = [];
    value.forEach((item, i) => {
      let node: FieldNode | undefined;
      try {
        node = set[elementPart(known, item, schema, i)];
      } catch {
        node = undefined;
      }
      if (node === undefined) kept.push(item);
      else if (!isMember(node)) kept.push(removeFields(item, node, items, schema) ?? emptied(item));
    });
    return kept;
  }
  if (!isObject(value) || isEmptyMap(value) || known.atomic) return undefined;
  const kept: Json = {};
  for (const name in value) {
    const node = set[fieldPart(name)];
    if (node === undefined) setKey(kept, name, value[name]);
    else if (!isMember(node)) {
      const below = removeFields(value[name], node, childShape(known, name, schema), schema);
      setKey(kept, name, below ?? emptied(value[name]));
    }
  }
  return kept;
}

const emptied = (value: unknown): unknown => (Array.isArray(value) ? [] : isObject(value) ? {} : value);

/** Adds the struct fields on the way to each member: a set of `spec.replicas` owns `spec` too. */
export function withNamedFields(set: FieldNode, shape: Shape, schema: Schema | undefined): FieldNode {
  const parts: Nodes = {};
  for (const part in set) {
    if (part === '.') continue;
    const node = set[part]!;
    if (isLeaf(node)) {
      parts[part] = node;
      continue;
    }
    let below: Shape = { kind: 'deduced' };
    let named = false;
    if (part.startsWith('f:') && shape.kind === 'map') {
      below = childShape(shape, part.slice(2), schema);
      named = declared(shape, part.slice(2)) !== undefined;
    } else if (shape.kind === 'list') below = shapeOf(shape.items, schema);
    parts[part] = nodeOf(isMember(node) || named, withoutSelf(withNamedFields(node, below, schema)))!;
  }
  return parts;
}

export const rootShape = (schema: Schema | undefined): Shape => (schema ? structShape(schema.root) : { kind: 'deduced' });
