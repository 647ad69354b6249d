// A custom resource's structure in the form that patches, apply and field tracking share.
import { schemaOf } from '../../../api/gen/index.ts';
import type { Definition, Field, Schema } from '../../../api/meta/index.ts';
import { type JsonSchema, valuesSchema } from '../../../api/structural/index.ts';

const META_REF = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const builtIn = schemaOf({ group: '', version: 'v1', kind: 'ConfigMap' })!;

export function definitionOf(schema: JsonSchema): Schema {
  const root = structOf(schema);
  const fields: Record<string, Field> = {
    ...root.fields,
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'ref', ref: META_REF },
  };
  return { root: { ...root, fields }, resolve: (name) => builtIn.resolve(name) };
}

function structOf(schema: JsonSchema): Definition {
  const fields = Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, field]) => [name, fieldOf(field)]));
  return {
    fields,
    ...(schema.required ? { required: schema.required } : {}),
    ...(schema['x-kubernetes-preserve-unknown-fields'] ? { preserveUnknown: true } : {}),
    ...(schema['x-kubernetes-map-type'] === 'atomic' ? { atomic: true } : {}),
  };
}

/** What its value looks like decides how it is merged and owned: maps by key, lists as one. */
const FREE = { type: 'object', object: { fields: {}, preserveUnknown: true } } as const;

function fieldOf(schema: JsonSchema): Field {
  const common = { ...(schema.nullable ? { nullable: true } : {}), ...(schema.default === undefined ? {} : { default: schema.default }) };
  const atomic = schema['x-kubernetes-map-type'] === 'atomic' ? { atomic: true } : {};
  if (schema['x-kubernetes-int-or-string']) return { type: 'string', format: 'int-or-string', ...common };
  switch (schema.type) {
    case 'object': {
      const values = valuesSchema(schema);
      if (values && !schema.properties) return { type: 'map', items: fieldOf(values), ...atomic, ...common };
      if (!schema.properties && schema['x-kubernetes-preserve-unknown-fields']) return { ...FREE, ...atomic, ...common };
      return { type: 'object', object: structOf(schema), ...atomic, ...common };
    }
    case 'array': {
      const listType = schema['x-kubernetes-list-type'];
      const keys = schema['x-kubernetes-list-map-keys'];
      return {
        type: 'array',
        items: schema.items ? fieldOf(schema.items) : { type: 'any' },
        ...(listType ? { listType } : {}),
        ...(keys ? { listMapKeys: keys } : {}),
        ...common,
      };
    }
    case 'string':
    case 'integer':
    case 'number':
    case 'boolean':
      return { type: schema.type, ...common };
    default:
      return { ...(schema['x-kubernetes-preserve-unknown-fields'] ? FREE : { type: 'any' as const }), ...common };
  }
}
