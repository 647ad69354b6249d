// Rules that the behaviours of several kinds share.
import {
  dns1123Subdomain,
  immutableText,
  invalidValue,
  negativeText,
  notSupported,
  type Problem,
  percent,
  regexHint,
  required,
  semanticEqual,
} from '../meta/index.ts';

/** Absent is fine: it is 0. */
export const nonNegative = (field: string, value: unknown): Problem[] =>
  (typeof value === 'number' || typeof value === 'bigint') && value < 0 ? [invalidValue(field, value, negativeText)] : [];

/** `nonNegative` of several members of one object. */
export const nonNegativeFields = (parent: any, path: string, names: readonly string[]): Problem[] =>
  names.flatMap((name) => nonNegative(`${path}.${name}`, parent?.[name]));

export const immutable = (field: string, value: unknown, old: unknown): Problem[] =>
  semanticEqual(value, old) ? [] : [invalidValue(field, value, immutableText)];

export const immutableFields = (object: any, old: any, path: string, names: readonly string[]): Problem[] =>
  names.flatMap((name) => immutable(path === '' ? name : `${path}.${name}`, object?.[name], old?.[name]));

export const oneOf = (field: string, value: unknown, allowed: readonly string[]): Problem[] =>
  allowed.includes(value as string) ? [] : [notSupported(field, value ?? '', allowed)];

export const texts = (field: string, value: unknown, wrong: readonly string[]): Problem[] =>
  wrong.map((text) => invalidValue(field, value, text));

/** An integer not below 0, or `5%`. */
export const intOrPercent = (field: string, value: unknown): Problem[] =>
  typeof value === 'string' ? texts(field, value, percent(value)) : nonNegative(field, value);

/** The number in `5` and in `5%`; 0 for anything else. */
export function intOrPercentNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? Number.parseInt(value, 10) || 0 : 0;
}

export const notMoreThan100Percent = (field: string, value: unknown): Problem[] =>
  typeof value === 'string' && /^[0-9]+%$/.test(value) && Number.parseInt(value, 10) > 100
    ? [invalidValue(field, value, 'must not be greater than 100%')]
    : [];

/** Sets each member that is absent (undefined or null) or, for texts, empty. */
export function setDefaults(target: any, values: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(values)) {
    if (target[name] === undefined || target[name] === null || (typeof value === 'string' && target[name] === '')) target[name] = value;
  }
}

/** A member that must be an object, made when it is absent. */
export function childOf(parent: any, name: string): any {
  if (typeof parent[name] !== 'object' || parent[name] === null) parent[name] = {};
  return parent[name];
}

/** Go's %v of a list of texts. */
export const goList = (items: readonly string[]): string => `[${items.join(' ')}]`;

/** `acme.io/foo` */
export function domainPrefixedPath(field: string, value: string): Problem[] {
  if (value === '') return [required(field)];
  const slash = value.indexOf('/');
  if (slash <= 0 || slash === value.length - 1) {
    return [invalidValue(field, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  }
  const [host, path] = [value.slice(0, slash), value.slice(slash + 1)];
  const problems = texts(field, host, dns1123Subdomain(host));
  if (!/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(path)) {
    problems.push(invalidValue(field, path, regexHint('Invalid path', "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+")));
  }
  return problems;
}
