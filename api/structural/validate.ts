// A value against its schema, with the findings and texts of upstream's validator.
import { deepEqual, goQuote, index, invalidValue, notSupported, type Problem, required, tooLong, tooMany } from '../meta/index.ts';
import type { Correlation } from './correlation.ts';
import { isKnownFormat, stringFormat } from './formats.ts';
import { goRegExp } from './go-regexp.ts';
import { checkNumber, isInteger } from './numbers.ts';
import { hasAdditional, isObject, type Json, type JsonSchema, own, valuesSchema } from './schema.ts';

export interface ValidateOptions {
  /** The field that holds the value; '' for an object's root. */
  path?: string;
  /** On an update: findings about what it did not touch are dropped. */
  correlation?: Correlation | undefined;
}

/** All findings; a repeated one is told once. */
export function validateValue(value: unknown, schema: JsonSchema, { path = '', correlation }: ValidateOptions = {}): Problem[] {
  return new Validator(path).node(value, schema, '', correlation).problems;
}

/** What was found at one place and below. `matches` tells which of several failed alternatives was the nearest. */
class Findings {
  readonly problems: Problem[] = [];
  readonly #seen = new Set<string>();
  matches = 0;

  add(problem: Problem): void {
    const key = `${problem.field}\0${problem.message}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.problems.push(problem);
  }

  merge(other: Findings): void {
    for (const problem of other.problems) this.add(problem);
    this.matches += other.matches;
  }
}

/** Names of places are as upstream's validator writes them: below the root, a map's key has a dot before it, a field has none. */
class Validator {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  node(value: unknown, schema: JsonSchema, name: string, correlation: Correlation | undefined): Findings {
    const findings = this.#plain(value, schema, name, correlation);
    if (findings.problems.length === 0 || !correlation?.unchanged) return findings;
    const forgiven = new Findings();
    forgiven.matches = findings.matches;
    return forgiven;
  }

  #plain(value: unknown, schema: JsonSchema, name: string, correlation: Correlation | undefined): Findings {
    const findings = new Findings();
    const format = formatOf(schema);
    if (this.#type(value, schema, format, name, findings)) findings.matches++;
    if (value === null) {
      this.#enum(value, schema, name, findings);
      return findings;
    }
    this.#alternatives(value, schema, name, correlation, findings);
    findings.matches++;
    if (typeof value === 'string') this.#string(value, schema, format, name, findings);
    else if (typeof value === 'number' || typeof value === 'bigint') {
      this.#number(value, schema, format, name, findings);
      findings.matches++;
    } else if (Array.isArray(value)) {
      this.#array(value, schema, name, correlation, findings);
      findings.matches++;
    }
    this.#enum(value, schema, name, findings);
    if (isObject(value)) this.#object(value, schema, name, correlation, findings);
    return findings;
  }

  /** As a finding's field; the root is shown as Go's nil. */
  #field(name: string): string {
    const below = name.startsWith('.') ? name.slice(1) : name;
    if (below === '') return this.#base === '' ? '<nil>' : this.#base;
    return this.#base === '' ? below : `${this.#base}.${below}`;
  }

  #bad(name: string, value: unknown, text: string): Problem {
    return invalidValue(this.#field(name), value, `${name} in body ${text}`);
  }

  /** Findings that upstream gives no field. */
  #unplaced(text: string): Problem {
    return invalidValue(this.#field(''), '', text);
  }

  #wrongType(name: string, shown: string, wanted: string): Problem {
    const message = `Invalid value: ${goQuote(shown)}: ${name} in body must be of type ${wanted}: ${goQuote(shown)}`;
    return { field: this.#field(name), reason: 'FieldValueTypeInvalid', message };
  }

  /** Whether the type fits. */
  #type(value: unknown, schema: JsonSchema, format: string, name: string, findings: Findings): boolean {
    const types = typesOf(schema);
    if (types.length === 0 && format === '') return false;
    const found = typeOf(value);
    if (value === null) {
      if (types.length === 0 || schema.nullable) return true;
      findings.add(this.#wrongType(name, found, types.join(',')));
      return false;
    }
    const fits = types.includes(found) || (found === 'integer' && types.includes('number'));
    const listOrText = typeof value === 'string' || Array.isArray(value);
    if (format !== '' && !fits && !listOrText) {
      findings.add(this.#wrongType(name, found === 'integer' ? 'int64' : found === 'number' ? 'float64' : '', format));
      return false;
    }
    // Upstream leaves texts and lists to the check of their format, which lists do not have.
    if (format !== '' && listOrText && !types.includes('number') && !types.includes('integer')) return true;
    if (!fits) findings.add(this.#wrongType(name, found, types.join(',')));
    return fits;
  }

  #enum(value: unknown, schema: JsonSchema, name: string, findings: Findings): void {
    const { enum: allowed } = schema;
    if (!allowed?.length || (value !== null && allowed.some((one) => deepEqual(one, value)))) return;
    const shown = allowed.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
    findings.add(notSupported(this.#field(name), value, shown));
  }

  #number(value: number | bigint, schema: JsonSchema, format: string, name: string, findings: Findings): void {
    const { type, format: _, ...limits } = schema;
    const typed = schema['x-kubernetes-int-or-string'] || !type ? {} : { type, ...(format ? { format } : {}) };
    checkNumber(value, { ...limits, ...typed }, name, {
      about: (text) => findings.add(this.#bad(name, value, text)),
      whole: (text) => findings.add(invalidValue(this.#field(name), value, text)),
      unplaced: (text) => findings.add(this.#unplaced(text)),
    });
  }

  #string(value: string, schema: JsonSchema, format: string, name: string, findings: Findings): void {
    const { maxLength, minLength, pattern } = schema;
    const length = maxLength === undefined && minLength === undefined ? 0 : codePoints(value);
    if (maxLength !== undefined && length > maxLength) findings.add(tooLong(this.#field(name), maxLength));
    else if (minLength !== undefined && length < minLength)
      findings.add(this.#bad(name, value, `should be at least ${minLength} chars long`));
    else if (pattern && !goRegExp(pattern).test(value)) findings.add(this.#bad(name, value, `should match '${pattern}'`));
    if (format !== '' && stringFormat(format)?.(value) === false) findings.add(this.#wrongType(name, value, format));
  }

  #array(value: unknown[], schema: JsonSchema, name: string, correlation: Correlation | undefined, findings: Findings): void {
    const { items, minItems, maxItems, uniqueItems } = schema;
    const { length } = value;
    if (items) for (let i = 0; i < length; i++) findings.merge(this.node(value[i], items, index(name, i), correlation?.index(i)));
    if (minItems !== undefined && length < minItems) findings.add(this.#bad(name, length, `should have at least ${minItems} items`));
    if (maxItems !== undefined && length > maxItems) findings.add(tooMany(this.#field(name), length, maxItems));
    if (uniqueItems && value.some((item, i) => value.slice(0, i).some((other) => deepEqual(item, other))))
      findings.add(this.#bad(name, '', "shouldn't contain duplicates"));
  }

  #object(value: Json, schema: JsonSchema, name: string, correlation: Correlation | undefined, findings: Findings): void {
    const keys = Object.keys(value);
    const { minProperties, maxProperties, properties } = schema;
    if (minProperties !== undefined && keys.length < minProperties)
      findings.add(this.#bad(name, keys.length, `should have at least ${minProperties} properties`));
    if (maxProperties !== undefined && keys.length > maxProperties) findings.add(tooMany(this.#field(name), keys.length, maxProperties));
    const values = valuesSchema(schema);
    const closed = hasAdditional(schema) && schema.additionalProperties === false;
    for (const key of keys) {
      const field = own(properties, key);
      const place = field && name === '' ? key : `${name}.${key}`;
      const same = name === '' && (key === 'kind' || key === 'apiVersion') ? undefined : correlation?.key(key);
      if (field ?? values) findings.merge(this.node(value[key], (field ?? values)!, place, same));
      else if (closed) findings.add(invalidValue(this.#field(name), key, `${name}.${key} in body is a forbidden property`));
    }
    for (const key of schema.required ?? []) if (!Object.hasOwn(value, key)) findings.add(required(this.#field(`${name}.${key}`)));
  }

  #alternatives(value: unknown, schema: JsonSchema, name: string, correlation: Correlation | undefined, findings: Findings): void {
    const { anyOf, oneOf, allOf, not } = schema;
    // Of each alternative the fields are compared with their old values, the whole is not.
    const check = (one: JsonSchema): Findings => this.#plain(value, one, name, correlation);
    if (anyOf?.length) {
      const { best, valid } = this.#nearest(anyOf, check, true);
      if (valid === 0) findings.add(this.#unplaced(`"${name}" must validate at least one schema (anyOf)`));
      findings.merge(best);
    }
    if (oneOf?.length) {
      const { best, valid } = this.#nearest(oneOf, check, false);
      if (valid === 1) findings.merge(best);
      else {
        const why = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`;
        findings.add(this.#unplaced(`"${name}" must validate one and only one schema (oneOf). ${why}`));
        if (valid === 0) findings.merge(best);
      }
    }
    if (allOf?.length) {
      const all = allOf.map(check);
      const failed = all.filter((one) => one.problems.length > 0).length;
      for (const one of all) findings.merge(one);
      if (failed > 0)
        findings.add(this.#unplaced(`"${name}" must validate all the schemas (allOf)${failed === all.length ? '. None validated' : ''}`));
    }
    if (not && check(not).problems.length === 0) findings.add(this.#unplaced(`"${name}" must not validate the schema (not)`));
    findings.matches++;
  }

  /** The first that is valid, or of those that are not the one that came nearest. */
  #nearest(schemas: readonly JsonSchema[], check: (one: JsonSchema) => Findings, firstOnly: boolean): { best: Findings; valid: number } {
    let best: Findings | undefined;
    let valid = 0;
    for (const schema of schemas) {
      const found = check(schema);
      if (found.problems.length === 0) {
        if (valid++ === 0) best = found;
        if (firstOnly) break;
      } else if (valid === 0 && (best === undefined || found.matches > best.matches)) best = found;
    }
    return { best: best!, valid };
  }
}

const typesOf = (schema: JsonSchema): readonly string[] =>
  schema['x-kubernetes-int-or-string'] ? ['integer', 'string'] : schema.type ? [schema.type] : [];

/** '' when the format is none that is checked. */
function formatOf(schema: JsonSchema): string {
  const { format, type } = schema;
  if (!format) return '';
  return isKnownFormat(format, schema['x-kubernetes-int-or-string'] ? undefined : type) ? format : '';
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number' || typeof value === 'bigint') return isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function codePoints(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit < 0xdc00) {
      count--;
      i++;
    }
  }
  return count;
}
