// Explicitly empty lists and maps, as they are after they were stored. Built-in kinds are stored as protobuf, which knows no empty list:
// one that JSON always shows comes back as null, one that it leaves out when empty is gone.
import type { Schema } from '../meta/index.ts';
import { type Plan, type PlannedField, planOf } from './check-plan.ts';

type Json = Record<string, unknown>;

/** The object itself when there is nothing to change, else a copy that shares what stays. */
export const withoutEmpties = <T extends object>(object: T, schema: Schema): T => struct(planOf(schema.root, schema), object as Json) as T;

function struct(plan: Plan, object: Json): Json {
  let copy: Json | undefined;
  for (const key in object) {
    const field = plan.fields.get(key);
    const value = object[key];
    if (field === undefined || typeof value !== 'object' || value === null) continue;
    const settled = isEmpty(field, value) ? null : parts(field, value);
    if (settled === value) continue;
    copy ??= { ...object };
    if (settled === null && !field.keep) delete copy[key];
    else copy[key] = settled;
  }
  return copy ?? object;
}

function parts(field: PlannedField, value: object): object {
  if (field.plan) return Array.isArray(value) ? value : struct(field.plan(), value as Json);
  const { items } = field;
  if (items?.plan === undefined && items?.items === undefined) return value;
  if (Array.isArray(value)) {
    const settled = value.map((item) => inner(items, item));
    return settled.every((item, at) => item === value[at]) ? value : settled;
  }
  const entries = Object.entries(value).map(([key, item]) => [key, inner(items, item)] as const);
  return entries.every(([key, item]) => item === (value as Json)[key]) ? value : Object.fromEntries(entries);
}

const inner = (items: PlannedField, item: unknown): unknown => (typeof item === 'object' && item !== null ? parts(items, item) : item);

function isEmpty({ type }: PlannedField, value: object): boolean {
  if (type === 'array') return Array.isArray(value) && value.length === 0;
  if (type !== 'map') return false;
  for (const _ in value) return false;
  return true;
}
