// Structural schemas: what an openAPIV3Schema of a CustomResourceDefinition must be so that objects can be pruned and defaulted.
import { at, deepEqual, forbiddenField, index, invalidValue, type Problem, required } from '../../meta/index.ts';
import { GoRegExpError, goRegExp, type JsonSchema, valuesSchema } from '../../structural/index.ts';

/** What a schema describes; named when its type is missing. */
type Level = 'root' | 'array items' | 'object fields';

const INT_OR_STRING = [{ type: 'integer' }, { type: 'string' }];
const isSet = (value: unknown): boolean => value !== undefined && value !== null;

/** Findings in upstream's order, that of their texts. */
export function validateStructural(schema: JsonSchema, path: string): Problem[] {
  const problems = [...validateLevel(schema, 'root', path), ...validateCompleteness(schema, schema, path, path)];
  const text = ({ field, message }: Problem): string => `${field}: ${message}`;
  return problems.sort((a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0));
}

function validateLevel(schema: JsonSchema, level: Level, path: string): Problem[] {
  const problems: Problem[] = [];
  const { items, properties = {}, additionalProperties } = schema;
  if (items) problems.push(...validateLevel(items, 'array items', at(path, 'items')));
  else if (schema.type === 'array') problems.push(required(at(path, 'items'), 'must be specified'));
  for (const [name, property] of Object.entries(properties))
    problems.push(...validateLevel(property, 'object fields', at(path, index('properties', name))));
  if (isSet(additionalProperties)) {
    const where = at(path, 'additionalProperties');
    if (level === 'root') problems.push(forbiddenField(where, 'must not be used at the root'));
    const values = valuesSchema(schema);
    if (values) problems.push(...validateLevel(values, 'object fields', where));
  }
  problems.push(...validateIntOrString(schema, path));
  problems.push(
    ...validateValues(schema, path, { skipAnyOf: isIntOrStringList(schema.anyOf), skipAllOf: isIntOrStringList(schema.allOf?.[0]?.anyOf) }),
  );
  problems.push(...validateType(schema, level, path));
  return [...problems, ...validateMetaFields(schema, level, path)];
}

const isIntOrStringList = (anyOf: JsonSchema[] | undefined): boolean => deepEqual(anyOf, INT_OR_STRING);

function validateIntOrString(schema: JsonSchema, path: string): Problem[] {
  if (!schema['x-kubernetes-int-or-string']) return [];
  return (['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const).flatMap((name) =>
    schema[name] ? [invalidValue(at(path, name), true, 'must be false if x-kubernetes-int-or-string is true')] : [],
  );
}

function validateType(schema: JsonSchema, level: Level, path: string): Problem[] {
  const { type } = schema;
  const field = at(path, 'type');
  const problems: Problem[] = [];
  if (schema['x-kubernetes-embedded-resource']) {
    const why = 'must be object if x-kubernetes-embedded-resource is true';
    if (!type) problems.push(required(field, why));
    else if (type !== 'object') problems.push(invalidValue(field, type, why));
    if (isSet(schema.additionalProperties))
      problems.push(forbiddenField(at(path, 'additionalProperties'), 'must not be used if x-kubernetes-embedded-resource is set'));
    if (!schema['x-kubernetes-preserve-unknown-fields'] && Object.keys(schema.properties ?? {}).length === 0)
      problems.push(
        required(
          at(path, 'properties'),
          'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
        ),
      );
  } else if (!type && !schema['x-kubernetes-int-or-string'] && !schema['x-kubernetes-preserve-unknown-fields'])
    problems.push(required(field, level === 'root' ? 'must not be empty at the root' : `must not be empty for specified ${level}`));
  if (level === 'root' && type && type !== 'object') problems.push(invalidValue(field, type, 'must be object at the root'));
  return problems;
}

/** What a schema may say of apiVersion, kind and metadata, which are there anyway. */
function validateMetaFields(schema: JsonSchema, level: Level, path: string): Problem[] {
  const { kind, apiVersion, metadata } = schema.properties ?? {};
  const isResource = level === 'root' || schema['x-kubernetes-embedded-resource'] === true;
  const where = (name: string): string => at(path, index('properties', name));
  const problems: Problem[] = [];
  if (!isResource) return problems;
  if (kind && kind.type !== 'string') problems.push(invalidValue(at(where('kind'), 'type'), kind.type ?? '', 'must be string'));
  if (apiVersion && apiVersion.type !== 'string')
    problems.push(invalidValue(at(where('apiVersion'), 'type'), apiVersion.type ?? '', 'must be string'));
  if (metadata && metadata.type !== 'object')
    problems.push(invalidValue(at(where('metadata'), 'type'), metadata.type ?? '', 'must be object'));
  if (level === 'root' && metadata && !restrictsNamesOnly(metadata)) {
    const why = 'must not specify anything other than name and generateName, but metadata is implicitly specified';
    problems.push(forbiddenField(where('metadata'), why));
  }
  return problems;
}

function restrictsNamesOnly({ properties = {}, type: _, default: __, ...rest }: JsonSchema): boolean {
  const names = Object.keys(properties);
  const onlyNames = names.every((name) => name === 'name' || name === 'generateName');
  return onlyNames && Object.values(rest).every((value) => !isSet(value) || value === '' || value === false);
}

interface Skip {
  skipAnyOf?: boolean;
  skipAllOf?: boolean;
}

/** Alternatives, and the pattern. The two types of an int-or-string may be told in an anyOf. */
function validateValues(schema: JsonSchema, path: string, { skipAnyOf = false, skipAllOf = false }: Skip): Problem[] {
  const { anyOf = [], allOf = [], oneOf = [], not, pattern } = schema;
  const nested = (list: string, parts: JsonSchema[], skipFirst = false): Problem[] =>
    parts.flatMap((part, i) => validateNested(part, at(path, index(list, i)), skipFirst && i === 0));
  return [
    ...(skipAnyOf ? [] : nested('anyOf', anyOf)),
    ...nested('allOf', allOf, skipAllOf),
    ...nested('oneOf', oneOf),
    ...(not ? validateNested(not, at(path, 'not'), false) : []),
    ...(pattern ? validatePattern(pattern, path) : []),
  ];
}

function validatePattern(pattern: string, path: string): Problem[] {
  try {
    goRegExp(pattern);
    return [];
  } catch (error) {
    if (!(error instanceof GoRegExpError)) throw error;
    return [
      invalidValue(at(path, 'pattern'), pattern, `must be a valid regular expression, but isn't: error parsing regexp: ${error.message}`),
    ];
  }
}

/** What alternatives may not say: they narrow values, and do not say anew what they are. */
const FORBIDDEN: readonly [keyof JsonSchema, string][] = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
];

/** Zero values of texts, booleans and lists are none; of what upstream keeps as a pointer they are some. */
function says(schema: JsonSchema, name: keyof JsonSchema): boolean {
  const value = schema[name];
  if (['additionalProperties', 'default', 'x-kubernetes-list-type', 'x-kubernetes-map-type'].includes(name)) return isSet(value);
  return isSet(value) && value !== '' && value !== false && !(Array.isArray(value) && value.length === 0);
}

function validateNested(schema: JsonSchema, path: string, skipAnyOf: boolean): Problem[] {
  const problems = validateValues(schema, path, { skipAnyOf });
  if (schema.items) problems.push(...validateNested(schema.items, at(path, 'items'), false));
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    problems.push(...validateNested(property, at(path, index('properties', name)), false));
  for (const [name, why] of FORBIDDEN) if (says(schema, name)) problems.push(forbiddenField(at(path, name), why));
  if (Object.hasOwn(schema.properties ?? {}, 'metadata'))
    problems.push(forbiddenField(at(path, index('properties', 'metadata')), 'must not be specified in a nested context'));
  return problems;
}

/** Whatever an alternative narrows must stand in the schema itself. */
function validateCompleteness(values: JsonSchema, schema: JsonSchema, path: string, where: string): Problem[] {
  const { allOf = [], anyOf = [], oneOf = [], not } = values;
  const parts: [JsonSchema, string][] = [
    ...(not ? ([[not, at(where, 'not')]] as [JsonSchema, string][]) : []),
    ...[...Object.entries({ allOf, anyOf, oneOf })].flatMap(([name, list]) =>
      list.map((part, i): [JsonSchema, string] => [part, at(where, index(name, i))]),
    ),
  ];
  return parts.flatMap(([part, place]) => validateNestedCompleteness(part, schema, path, place));
}

function validateNestedCompleteness(values: JsonSchema, schema: JsonSchema | undefined, path: string, where: string): Problem[] {
  if (schema === undefined) return [required(path, `because it is defined in ${where}`)];
  const problems = validateCompleteness(values, schema, path, where);
  if (values.items) problems.push(...validateNestedCompleteness(values.items, schema.items, at(path, 'items'), at(where, 'items')));
  for (const [name, property] of Object.entries(values.properties ?? {})) {
    const part = index('properties', name);
    const known = schema.properties !== undefined && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    problems.push(...validateNestedCompleteness(property, known, at(path, part), at(where, part)));
  }
  return problems;
}
