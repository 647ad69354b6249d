// Findings of validation and their texts (field.Error of apimachinery).
import { goJson } from './json.ts';

/** One finding of validation; becomes a cause of a 422 (field.Error of apimachinery). */
export interface Problem {
  /** e.g. `spec.containers[0].name` */
  field: string;
  /** FieldValueRequired, FieldValueInvalid, FieldValueNotSupported, FieldValueForbidden, FieldValueDuplicate, FieldValueTooLong, FieldValueTypeInvalid, FieldValueTooMany, FieldValueNotFound, InternalError */
  reason: string;
  /** The cause's text, e.g. `Required value: name is required`. */
  message: string;
}

/** A value as upstream prints it in a finding: Go-quoted strings, plain numbers and booleans, JSON for the rest. */
function printValue(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  if (typeof value === 'string') return goQuote(value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  return goJson(value);
}

const escapes: Record<string, string> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\t': '\\t',
  '\r': '\\r',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\v': '\\v',
};

/** Go's %q: JSON's quotes, but other letters for control characters and no escapes for printable Unicode. */
export function goQuote(text: string): string {
  let quoted = '"';
  for (const char of text) {
    const code = char.codePointAt(0)!;
    const escaped = escapes[char];
    if (escaped !== undefined) quoted += escaped;
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (code >= 0x80 && code < 0xa1) quoted += `\\u${code.toString(16).padStart(4, '0')}`;
    else quoted += char;
  }
  return `${quoted}"`;
}

const withDetail = (head: string, detail: string): string => (detail ? `${head}: ${detail}` : head);

export const required = (field: string, detail = ''): Problem => ({
  field,
  reason: 'FieldValueRequired',
  message: withDetail('Required value', detail),
});

export const invalidValue = (field: string, value: unknown, detail: string): Problem => ({
  field,
  reason: 'FieldValueInvalid',
  message: withDetail(`Invalid value: ${printValue(value)}`, detail),
});

/** `supported` in the order in which it is to be shown. */
export const notSupported = (field: string, value: unknown, supported: readonly string[]): Problem => ({
  field,
  reason: 'FieldValueNotSupported',
  message: withDetail(
    `Unsupported value: ${printValue(value)}`,
    supported.length ? `supported values: ${supported.map(goQuote).join(', ')}` : '',
  ),
});

export const forbiddenField = (field: string, detail: string): Problem => ({
  field,
  reason: 'FieldValueForbidden',
  message: withDetail('Forbidden', detail),
});

export const duplicate = (field: string, value: unknown): Problem => ({
  field,
  reason: 'FieldValueDuplicate',
  message: `Duplicate value: ${printValue(value)}`,
});

export const notFoundValue = (field: string, value: unknown): Problem => ({
  field,
  reason: 'FieldValueNotFound',
  message: `Not found: ${printValue(value)}`,
});

/** The value is not shown, on purpose. `maxBytes` < 0: no figure. */
export const tooLong = (field: string, maxBytes: number): Problem => ({
  field,
  reason: 'FieldValueTooLong',
  message: withDetail(
    'Too long',
    maxBytes >= 0 ? `may not be more than ${maxBytes} ${maxBytes === 1 ? 'byte' : 'bytes'}` : 'value is too long',
  ),
});

export const tooMany = (field: string, actual: number, max: number): Problem => ({
  field,
  reason: 'FieldValueTooMany',
  message: withDetail(
    actual >= 0 ? `Too many: ${actual}` : 'Too many',
    max >= 0 ? `must have at most ${max} ${max === 1 ? 'item' : 'items'}` : 'has too many items',
  ),
});

export const immutableText = 'field is immutable';

/** A path below another: `join('', 'spec')` is `spec`. */
export const at = (parent: string, child: string): string => (parent === '' ? child : `${parent}.${child}`);
/** An element: `spec.ports[2]`, or by key: `data[a.b]`. */
export const index = (parent: string, key: number | string): string => `${parent}[${key}]`;
