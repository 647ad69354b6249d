// Component schemas of OpenAPI v3 from the generated definitions.
import { definitionName, resolve } from '../../gen/index.ts';
import type { Definition, Field, GroupVersionKind } from '../../meta/index.ts';
import { type Description, type Descriptions, noDescriptions } from './description.ts';

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

/** kind and apiVersion mean the same everywhere; their text is taken from here. */
const DELETE_OPTIONS = `${META}.DeleteOptions`;

/** `apiVersion` and `kind` with their texts. */
export function typeMeta(descriptions: Descriptions): Record<string, Json> {
  const texts = descriptions(DELETE_OPTIONS)?.fields;
  return {
    apiVersion: { ...described(texts?.['apiVersion']), type: 'string' },
    kind: { ...described(texts?.['kind']), type: 'string' },
  };
}

export const described = (description: string | undefined): Json => (description === undefined ? {} : { description });

const isSpecial = ({ format }: Field): boolean => format !== undefined && (format === 'byte' || special[format] !== undefined);

/** Go's zero value: what an absent field means that is always written. */
const ZERO: Readonly<Record<string, unknown>> = { string: '', integer: 0, number: 0, boolean: false };

/** Gathers the components that a document refers to, each once. */
export class Components {
  readonly schemas: Record<string, Json> = {};
  readonly #descriptions: Descriptions;

  constructor(descriptions: Descriptions = noDescriptions) {
    this.#descriptions = descriptions;
  }

  /** Adds a built-in definition with all that it refers to; kinds are noted where given. */
  add(name: string, kinds: readonly GroupVersionKind[] = []): Json {
    if (!this.schemas[name]) {
      // Set first: definitions may refer to themselves.
      this.schemas[name] = {};
      this.schemas[name] = this.#structure(resolve(name), this.#descriptions(name));
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

  /** A component that api/gen has no structure of. */
  addPlain(name: string, schema: Json): Json {
    this.schemas[name] ??= { ...described(this.#descriptions(name)?.text), ...schema };
    return reference(name);
  }

  /** Of a definition that api/gen has no structure of. */
  fieldTexts(name: string): Readonly<Record<string, string>> {
    return this.#descriptions(name)?.fields ?? {};
  }

  #structure(definition: Definition, description: Description | undefined): Json {
    const properties: Record<string, Json> = {};
    for (const [key, field] of Object.entries(definition.fields)) properties[key] = this.#property(key, field, description);
    return {
      ...described(description?.text),
      type: 'object',
      ...(Object.keys(properties).length ? { properties } : {}),
      ...(definition.required ? { required: definition.required } : {}),
      ...(definition.atomic ? { 'x-kubernetes-map-type': 'atomic' } : {}),
    };
  }

  #property(key: string, field: Field, description: Description | undefined): Json {
    const text = description?.fields?.[key] ?? this.#typeMetaText(key);
    const enumeration = description?.enums?.[key];
    const fallback = field.default ?? (field.keep && !isSpecial(field) ? ZERO[field.type] : undefined);
    const more: Json = {
      ...described(text),
      ...(fallback === undefined ? {} : { default: fallback }),
      ...(enumeration ? { enum: enumeration } : {}),
      ...(field.listType ? { 'x-kubernetes-list-type': field.listType } : {}),
      ...(field.listMapKeys ? { 'x-kubernetes-list-map-keys': field.listMapKeys } : {}),
      ...(field.patchStrategy ? { 'x-kubernetes-patch-strategy': field.patchStrategy } : {}),
      ...(field.patchMergeKey ? { 'x-kubernetes-patch-merge-key': field.patchMergeKey } : {}),
      ...(field.atomic ? { 'x-kubernetes-map-type': 'atomic' } : {}),
      ...(field.type === 'ref' && field.keep ? { default: {} } : {}),
    };
    const type = this.#type(field);
    // A reference has no room for more: it is wrapped.
    return '$ref' in type && Object.keys(more).length > 0 ? { allOf: [type], ...more } : { ...type, ...more };
  }

  /** The package documents kind and apiVersion only where they are not a kind's own. */
  #typeMetaText(key: string): string | undefined {
    return key === 'kind' || key === 'apiVersion' ? this.#descriptions(DELETE_OPTIONS)?.fields?.[key] : undefined;
  }

  #type(field: Field): Json {
    switch (field.type) {
      case 'ref':
        return this.add(field.ref!);
      case 'array':
        return { type: 'array', items: this.#type(field.items!) };
      case 'map':
        return { type: 'object', additionalProperties: this.#type(field.items!) };
      case 'string':
        return this.#string(field);
      case 'any':
        return field.ref === undefined ? { type: 'object' } : this.addPlain(field.ref, anything(field.ref));
      default:
        return { type: field.type, ...(field.format ? { format: field.format } : {}) };
    }
  }

  #string(field: Field): Json {
    const found = field.format ? special[field.format] : undefined;
    if (!found) return { type: 'string', ...(field.format ? { format: field.format } : {}) };
    return this.addPlain(found.name, found.schema);
  }
}

/** Upstream's names for what may hold any object (FieldsV1, RawExtension), and for those of custom resources' schemas, any value at all. */
const anything = (name: string): Json =>
  name.includes('apiextensions') ? { 'x-kubernetes-preserve-unknown-fields': true } : { type: 'object' };
