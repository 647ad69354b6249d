// Makes a parsed body into what Go's decoder would hold and its encoder would write again: types checked, unknown fields dropped,
// nulls and zero values as Go treats them, quantities and times in their canonical text.
import { canonicalQuantity, type Schema, setKey } from '../meta/index.ts';
import { type Plan, type PlannedField, planOf } from './check-plan.ts';
import { canonicalMicroTime, canonicalTime } from './go-time.ts';

/** The body does not fit the type. The text is Go's, without what the caller wraps around it. */
export class DecodeError extends Error {}

export interface CheckOptions {
  /** The root's name in errors; default: the body's own kind. */
  kind?: string;
  /** Numbers as written, from the careful JSON reader. */
  numbers?: Map<object, Map<string, string>>;
  /** In whose words a wrong type is told: the JSON decoder's (default), or those of upstream's converter of maps to structs. */
  words?: 'json' | 'converter';
}

export interface Checked {
  /** A new object; nothing of the given one is changed, `any` parts are shared. */
  object: Record<string, unknown>;
  /** Paths of fields that the schema does not know, e.g. `spec.containers[0].imgae`. */
  unknown: string[];
}

/** Throws {@link DecodeError}. `body` must be an object; a schema of api/gen. */
export function checkFields(schema: Schema, body: Record<string, unknown>, options: CheckOptions = {}): Checked {
  const checker = new Checker(options.numbers, options.words === 'converter');
  const kind = options.kind ?? (typeof body['kind'] === 'string' ? body['kind'] : '');
  const object = checker.struct(planOf(schema.root, schema, kind), body, '');
  if (checker.typeError !== undefined) throw new DecodeError(checker.typeError);
  return { object, unknown: checker.unknown };
}

const MISSING = Symbol('absent');

class Checker {
  readonly unknown: string[] = [];
  /** The first type error; like Go, reading goes on after it. */
  typeError: string | undefined;
  readonly #numbers: Map<object, Map<string, string>> | undefined;
  /** Go's path for errors: field names without indexes and map keys. */
  readonly #stack: string[] = [];
  #struct = '';
  readonly #converter: boolean;

  constructor(numbers: Map<object, Map<string, string>> | undefined, converter: boolean) {
    this.#numbers = numbers;
    this.#converter = converter;
  }

  struct(plan: Plan, body: Record<string, unknown>, path: string): Record<string, unknown> {
    const out: Record<string, unknown> = {};
    const outer = this.#struct;
    for (const key in body) {
      const field = plan.fields.get(key);
      if (field === undefined) {
        if (plan.preserve) setKey(out, key, body[key]);
        else this.unknown.push(path === '' ? key : `${path}.${key}`);
        continue;
      }
      const value = body[key];
      if (value === null) continue;
      this.#struct = plan.name;
      const depth = this.#stack.length;
      if (field.via !== undefined) this.#stack.push(field.via);
      this.#stack.push(key);
      const checked = this.#value(field, value, path, key, body);
      this.#stack.length = depth;
      if (checked === MISSING || (field.dropZero && isZero(checked))) continue;
      out[key] = checked;
    }
    for (const [key, zero] of plan.kept) if (out[key] === undefined) out[key] = zero();
    this.#struct = outer;
    return out;
  }

  #value(field: PlannedField, value: unknown, path: string, key: string, holder: object): unknown {
    switch (field.type) {
      case 'string':
        return this.#string(field, value, key, holder);
      case 'boolean':
        return typeof value === 'boolean' ? value : this.#mismatch(value, field.goType);
      case 'integer':
        return this.#integer(field, value, key, holder);
      case 'number':
        return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : this.#mismatch(value, field.goType);
      case 'ref':
      case 'object':
        if (typeof value !== 'object' || Array.isArray(value)) return this.#mismatch(value, field.goType, undefined, true);
        return this.struct(field.plan!(), (value ?? {}) as Record<string, unknown>, path === '' ? key : `${path}.${key}`);
      case 'array':
        return this.#array(field, value, path === '' ? key : `${path}.${key}`);
      case 'map':
        return this.#map(field, value, path === '' ? key : `${path}.${key}`);
      default:
        return value;
    }
  }

  #array(field: PlannedField, value: unknown, path: string): unknown {
    if (!Array.isArray(value)) return this.#mismatch(value, field.goType);
    const items = field.items!;
    const out: unknown[] = new Array(value.length);
    for (let at = 0; at < value.length; at++) {
      const item = value[at];
      const checked = item === null ? MISSING : this.#item(items, item, `${path}[${at}]`, String(at), value);
      out[at] = checked === MISSING ? items.zero() : checked;
    }
    return out;
  }

  #map(field: PlannedField, value: unknown, path: string): unknown {
    if (typeof value !== 'object' || Array.isArray(value)) return this.#mismatch(value, field.goType);
    const items = field.items!;
    const out: Record<string, unknown> = {};
    for (const key in value as object) {
      const item = (value as Record<string, unknown>)[key];
      const checked = item === null ? MISSING : this.#item(items, item, `${path}.${key}`, key, value as object);
      setKey(out, key, checked === MISSING ? (items.format === 'byte' ? '' : items.zero()) : checked);
    }
    return out;
  }

  /** An element's errors name the list's own struct and path. */
  #item(items: PlannedField, item: unknown, path: string, key: string, holder: object): unknown {
    if (items.type === 'ref' || items.type === 'object') {
      if (typeof item !== 'object' || Array.isArray(item)) return this.#mismatch(item, items.goType, undefined, true);
      return this.struct(items.plan!(), item as Record<string, unknown>, path);
    }
    if (items.type === 'array') return this.#array(items, item, path);
    if (items.type === 'map') return this.#map(items, item, path);
    return this.#value(items, item, path, key, holder);
  }

  #string(field: PlannedField, value: unknown, key: string, holder: object): unknown {
    switch (field.format) {
      case undefined:
        return typeof value === 'string' ? value : this.#mismatch(value, field.goType);
      case 'quantity':
        return this.#quantity(value, key, holder);
      case 'int-or-string':
        return this.#intOrString(value, key, holder);
      case 'date-time':
      case 'micro-time':
        return this.#time(field.format, value);
      case 'byte':
        return this.#bytes(value);
      default:
        return typeof value === 'string' ? value : this.#mismatch(value, 'string');
    }
  }

  #integer(field: PlannedField, value: unknown, key: string, holder: object): unknown {
    if (typeof value === 'bigint') return field.format === 'int32' ? this.#mismatch(value, field.goType, String(value)) : value;
    if (typeof value !== 'number') return this.#mismatch(value, field.goType);
    const written = this.#numbers?.get(holder)?.get(key);
    const fits = field.format === 'int32' ? value === (value | 0) : Number.isSafeInteger(value);
    if (!fits || (written !== undefined && /[.eE]/.test(written))) return this.#mismatch(value, field.goType, written ?? String(value));
    return Object.is(value, -0) ? 0 : value;
  }

  #intOrString(value: unknown, key: string, holder: object): unknown {
    if (typeof value === 'string') return value;
    const written = this.#numbers?.get(holder)?.get(key);
    if (typeof value === 'number' && value === (value | 0) && (written === undefined || !/[.eE]/.test(written))) return value;
    throw new DecodeError(
      this.#text(value, 'int32', typeof value === 'number' || typeof value === 'bigint' ? (written ?? String(value)) : undefined),
    );
  }

  #quantity(value: unknown, key: string, holder: object): unknown {
    const text =
      typeof value === 'string'
        ? value
        : typeof value === 'number'
          ? (this.#numbers?.get(holder)?.get(key) ?? value)
          : JSON.stringify(value);
    try {
      return canonicalQuantity(text);
    } catch (error) {
      throw new DecodeError((error as Error).message);
    }
  }

  #time(format: 'date-time' | 'micro-time', value: unknown): unknown {
    if (typeof value !== 'string') throw new DecodeError(this.#text(value, 'string'));
    try {
      return format === 'date-time' ? canonicalTime(value) : canonicalMicroTime(value);
    } catch (error) {
      throw new DecodeError((error as Error).message);
    }
  }

  #bytes(value: unknown): unknown {
    if (typeof value !== 'string') return this.#mismatch(value, '[]uint8');
    const wrong = badBase64(value);
    if (wrong < 0) return value.includes('\n') || value.includes('\r') ? value.replaceAll(/[\r\n]/g, '') : value;
    this.typeError ??= `illegal base64 data at input byte ${wrong}`;
    return MISSING;
  }

  #mismatch(value: unknown, goType: string, written?: string, struct = false): typeof MISSING {
    this.typeError ??= this.#converter ? converterText(value, goType, struct) : this.#text(value, goType, written);
    return MISSING;
  }

  #text(value: unknown, goType: string, written?: string): string {
    const found = Array.isArray(value)
      ? 'array'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value === 'bigint'
          ? 'number'
          : typeof value;
    const shown = written === undefined ? found : `${found} ${written}`;
    return `json: cannot unmarshal ${shown} into Go struct field ${this.#struct}.${this.#stack.join('.')} of type ${goType}`;
  }
}

/** As runtime.DefaultUnstructuredConverter says that a value does not fit. */
function converterText(value: unknown, goType: string, struct: boolean): string {
  const isFloat = typeof value === 'number' && !Number.isSafeInteger(value);
  const scalar = isFloat ? 'float64' : typeof value === 'boolean' ? 'bool' : typeof value === 'string' ? 'string' : 'int64';
  const [kind, type] = Array.isArray(value)
    ? ['slice', '[]interface {}']
    : typeof value === 'object'
      ? ['map', 'map[string]interface {}']
      : [scalar, scalar];
  if (struct) return `cannot restore struct from: ${kind}`;
  if (goType.startsWith('[]')) return `cannot restore slice from ${kind}`;
  if (goType.startsWith('map[')) return `cannot restore map from ${kind}`;
  const into = /^(u?int|float|bool)/.test(goType) ? goType : 'string';
  const convertible = (into === 'string' && kind.includes('64')) || (kind === 'float64' && into.startsWith('int'));
  return convertible ? `cannot convert ${type} to ${goType}` : `unrecognized type: ${into}`;
}

function isZero(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) {
    if (Array.isArray(value)) return value.length === 0;
    for (const _ in value) return false;
    return true;
  }
  return value === '' || value === 0 || value === false;
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Where Go's decoder finds the first wrong byte, -1 when the text is base64 (line ends are allowed). */
function badBase64(text: string): number {
  if (base64.test(text)) return -1;
  let place = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === '\n' || char === '\r') continue;
    if (/[A-Za-z0-9+/]/.test(char)) place = (place + 1) % 4;
    else return char === '=' ? badPadding(text, at, place) : at;
  }
  return place === 0 ? -1 : text.length - place;
}

/** `at` is the first padding, `place` how many characters of its quantum came before. */
function badPadding(text: string, at: number, place: number): number {
  if (place < 2) return at;
  let end = at + 1;
  if (place === 2) {
    while (text[end] === '\n' || text[end] === '\r') end++;
    if (text[end] !== '=') return end;
    end++;
  }
  while (text[end] === '\n' || text[end] === '\r') end++;
  return end < text.length ? end : -1;
}
