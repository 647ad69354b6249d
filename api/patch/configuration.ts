// An apply configuration laid over an object without anybody owning anything: what mutating admission policies do.
import type { Schema } from '../meta/index.ts';
import { type Shape, shapeOf } from './shape.ts';
import { fieldsOf, merge, rootShape } from './walk.ts';

/** A new object. Throws Error when the configuration does not fit the schema or sets atomic parts. */
export function mergeConfiguration<T extends object>(object: T, configuration: object, schema: Schema | undefined): T {
  const root = rootShape(schema);
  try {
    fieldsOf(configuration, root, schema, true);
  } catch (error) {
    throw new Error(`failed to convert patch object to typed object: ${(error as Error).message}`);
  }
  const atomics = atomicParts(configuration, root, schema, '');
  if (atomics.length > 0)
    throw new Error(`invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomics.join(', ')}`);
  return merge(object, configuration, root, schema) as T;
}

function atomicParts(value: unknown, shape: Shape, schema: Schema | undefined, path: string): string[] {
  if (Array.isArray(value)) {
    if (shape.kind !== 'list') return [];
    const own = shape.type === 'atomic' ? [path] : [];
    return [...own, ...value.flatMap((item, i) => atomicParts(item, shapeOf(shape.items, schema), schema, `${path}[${i}]`))];
  }
  if (typeof value !== 'object' || value === null || shape.kind !== 'map') return [];
  const own = shape.atomic ? [path] : [];
  const below = Object.entries(value).flatMap(([name, inner]) => {
    const field = shape.definition?.fields[name] ?? shape.items;
    return field ? atomicParts(inner, shapeOf(field, schema), schema, `${path}.${name}`) : [];
  });
  return [...own, ...below];
}
