// Structural schemas: what an openAPIV3Schema of a CustomResourceDefinition must be so that objects can be pruned and defaulted.
import { at, forbiddenField, index, invalidValue, notSupported, type Problem, required } from '../../meta/index.ts';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

const isSet = (value: unknown): boolean => value !== undefined && value !== null;
const x = (name: string): string => `x-kubernetes-${name}`;

/** Of JSON Schema, but not of what a server can prune by. */
const unsupported = ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies'];

/** What the schema describes; named when its type is missing. */
type Place = 'root' | 'object fields' | 'array items';

/** `path` is where the schema stands. The root must be an object. */
export function validateStructural(schema: any, path: string, place: Place = 'root'): Problem[] {
  if (schema.$ref) return [forbiddenField(at(path, '$ref'), '$ref is not supported')];
  const problems: Problem[] = unsupported
    .filter((name) => isSet(schema[name]) && schema[name] !== '')
    .map((name) => forbiddenField(at(path, name), `${name} is not supported`));
  if (schema.uniqueItems === true) {
    const why = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    problems.push(forbiddenField(at(path, 'uniqueItems'), why));
  }
  problems.push(...validateType(schema, path, place), ...validateExtensions(schema, path), ...validateList(schema, path));
  problems.push(...validatePattern(schema, path), ...validateAlternatives(schema, path));
  problems.push(...validateChildren(schema, path));
  return problems;
}

function validateType(schema: any, path: string, place: Place): Problem[] {
  const root = place === 'root';
  const field = at(path, 'type');
  const { type } = schema;
  const typeless = schema[x('int-or-string')] === true || schema[x('preserve-unknown-fields')] === true;
  if (!type) {
    if (root) return [required(field, 'must not be empty at the root')];
    return typeless ? [] : [required(field, `must not be empty for specified ${place}`)];
  }
  if (!types.includes(type)) return [notSupported(field, type, types)];
  return root && type !== 'object' ? [invalidValue(field, type, 'must be object at the root')] : [];
}

function validateExtensions(schema: any, path: string): Problem[] {
  const problems: Problem[] = [];
  const preserve = schema[x('preserve-unknown-fields')];
  if (preserve === false) problems.push(invalidValue(at(path, x('preserve-unknown-fields')), false, 'must be true or undefined'));
  const mapType = schema[x('map-type')];
  if (isSet(mapType) && mapType !== 'atomic' && mapType !== 'granular') {
    problems.push(notSupported(at(path, x('map-type')), mapType, ['atomic', 'granular']));
  } else if (isSet(mapType) && schema.type !== 'object') {
    problems.push(invalidValue(at(path, 'type'), schema.type ?? '', 'must be object if x-kubernetes-map-type is specified'));
  }
  if (schema[x('embedded-resource')] === true) {
    if (Object.keys(schema.properties ?? {}).length === 0 && preserve !== true) {
      const why = 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
      problems.push(required(at(path, 'properties'), why));
    }
    if (schema.type !== 'object') {
      problems.push(invalidValue(at(path, 'type'), schema.type ?? '', 'must be object if x-kubernetes-embedded-resource is true'));
    }
  }
  return problems;
}

const scalars = ['boolean', 'integer', 'number', 'string'];

function validateList(schema: any, path: string): Problem[] {
  const listType = schema[x('list-type')];
  const keys: string[] = schema[x('list-map-keys')] ?? [];
  const problems: Problem[] = [];
  if (isSet(listType) && !['atomic', 'set', 'map'].includes(listType)) {
    return [notSupported(at(path, x('list-type')), listType, ['atomic', 'set', 'map'])];
  }
  if (isSet(listType) && schema.type !== 'array') {
    problems.push(invalidValue(at(path, 'type'), schema.type ?? '', 'must be array if x-kubernetes-list-type is specified'));
  }
  if (keys.length && listType !== 'map') {
    problems.push(required(at(path, x('list-type')), 'must be map if x-kubernetes-list-map-keys is non-empty'));
  }
  if (listType === 'set' && schema.items) problems.push(...validateSetItems(schema.items, at(path, 'items')));
  return listType === 'map' ? [...problems, ...validateMapList(schema, keys, path)] : problems;
}

function validateSetItems(items: any, path: string): Problem[] {
  if (items.nullable === true) return [forbiddenField(at(path, 'nullable'), 'cannot be nullable when x-kubernetes-list-type is set')];
  if (items.type === 'object' && items[x('map-type')] !== 'atomic') {
    const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
    return [invalidValue(at(path, x('map-type')), items[x('map-type')] ?? null, why)];
  }
  return [];
}

function validateMapList(schema: any, keys: string[], path: string): Problem[] {
  const problems: Problem[] = [];
  const field = at(path, x('list-map-keys'));
  if (keys.length === 0) problems.push(required(field, 'must not be empty if x-kubernetes-list-type is map'));
  const { items } = schema;
  if (!items) return [...problems, required(at(path, 'items'), 'must have a schema if x-kubernetes-list-type is map')];
  if (items.type !== 'object') {
    const why = "must be object if parent array's x-kubernetes-list-type is map";
    return [...problems, invalidValue(at(path, 'items.type'), items.type ?? '', why)];
  }
  for (const key of new Set(keys)) {
    const property = items.properties?.[key];
    if (!property) continue;
    const where = at(path, `items.properties[${key}]`);
    if (!isSet(property.default) && !(items.required ?? []).includes(key)) {
      const why = 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property';
      problems.push(required(at(where, 'default'), why));
    }
    if (!scalars.includes(property.type)) {
      problems.push(invalidValue(at(where, 'type'), 'object', "must be a scalar type if parent array's x-kubernetes-list-type is map"));
    }
  }
  if (keys.some((key) => !items.properties?.[key]))
    problems.push(invalidValue(field, keys, 'entries must all be names of item properties'));
  if (new Set(keys).size < keys.length) problems.push(invalidValue(field, keys, 'must not contain duplicate entries'));
  return problems;
}

/** A pattern of RE2. What JavaScript cannot read for other reasons than RE2 would is let through. */
function validatePattern({ pattern }: any, path: string): Problem[] {
  if (!pattern) return [];
  const wrong = (text: string): Problem[] => [
    invalidValue(at(path, 'pattern'), pattern, `must be a valid regular expression, but isn't: error parsing regexp: ${text}`),
  ];
  const look = /\(\?<?[=!]/.exec(pattern);
  if (look) return wrong(`invalid or unsupported Perl syntax: \`${look[0]}\``);
  try {
    new RegExp(
      pattern
        .replace(/\(\?[imsU-]+\)/g, '')
        .replace(/\(\?[imsU-]+:/g, '(?:')
        .replaceAll('(?P<', '(?<'),
    );
    return [];
  } catch (error) {
    return /Unterminated group/.test(String(error)) ? wrong(`missing closing ): \`${pattern}\``) : [];
  }
}

/** Alternatives may narrow values, not say anew what they are; but for the two types of an int-or-string. */
function validateAlternatives(schema: any, path: string): Problem[] {
  const problems: Problem[] = [];
  const check = (part: any, where: string, freeTypes: boolean): void => {
    if (part.type && !freeTypes) problems.push(forbiddenField(at(where, 'type'), 'must be empty to be structural'));
    if (isSet(part.default)) problems.push(forbiddenField(at(where, 'default'), 'must be undefined to be structural'));
    if (part.description) problems.push(forbiddenField(at(where, 'description'), 'must be empty to be structural'));
    if (part.nullable) problems.push(forbiddenField(at(where, 'nullable'), 'must be false to be structural'));
    if (part.title) problems.push(forbiddenField(at(where, 'title'), 'must be empty to be structural'));
  };
  for (const list of ['allOf', 'anyOf', 'oneOf']) {
    const parts: any[] = schema[list] ?? [];
    parts.forEach((part, i) => {
      check(part, at(path, index(list, i)), schema[x('int-or-string')] === true);
    });
  }
  if (schema.not) check(schema.not, at(path, 'not'), false);
  return problems;
}

function validateChildren(schema: any, path: string): Problem[] {
  const problems: Problem[] = [];
  const { properties, additionalProperties: additional, items } = schema;
  if (properties && Object.keys(properties).length && additional !== undefined && additional !== null) {
    problems.push(forbiddenField(at(path, 'additionalProperties'), 'additionalProperties and properties are mutual exclusive'));
  }
  for (const [name, property] of Object.entries(properties ?? {})) {
    problems.push(...validateStructural(property, at(path, index('properties', name)), 'object fields'));
  }
  if (typeof additional === 'object' && additional !== null) {
    problems.push(...validateStructural(additional, at(path, 'additionalProperties'), 'object fields'));
  }
  if (Array.isArray(items)) problems.push(forbiddenField(at(path, 'items'), 'items must be a schema object and not an array'));
  else if (items) problems.push(...validateStructural(items, at(path, 'items'), 'array items'));
  else if (schema.type === 'array') problems.push(required(at(path, 'items'), 'must be specified'));
  return problems;
}
