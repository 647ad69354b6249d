// What an openAPIV3Schema of a CustomResourceDefinition may say, place by place, beyond being structural.
import { at, forbiddenField, index, invalidValue, notSupported, type Problem, required } from '../../meta/index.ts';
import { fieldPath, type JsonSchema, META_FIELDS, type ValidationRule, valuesSchema } from '../../structural/index.ts';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

/** Of JSON Schema, but not of what a server can prune by. */
const UNSUPPORTED = ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'];

interface PlaceRules {
  /** Why no default may stand here. */
  noDefault?: string;
  insideMeta?: boolean;
  /** Where a part begins whose old and new values cannot be told apart: no rule may compare them. */
  uncorrelated?: string;
}

/** Called after a place's own checks, children first: `sound` when neither it nor anything below is wrong so far. */
export type EachPlace = (schema: JsonSchema, path: string, rules: PlaceRules, sound: boolean) => void;

const isSet = (value: unknown): boolean => value !== undefined && value !== null;

/** `each` is not called for alternatives, whose rules are no rules of the object. */
export const validateSchema = (schema: JsonSchema, path: string, each: EachPlace): Problem[] => check(schema, path, {}, true, each);

function check(schema: JsonSchema, path: string, rules: PlaceRules, root: boolean, each: EachPlace | undefined): Problem[] {
  const problems = validatePlace(schema, path, rules);
  problems.push(...validateChildren(schema, path, rules, root, each));
  problems.push(...validateExtensions(schema, path), ...validateList(schema, path));
  (schema['x-kubernetes-validations'] ?? []).forEach((rule, i) => {
    problems.push(...validateRule(rule, schema, at(path, index('x-kubernetes-validations', i))));
  });
  each?.(schema, path, rules, problems.length === 0);
  return problems;
}

function validatePlace(schema: JsonSchema, path: string, rules: PlaceRules): Problem[] {
  const problems: Problem[] = [];
  if (schema.type && !TYPES.includes(schema.type)) problems.push(notSupported(at(path, 'type'), schema.type, TYPES));
  if (isSet(schema.default) && rules.noDefault) problems.push(forbiddenField(at(path, 'default'), `must not be set ${rules.noDefault}`));
  for (const name of UNSUPPORTED) {
    const value = (schema as Record<string, unknown>)[name];
    if (isSet(value) && value !== '') problems.push(forbiddenField(at(path, name), `${name} is not supported`));
  }
  if (schema.type === 'null') problems.push(forbiddenField(at(path, 'type'), 'type cannot be set to null, use nullable as an alternative'));
  if (Array.isArray(schema.items)) problems.push(forbiddenField(at(path, 'items'), 'items must be a schema object and not an array'));
  if (rules.insideMeta && schema['x-kubernetes-embedded-resource'])
    problems.push(forbiddenField(at(path, 'x-kubernetes-embedded-resource'), 'must not be used inside of resource meta'));
  if (schema.uniqueItems)
    problems.push(
      forbiddenField(at(path, 'uniqueItems'), 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'),
    );
  return problems;
}

function validateChildren(schema: JsonSchema, path: string, rules: PlaceRules, root: boolean, each: EachPlace | undefined): Problem[] {
  const problems: Problem[] = [];
  const { properties = {}, additionalProperties, items, not } = schema;
  if (isSet(additionalProperties)) {
    const where = at(path, 'additionalProperties');
    if (Object.keys(properties).length && additionalProperties !== true)
      problems.push(forbiddenField(where, 'additionalProperties and properties are mutual exclusive'));
    const values = valuesSchema(schema);
    const below = rules.insideMeta ? { ...rules, noDefault: 'inside additionalProperties applying to object metadata' } : rules;
    if (values) problems.push(...check(values, where, below, false, each));
  }
  for (const [name, property] of Object.entries(properties)) {
    let below = rules;
    if ((root || schema['x-kubernetes-embedded-resource']) && META_FIELDS.has(name))
      below = { ...rules, insideMeta: true, ...(root ? { noDefault: `in top-level ${name}` } : {}) };
    problems.push(...check(property, at(path, index('properties', name)), below, false, each));
  }
  if (not) problems.push(...check(not, at(path, 'not'), rules, false, undefined));
  for (const list of ['allOf', 'oneOf', 'anyOf'] as const)
    schema[list]?.forEach((part, i) => {
      problems.push(...check(part, at(path, index(list, i)), rules, false, undefined));
    });
  if (items && !Array.isArray(items)) {
    const correlated = schema['x-kubernetes-list-type'] === 'map' || rules.uncorrelated !== undefined;
    problems.push(...check(items, at(path, 'items'), correlated ? rules : { ...rules, uncorrelated: path }, false, each));
  }
  return problems;
}

function validateList(schema: JsonSchema, path: string): Problem[] {
  const { items, 'x-kubernetes-list-type': listType, 'x-kubernetes-list-map-keys': keys = [] } = schema;
  const problems: Problem[] = [];
  const typeField = at(path, 'x-kubernetes-list-type');
  if (isSet(listType) && schema.type !== 'array')
    problems.push(wrongType(schema, path, 'must be array if x-kubernetes-list-type is specified'));
  else if (listType === 'set' && items) problems.push(...validateSetItems(items, at(path, 'items')));
  if (isSet(listType) && !['atomic', 'set', 'map'].includes(listType!))
    problems.push(notSupported(typeField, listType, ['atomic', 'set', 'map']));
  if (keys.length && listType !== 'map') {
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
    problems.push(isSet(listType) ? invalidValue(typeField, listType, why) : required(typeField, why));
  }
  if (listType === 'map') problems.push(...validateMapList(schema, keys, path));
  return [...problems, ...validateMapKeys(schema, path)];
}

function wrongType({ type }: JsonSchema, path: string, why: string): Problem {
  return type ? invalidValue(at(path, 'type'), type, why) : required(at(path, 'type'), why);
}

function validateExtensions(schema: JsonSchema, path: string): Problem[] {
  const problems: Problem[] = [];
  const preserve = schema['x-kubernetes-preserve-unknown-fields'];
  if (preserve === false) problems.push(invalidValue(at(path, 'x-kubernetes-preserve-unknown-fields'), false, 'must be true or undefined'));
  const mapType = schema['x-kubernetes-map-type'];
  if (!isSet(mapType)) return problems;
  if (schema.type !== 'object') problems.push(wrongType(schema, path, 'must be object if x-kubernetes-map-type is specified'));
  if (mapType !== 'atomic' && mapType !== 'granular')
    problems.push(notSupported(at(path, 'x-kubernetes-map-type'), mapType, ['atomic', 'granular']));
  return problems;
}

function validateSetItems(items: JsonSchema, path: string): Problem[] {
  const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const { 'x-kubernetes-list-type': listType, 'x-kubernetes-map-type': mapType } = items;
  if (items.type === 'array' && isSet(listType) && listType !== 'atomic')
    return [invalidValue(at(path, 'x-kubernetes-list-type'), listType, why)];
  // Upstream shows the list's type here too.
  if (items.type === 'object' && mapType !== 'atomic') return [invalidValue(at(path, 'x-kubernetes-map-type'), listType ?? null, why)];
  return [];
}

function validateMapList({ items }: JsonSchema, keys: readonly string[], path: string): Problem[] {
  const problems: Problem[] = [];
  const field = at(path, 'x-kubernetes-list-map-keys');
  if (keys.length === 0) problems.push(required(field, 'must not be empty if x-kubernetes-list-type is map'));
  if (!items) return [...problems, required(at(path, 'items'), 'must have a schema if x-kubernetes-list-type is map')];
  if (items.type !== 'object')
    return [
      ...problems,
      invalidValue(at(path, 'items.type'), items.type ?? '', "must be object if parent array's x-kubernetes-list-type is map"),
    ];
  keys.forEach((key, i) => {
    const property = items.properties?.[key];
    if (!property) problems.push(invalidValue(field, keys, 'entries must all be names of item properties'));
    else if (property.type === 'array' || property.type === 'object') {
      const why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
      problems.push(invalidValue(at(path, `items.properties[${key}].type`), 'object', why));
    }
    if (keys.indexOf(key) < i) problems.push(invalidValue(field, keys, 'must not contain duplicate entries'));
  });
  return problems;
}

/** Keys of lists that are maps are always there; items of maps and sets are never null. */
function validateMapKeys({ items, 'x-kubernetes-list-type': listType, ...schema }: JsonSchema, path: string): Problem[] {
  if (!items || (listType !== 'map' && listType !== 'set')) return [];
  const problems: Problem[] = [];
  if (items.nullable)
    problems.push(forbiddenField(at(path, 'items.nullable'), `cannot be nullable when x-kubernetes-list-type is ${listType}`));
  if (listType === 'set') return problems;
  for (const key of schema['x-kubernetes-list-map-keys'] ?? []) {
    const property = items.properties?.[key];
    if (!property) continue;
    const where = at(path, `items.properties[${key}]`);
    if (!isSet(property.default) && !items.required?.includes(key)) {
      const why = 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property';
      problems.push(required(at(where, 'default'), why));
    }
    if (property.nullable)
      problems.push(forbiddenField(at(where, 'nullable'), 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable'));
  }
  return problems;
}

const hasLineBreak = (text: string): boolean => /[\n\r]/.test(text);

/** A rule's texts; the expressions themselves are compiled when all else is right. */
function validateRule(rule: ValidationRule, schema: JsonSchema, path: string): Problem[] {
  const problems: Problem[] = [];
  const { message = '', messageExpression = '', reason, fieldPath: place = '' } = rule;
  const expression = (rule.rule ?? '').trim();
  if (expression === '') problems.push(required(at(path, 'rule'), 'rule is not specified'));
  else if (message !== '' && message.trim() === '')
    problems.push(invalidValue(at(path, 'message'), message, 'must be non-empty if specified'));
  else if (hasLineBreak(message.trim())) problems.push(invalidValue(at(path, 'message'), message, 'must not contain line breaks'));
  else if (hasLineBreak(expression) && message.trim() === '')
    problems.push(required(at(path, 'message'), 'message must be specified if rule contains line breaks'));
  if (messageExpression !== '' && messageExpression.trim() === '')
    problems.push(required(at(path, 'messageExpression'), 'messageExpression must be non-empty if specified'));
  if (isSet(reason) && !REASONS.includes(reason!)) problems.push(notSupported(at(path, 'reason'), reason, REASONS));
  if (place === '') return problems;
  const field = at(path, 'fieldPath');
  if (place.trim() === '') problems.push(invalidValue(field, place, 'must be non-empty if specified'));
  if (hasLineBreak(place)) problems.push(invalidValue(field, place, 'must not contain line breaks'));
  if ('why' in fieldPath(place, schema)) problems.push(invalidValue(field, place, 'must be a valid path'));
  return problems;
}
