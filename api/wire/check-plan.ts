// What checkFields needs of a definition, computed once: fields by name, zero values, Go's names of types.
import type { Definition, Field, Schema } from '../meta/index.ts';

export interface PlannedField {
  type: Field['type'];
  format: Field['format'];
  /** As decode errors call it: `int32`, `[]v1.Container`, `map[string]string`. */
  goType: string;
  via: string | undefined;
  /** A zero value is left out (omitempty without pointer). */
  dropZero: boolean;
  /** Always written. */
  keep: boolean;
  items?: PlannedField;
  plan?: () => Plan;
  zero(): unknown;
}

export interface Plan {
  /** Go's name of the struct, e.g. `PodSpec`. */
  name: string;
  fields: Map<string, PlannedField>;
  /** Fields that are always written, with a maker of their zero value. */
  kept: readonly (readonly [string, () => unknown])[];
  preserve: boolean;
}

/** Lists that are left out when empty, where upstream's defaults or texts nevertheless tell an empty list from none. */
const TOLD_EMPTY = new Set(['HPAScalingRules.policies', 'IngressSpec.rules']);

const plans = new WeakMap<Definition, Plan>();

export function planOf(definition: Definition, schema: Schema, name = ''): Plan {
  const known = plans.get(definition);
  if (known) {
    if (known.name === '' && name !== '') known.name = name;
    return known;
  }
  const fields = new Map<string, PlannedField>();
  const kept: [string, () => unknown][] = [];
  const plan: Plan = { name, fields, kept, preserve: definition.preserveUnknown === true };
  plans.set(definition, plan);
  for (const [key, field] of Object.entries(definition.fields)) {
    const planned = plannedField(field, schema);
    if (TOLD_EMPTY.has(`${name}.${key}`)) planned.dropZero = false;
    fields.set(key, planned);
    if (field.keep) kept.push([key, field.pointer ? () => null : planned.zero]);
  }
  return plan;
}

function plannedField(field: Field, schema: Schema): PlannedField {
  const items = field.items ? plannedField(field.items, schema) : undefined;
  const planned: PlannedField = {
    type: field.type,
    format: field.format,
    goType: goTypeOf(field, items),
    via: field.via,
    keep: field.keep === true,
    dropZero: !field.pointer && !field.keep && field.type !== 'any' && field.format !== 'quantity',
    zero: zeroOf(field, schema),
  };
  if (items) planned.items = items;
  if (field.type === 'ref') planned.plan = () => planOf(schema.resolve(field.ref!), schema, baseOf(field.ref!));
  if (field.type === 'object' && field.object) planned.plan = () => planOf(field.object!, schema);
  return planned;
}

const baseOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

/** `io.k8s.api.core.v1.Container` is `v1.Container` in Go. */
const packagedName = (name: string): string => name.split('.').slice(-2).join('.');

function goTypeOf(field: Field, items: PlannedField | undefined): string {
  if (field.go) return field.go;
  switch (field.type) {
    case 'ref':
      return packagedName(field.ref!);
    case 'array':
      return `[]${items!.goType}`;
    case 'map':
      return `map[string]${items!.goType}`;
    case 'integer':
      return field.format ?? 'int64';
    case 'number':
      return 'float64';
    case 'boolean':
      return 'bool';
    default:
      return field.format === 'quantity' ? 'resource.Quantity' : 'string';
  }
}

function zeroOf(field: Field, schema: Schema): () => unknown {
  switch (field.type) {
    case 'ref':
      return () => zeroStruct(planOf(schema.resolve(field.ref!), schema, baseOf(field.ref!)));
    case 'integer':
    case 'number':
      return () => 0;
    case 'boolean':
      return () => false;
    case 'string':
      return stringZero(field.format);
    default:
      return () => null;
  }
}

function stringZero(format: Field['format']): () => unknown {
  if (format === 'quantity') return () => '0';
  if (format === 'int-or-string') return () => 0;
  if (format === 'duration') return () => '0s';
  return format === undefined ? () => '' : () => null;
}

function zeroStruct(plan: Plan): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, zero] of plan.kept) out[key] = zero();
  return out;
}
