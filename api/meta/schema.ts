// The form of a kind's structure: what decoding, patches, server-side apply and OpenAPI share. Facts come from api/gen, or from a CRD.

export interface Field {
  /** `any`: keep whatever comes (RawExtension, JSON). `ref`: another definition, by name. */
  type: 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array' | 'map' | 'ref' | 'any';
  /** Of strings and integers. `quantity`, `int-or-string` and times keep their JSON form. */
  format?: 'int32' | 'int64' | 'float' | 'double' | 'byte' | 'date-time' | 'micro-time' | 'quantity' | 'int-or-string' | 'duration';
  /** Name of the definition for `ref`, e.g. `io.k8s.api.core.v1.PodSpec`. */
  ref?: string;
  /** Inline structure for `object` (CRDs). */
  object?: Definition;
  /** Element of an `array`, value of a `map`. */
  items?: Field;
  /** x-kubernetes-list-type, default atomic. */
  listType?: 'atomic' | 'set' | 'map';
  listMapKeys?: readonly string[];
  /** x-kubernetes-map-type atomic, or struct-type atomic. */
  atomic?: boolean;
  /** x-kubernetes-patch-strategy: merge, retainKeys, `merge,retainKeys`, replace. */
  patchStrategy?: string;
  patchMergeKey?: string;
  /** Default of the OpenAPI document (associative keys' defaults: protocol TCP). */
  default?: unknown;
  nullable?: boolean;
  /** Go's name of the type where it is not the obvious one; decode errors quote it. */
  go?: string;
  /** A pointer in Go: a zero value is kept, as opposed to left out. */
  pointer?: boolean;
  /** Always written, with its zero value when absent (no omitempty, or an embedded struct). */
  keep?: boolean;
  /** Go's embedded struct that the field comes from; decode errors quote it. */
  via?: string;
  /** A named slice, which protobuf wraps in a message of its own. */
  boxed?: boolean;
}

export interface Definition {
  fields: Readonly<Record<string, Field>>;
  required?: readonly string[];
  /** The whole struct is one value for server-side apply. */
  atomic?: boolean;
  /** Unknown fields are kept (x-kubernetes-preserve-unknown-fields). */
  preserveUnknown?: boolean;
}

/** A root definition with the means to follow refs. */
export interface Schema {
  root: Definition;
  resolve(ref: string): Definition;
}
