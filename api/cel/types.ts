// Types of CEL: what a schema says of a value, and which type may stand where another is expected (cel-go's checker/types.go).

type TypeKind =
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'null'
  | 'duration'
  | 'timestamp'
  | 'dyn'
  | 'error'
  | 'list'
  | 'map'
  | 'type'
  | 'opaque'
  | 'struct'
  | 'param';

export interface Type {
  readonly kind: TypeKind;
  readonly name: string;
  readonly params: readonly Type[];
  /** Of a struct: its fields by the name that expressions use. `undefined` for what has none. */
  readonly field?: (name: string) => Type | undefined;
}

const simple = (kind: TypeKind, name: string): Type => ({ kind, name, params: [] });

export const BOOL = simple('bool', 'bool');
export const INT = simple('int', 'int');
export const UINT = simple('uint', 'uint');
export const DOUBLE = simple('double', 'double');
export const STRING = simple('string', 'string');
export const BYTES = simple('bytes', 'bytes');
export const NULL = simple('null', 'null_type');
export const DURATION = simple('duration', 'google.protobuf.Duration');
export const TIMESTAMP = simple('timestamp', 'google.protobuf.Timestamp');
export const DYN = simple('dyn', 'dyn');
export const ERROR = simple('error', '*error*');

export const listOf = (item: Type): Type => ({ kind: 'list', name: 'list', params: [item] });
export const mapOf = (key: Type, value: Type): Type => ({ kind: 'map', name: 'map', params: [key, value] });
export const typeOf = (type?: Type): Type => ({ kind: 'type', name: 'type', params: type ? [type] : [] });
export const opaque = (name: string, ...params: Type[]): Type => ({ kind: 'opaque', name, params });
export const optionalOf = (type: Type): Type => opaque('optional_type', type);
export const param = (name: string): Type => simple('param', name);

/** A struct with known fields; `fields` may be filled later (types that contain themselves). */
export function structOf(name: string, fields: ReadonlyMap<string, Type> | ((field: string) => Type | undefined) = new Map()): Type {
  const field = typeof fields === 'function' ? fields : (key: string) => fields.get(key);
  return { kind: 'struct', name, params: [], field };
}

export const isOptional = (type: Type): boolean => type.kind === 'opaque' && type.name === 'optional_type';
export const isDyn = (type: Type): boolean => type.kind === 'dyn';
const isDynOrError = (type: Type): boolean => type.kind === 'dyn' || type.kind === 'error';

/** As error messages name it. */
export function formatType(type: Type): string {
  switch (type.kind) {
    case 'null':
    case 'duration':
    case 'timestamp':
      return type.kind;
    case 'error':
      return '!error!';
    default:
      return type.params.length === 0 ? type.name : `${type.name}(${type.params.map(formatType).join(', ')})`;
  }
}

export function sameType(a: Type, b: Type): boolean {
  if (a === b) return true;
  return (
    a.kind === b.kind && a.name === b.name && a.params.length === b.params.length && a.params.every((one, i) => sameType(one, b.params[i]!))
  );
}

/** Which types the type parameters stand for so far, by name. */
export type Bindings = Map<string, Type>;

/** May `b` stand where `a` is expected? Adds to the bindings only when it may. */
export function assignable(bindings: Bindings, a: readonly Type[], b: readonly Type[]): Bindings | undefined {
  const trial = new Map(bindings);
  return allAssignable(trial, a, b) ? trial : undefined;
}

const allAssignable = (bindings: Bindings, a: readonly Type[], b: readonly Type[]): boolean =>
  a.length === b.length && a.every((one, i) => oneAssignable(bindings, one, b[i]!));

function oneAssignable(bindings: Bindings, a: Type, b: Type): boolean {
  if (b.kind === 'param') {
    const { valid, bound } = bind(bindings, a, b);
    if (valid) return true;
    if (bound) return false;
  }
  if (a.kind === 'param') return bind(bindings, b, a).valid;
  if (isDynOrError(a) || isDynOrError(b)) return true;
  if (a.kind === 'null') return nullable(b);
  if (b.kind === 'null') return nullable(a);
  switch (a.kind) {
    case 'type':
      return b.kind === 'type';
    case 'opaque':
    case 'list':
    case 'map':
      return a.kind === b.kind && a.name === b.name && allAssignable(bindings, a.params, b.params);
    default:
      return a.kind === b.kind && a.name === b.name;
  }
}

/** What null may stand for. */
const nullable = (type: Type): boolean => ['null', 'opaque', 'struct', 'duration', 'timestamp'].includes(type.kind);

function bind(bindings: Bindings, type: Type, parameter: Type): { valid: boolean; bound: boolean } {
  if (sameType(type, parameter)) return { valid: true, bound: true };
  const current = bindings.get(parameter.name);
  if (current) {
    if (sameType(type, current)) return { valid: true, bound: true };
    if (!oneAssignable(bindings, type, current)) return { valid: false, bound: true };
    const general = mostGeneral(type, current);
    if (!occursIn(bindings, parameter, general)) bindings.set(parameter.name, general);
    return { valid: true, bound: true };
  }
  if (occursIn(bindings, parameter, type)) return { valid: false, bound: false };
  bindings.set(parameter.name, type);
  return { valid: true, bound: false };
}

function occursIn(bindings: Bindings, parameter: Type, type: Type): boolean {
  if (sameType(parameter, type)) return true;
  if (type.kind === 'param') {
    const bound = bindings.get(type.name);
    return bound !== undefined && occursIn(bindings, parameter, bound);
  }
  return type.params.some((one) => occursIn(bindings, parameter, one));
}

/** The one of two that fits more. */
export const mostGeneral = (a: Type, b: Type): Type => (lessSpecific(a, b) ? a : b);

function lessSpecific(a: Type, b: Type): boolean {
  if (isDyn(a) || a.kind === 'param') return true;
  if (isDyn(b) || b.kind === 'param') return false;
  if (a.kind !== b.kind) return false;
  if (a.kind === 'type') return true;
  if (a.kind === 'opaque' || a.kind === 'list' || a.kind === 'map')
    return a.name === b.name && a.params.length === b.params.length && a.params.every((one, i) => lessSpecific(one, b.params[i]!));
  return sameType(a, b);
}

/** The type with its parameters replaced; what is still free becomes dyn when `toDyn`. */
export function substitute(bindings: Bindings, type: Type, toDyn: boolean): Type {
  if (type.kind === 'param') {
    const bound = bindings.get(type.name);
    if (bound) return substitute(bindings, bound, toDyn);
    return toDyn ? DYN : type;
  }
  if (type.params.length === 0) return type;
  return { ...type, params: type.params.map((one) => substitute(bindings, one, toDyn)) };
}
