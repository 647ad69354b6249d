// A custom object against its schema, with the messages of upstream's validator.
import { deepEqual, goQuote, invalidValue, notSupported, type Problem, required, tooLong, tooMany } from '../../../api/meta/index.ts';
import { isObject, type JsonSchema, own, valuesSchema } from './json-schema.ts';

/** `path` is the field's, '' for the root. */
export function validateValue(value: unknown, schema: JsonSchema, path = ''): Problem[] {
  if (value === null && schema.nullable) return [];
  const wrong = typeProblem(value, schema, path);
  if (wrong)
    return typeof value === 'number' && schema.type === 'integer' && Math.abs(value) >= 2 ** 63
      ? [wrong, unplaced(`Checked value must be of type integer (default format) in ${path}`)]
      : [wrong];
  const problems: Problem[] = [];
  if (schema.enum && !schema.enum.some((one) => deepEqual(one, value)))
    problems.push(
      notSupported(
        path,
        value,
        schema.enum.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))),
      ),
    );
  if (typeof value === 'number' || typeof value === 'bigint') problems.push(...numberProblems(value, schema, path));
  else if (typeof value === 'string') problems.push(...stringProblems(value, schema, path));
  else if (Array.isArray(value)) problems.push(...arrayProblems(value, schema, path));
  else if (isObject(value)) problems.push(...objectProblems(value, schema, path));
  problems.push(...combined(value, schema, path));
  return problems;
}

const typeOf = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'array'
      : typeof value === 'number'
        ? Number.isSafeInteger(value)
          ? 'integer'
          : 'number'
        : typeof value === 'bigint'
          ? 'integer'
          : typeof value;

function typeProblem(value: unknown, schema: JsonSchema, path: string): Problem | undefined {
  const found = typeOf(value);
  const types = schema['x-kubernetes-int-or-string'] ? ['integer', 'string'] : schema.type ? [schema.type] : [];
  if (types.length === 0 || types.includes(found) || (found === 'integer' && types.includes('number'))) return undefined;
  return {
    field: path || '<nil>',
    reason: 'FieldValueTypeInvalid',
    message: `Invalid value: "${found}": ${path} in body must be of type ${types.join(',')}: "${found}"`,
  };
}

const bad = (path: string, value: unknown, text: string): Problem => invalidValue(path, value, `${path} in body ${text}`);
/** Findings that upstream gives no field. */
const unplaced = (text: string): Problem => ({ field: '<nil>', reason: 'FieldValueInvalid', message: `Invalid value: "": ${text}` });

function numberProblems(value: number | bigint, schema: JsonSchema, path: string): Problem[] {
  const problems: Problem[] = [];
  const { minimum, maximum, multipleOf } = schema;
  if (schema.format === 'int32' && (value > 2147483647 || value < -2147483648))
    problems.push(unplaced(`Checked value must be of type integer with format int32 in ${path}`));
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum))
    problems.push(
      bad(path, value, schema.exclusiveMaximum ? `should be less than ${maximum}` : `should be less than or equal to ${maximum}`),
    );
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum))
    problems.push(
      bad(path, value, schema.exclusiveMinimum ? `should be greater than ${minimum}` : `should be greater than or equal to ${minimum}`),
    );
  if (multipleOf !== undefined && !Number.isInteger(Number(value) / multipleOf))
    problems.push(bad(path, value, `should be a multiple of ${multipleOf}`));
  return problems;
}

const patterns = new Map<string, RegExp | undefined>();

function matches(value: string, pattern: string): boolean {
  if (!patterns.has(pattern)) {
    if (patterns.size > 1000) patterns.clear();
    patterns.set(pattern, compile(pattern));
  }
  return patterns.get(pattern)?.test(value) ?? true;
}

function compile(pattern: string): RegExp | undefined {
  for (const flags of ['u', '']) {
    try {
      return new RegExp(pattern, flags);
    } catch {
      // Go's dialect where JavaScript's strict one refuses
    }
  }
  return undefined;
}

function stringProblems(value: string, schema: JsonSchema, path: string): Problem[] {
  const problems: Problem[] = [];
  const length = [...value].length;
  if (schema.maxLength !== undefined && length > schema.maxLength) problems.push(tooLong(path, schema.maxLength));
  if (schema.minLength !== undefined && length < schema.minLength)
    problems.push(bad(path, value, `should be at least ${schema.minLength} chars long`));
  if (schema.pattern !== undefined && !matches(value, schema.pattern)) problems.push(bad(path, value, `should match '${schema.pattern}'`));
  const format = schema.format && formats[schema.format];
  if (format && !format(value)) problems.push(bad(path, value, `must be of type ${schema.format}: ${goQuote(value)}`));
  return problems;
}

const formats: Readonly<Record<string, (text: string) => boolean>> = {
  'date-time': (text) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.test(text) && !Number.isNaN(Date.parse(text)),
  date: (text) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)),
  ipv4: (text) => /^(\d{1,3}\.){3}\d{1,3}$/.test(text) && text.split('.').every((part) => Number(part) < 256),
  uuid: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text),
};

function arrayProblems(value: unknown[], schema: JsonSchema, path: string): Problem[] {
  const problems: Problem[] = [];
  if (schema.maxItems !== undefined && value.length > schema.maxItems) problems.push(tooMany(path, value.length, schema.maxItems));
  if (schema.minItems !== undefined && value.length < schema.minItems)
    problems.push(bad(path, value.length, `should have at least ${schema.minItems} items`));
  const { items } = schema;
  if (items) problems.push(...value.flatMap((item, i) => validateValue(item, items, `${path}[${i}]`)));
  if (problems.length === 0) problems.push(...duplicates(value, schema, path));
  return problems;
}

function duplicates(value: unknown[], schema: JsonSchema, path: string): Problem[] {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return [];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const seen = new Set<string>();
  return value.flatMap((item, i): Problem[] => {
    const key =
      type === 'set'
        ? item
        : Object.fromEntries(
            keys
              .filter((name) => isObject(item) && Object.hasOwn(item, name))
              .map((name) => [name, (item as Record<string, unknown>)[name]]),
          );
    const text = JSON.stringify(key);
    if (!seen.has(text)) {
      seen.add(text);
      return [];
    }
    return [
      {
        field: `${path}[${i}]`,
        reason: 'FieldValueDuplicate',
        message: `Duplicate value: ${typeof key === 'string' ? goQuote(key) : text}`,
      },
    ];
  });
}

const META = new Set(['apiVersion', 'kind', 'metadata']);

function objectProblems(value: Record<string, unknown>, schema: JsonSchema, path: string): Problem[] {
  const problems: Problem[] = [];
  const count = Object.keys(value).length;
  if (schema.minProperties !== undefined && count < schema.minProperties)
    problems.push(bad(path, count, `should have at least ${schema.minProperties} properties`));
  if (schema.maxProperties !== undefined && count > schema.maxProperties) problems.push(tooMany(path, count, schema.maxProperties));
  const below = (key: string) => (path === '' ? key : `${path}.${key}`);
  for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) problems.push(required(below(name)));
  const values = valuesSchema(schema);
  for (const key of Object.keys(value)) {
    const field = own(schema.properties, key) ?? values;
    if (field === undefined || (path === '' && META.has(key))) continue;
    problems.push(...validateValue(value[key], field, below(key)));
  }
  return problems;
}

function combined(value: unknown, schema: JsonSchema, path: string): Problem[] {
  const problems: Problem[] = [];
  const results = (schemas: readonly JsonSchema[]) => schemas.map((one) => validateValue(value, one, path));
  if (schema.anyOf && !schema['x-kubernetes-int-or-string']) {
    const all = results(schema.anyOf);
    if (all.every((found) => found.length > 0))
      problems.push(unplaced(`"${path}" must validate at least one schema (anyOf)`), ...(all[0] ?? []));
  }
  if (schema.oneOf) {
    const all = results(schema.oneOf);
    const valid = all.filter((found) => found.length === 0).length;
    if (valid !== 1) {
      const why = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`;
      problems.push(unplaced(`"${path}" must validate one and only one schema (oneOf). ${why}`), ...(valid === 0 ? (all[0] ?? []) : []));
    }
  }
  if (schema.allOf) {
    const all = results(schema.allOf);
    const failed = all.filter((found) => found.length > 0).length;
    if (failed > 0)
      problems.push(
        ...all.flat(),
        unplaced(`"${path}" must validate all the schemas (allOf)${failed === all.length ? '. None validated' : ''}`),
      );
  }
  if (schema.not && validateValue(value, schema.not, path).length === 0)
    problems.push(unplaced(`"${path}" must not validate the schema (not)`));
  return problems;
}
