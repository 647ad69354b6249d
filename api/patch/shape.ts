// What the schema says of a value for merging: scalar, list (atomic, set, map) or map (atomic, by fields, by keys).
import type { Definition, Field, Schema } from '../meta/index.ts';

export interface ScalarShape {
  kind: 'scalar';
  /** Undefined: any scalar fits. */
  type?: 'string' | 'numeric' | 'boolean';
}

export type Shape = ScalarShape | ListShape | MapShape | { kind: 'deduced' };

export interface ListShape {
  kind: 'list';
  type: 'atomic' | 'set' | 'map';
  keys: readonly string[];
  items: Field | undefined;
}

export interface MapShape {
  kind: 'map';
  atomic: boolean;
  /** Of a struct; its fields are part of a set only when they are leaves. */
  definition: Definition | undefined;
  /** Of a map by keys. Undefined in a struct: unknown fields are an error (built-ins) or deduced (CRDs). */
  items: Field | undefined;
}

const scalar: Shape = { kind: 'scalar' };
const scalars: Partial<Record<Field['type'], Shape>> = {
  string: { kind: 'scalar', type: 'string' },
  integer: { kind: 'scalar', type: 'numeric' },
  number: { kind: 'scalar', type: 'numeric' },
  boolean: { kind: 'scalar', type: 'boolean' },
};
const deduced: Shape = { kind: 'deduced' };
const atomicMap: Shape = { kind: 'map', atomic: true, definition: undefined, items: undefined };

const ofFields = new WeakMap<Field, Shape>();
const ofDefinitions = new WeakMap<Definition, { plain: MapShape; atomic: MapShape }>();

export function structShape(definition: Definition, atomic = false): MapShape {
  let shapes = ofDefinitions.get(definition);
  if (shapes === undefined) {
    const plain: MapShape = { kind: 'map', atomic: definition.atomic === true, definition, items: undefined };
    shapes = { plain, atomic: { ...plain, atomic: true } };
    ofDefinitions.set(definition, shapes);
  }
  return atomic ? shapes.atomic : shapes.plain;
}

/** The same Field always gives the same Shape: a Field belongs to one Schema. */
export function shapeOf(field: Field | undefined, schema: Schema | undefined): Shape {
  if (field === undefined) return deduced;
  let shape = ofFields.get(field);
  if (shape === undefined) {
    shape = computeShape(field, schema);
    ofFields.set(field, shape);
  }
  return shape;
}

function computeShape(field: Field, schema: Schema | undefined): Shape {
  if (field.format === 'quantity' || field.format === 'int-or-string') return scalar;
  switch (field.type) {
    case 'ref':
      return structShape(schema!.resolve(field.ref!), field.atomic);
    case 'object':
      if (field.object) {
        if (Object.keys(field.object.fields).length === 0 && field.object.preserveUnknown) return field.atomic ? atomicMap : deduced;
        return structShape(field.object, field.atomic);
      }
      return deduced;
    case 'map':
      return { kind: 'map', atomic: field.atomic === true, definition: undefined, items: field.items };
    case 'array':
      return { kind: 'list', type: field.listType ?? 'atomic', keys: field.listMapKeys ?? [], items: field.items };
    case 'any':
      return atomicMap;
    case 'string':
      return field.format === undefined || field.format === 'byte' ? scalars.string! : scalar;
    default:
      return scalars[field.type] ?? scalar;
  }
}

/** Without a schema: maps are merged by key, lists are one value. */
export function deduce(value: unknown): Shape {
  if (Array.isArray(value)) return { kind: 'list', type: 'atomic', keys: [], items: undefined };
  if (typeof value === 'object' && value !== null) return { kind: 'map', atomic: false, definition: undefined, items: undefined };
  return scalar;
}

/** What a Go struct's field holds when it is not set and written all the same. */
const zeroValues: Partial<Record<Field['type'], unknown>> = { ref: {}, array: null, map: null, string: '', integer: 0, boolean: false };

/** The value of a struct's field, where Go's encoding would write one for an absent field too. */
export function fieldValue(map: Record<string, unknown>, name: string, field: Field | undefined): unknown {
  if (Object.hasOwn(map, name)) return map[name];
  if (field === undefined || field.keep !== true) return undefined;
  return field.pointer ? null : zeroValues[field.type];
}
