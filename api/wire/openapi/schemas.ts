// Component schemas of OpenAPI v3 from the generated definitions.
import { definitionName, resolve } from '../../gen/index.ts';
import type { Definition, Field, GroupVersionKind } from '../../meta/index.ts';

export type Json = Record<string, unknown>;

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** Types that have a component of their own instead of a plain string. */
const special: Readonly<Record<string, { name: string; schema: Json }>> = {
  quantity: { name: 'io.k8s.apimachinery.pkg.api.resource.Quantity', schema: { oneOf: [{ type: 'string' }, { type: 'number' }] } },
  'int-or-string': {
    name: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
    schema: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
  },
  'date-time': { name: `${META}.Time`, schema: { type: 'string', format: 'date-time' } },
  'micro-time': { name: `${META}.MicroTime`, schema: { type: 'string', format: 'date-time' } },
  duration: { name: `${META}.Duration`, schema: { type: 'string' } },
};

export const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

/** Gathers the components that a document refers to, each once. */
export class Components {
  readonly schemas: Record<string, Json> = {};

  /** Adds a built-in definition with all that it refers to; kinds are noted where given. */
  add(name: string, kinds: readonly GroupVersionKind[] = []): Json {
    if (!this.schemas[name]) {
      // Set first: definitions may refer to themselves.
      this.schemas[name] = {};
      this.schemas[name] = this.#structure(resolve(name));
    }
    if (kinds.length) {
      const known = (this.schemas[name]['x-kubernetes-group-version-kind'] ??= []) as GroupVersionKind[];
      for (const { group, version, kind } of kinds) {
        if (!known.some((one) => one.group === group && one.version === version && one.kind === kind)) known.push({ group, version, kind });
      }
    }
    return reference(name);
  }

  /** The component of a built-in kind; undefined for others. */
  addKind(gvk: GroupVersionKind): Json | undefined {
    const name = definitionName(gvk);
    return name === undefined ? undefined : this.add(name, [gvk]);
  }

  #structure(definition: Definition): Json {
    const properties: Record<string, Json> = {};
    for (const [key, field] of Object.entries(definition.fields)) properties[key] = this.#property(field);
    return {
      type: 'object',
      ...(Object.keys(properties).length ? { properties } : {}),
      ...(definition.required ? { required: definition.required } : {}),
      ...(definition.atomic ? { 'x-kubernetes-map-type': 'atomic' } : {}),
    };
  }

  #property(field: Field): Json {
    return {
      ...this.#type(field),
      ...(field.default === undefined ? {} : { default: field.default }),
      ...(field.listType ? { 'x-kubernetes-list-type': field.listType } : {}),
      ...(field.listMapKeys ? { 'x-kubernetes-list-map-keys': field.listMapKeys } : {}),
      ...(field.patchStrategy ? { 'x-kubernetes-patch-strategy': field.patchStrategy } : {}),
      ...(field.patchMergeKey ? { 'x-kubernetes-patch-merge-key': field.patchMergeKey } : {}),
      ...(field.atomic ? { 'x-kubernetes-map-type': 'atomic' } : {}),
    };
  }

  #type(field: Field): Json {
    switch (field.type) {
      case 'ref':
        return { allOf: [this.add(field.ref!)], ...(field.keep ? { default: {} } : {}) };
      case 'array':
        return { type: 'array', items: this.#type(field.items!) };
      case 'map':
        return { type: 'object', additionalProperties: this.#type(field.items!) };
      case 'string':
        return this.#string(field);
      case 'any':
        return field.ref?.includes('apiextensions') ? { 'x-kubernetes-preserve-unknown-fields': true } : { type: 'object' };
      default:
        return { type: field.type, ...(field.format ? { format: field.format } : {}) };
    }
  }

  #string(field: Field): Json {
    const found = field.format ? special[field.format] : undefined;
    if (!found) return { type: 'string', ...(field.format ? { format: field.format } : {}) };
    this.schemas[found.name] ??= found.schema;
    return { allOf: [reference(found.name)] };
  }
}
