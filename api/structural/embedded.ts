// Resources inside of resources: their apiVersion, kind and metadata are held to the rules of any object's.
import { at, dns1035Label, index, invalidValue, type ObjectMeta, type Problem, required, validateObjectMeta } from '../meta/index.ts';
import { isObject, type Json, type JsonSchema, own, valuesSchema } from './schema.ts';

/** Calls `visit` for each embedded resource in the value. */
export function eachEmbedded(
  value: unknown,
  schema: JsonSchema | undefined,
  visit: (resource: Json, path: string) => void,
  path = '',
): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    value.forEach((item, i) => {
      eachEmbedded(item, schema.items, visit, index(path, i));
    });
  } else if (isObject(value)) {
    if (schema['x-kubernetes-embedded-resource']) visit(value, path);
    const values = valuesSchema(schema);
    for (const key of Object.keys(value)) {
      const field = own(schema.properties, key);
      if (field) eachEmbedded(value[key], field, visit, at(path, key));
      else if (values) eachEmbedded(value[key], values, visit, index(path, key));
    }
  }
}

export function validateEmbedded(value: unknown, schema: JsonSchema | undefined, path = ''): Problem[] {
  const problems: Problem[] = [];
  eachEmbedded(value, schema, (resource, where) => problems.push(...validateResource(resource, where)), path);
  return problems;
}

function validateResource(resource: Json, path: string): Problem[] {
  const { apiVersion, kind, metadata } = resource;
  const problems: Problem[] = [];
  if (!Object.hasOwn(resource, 'apiVersion')) problems.push(required(at(path, 'apiVersion')));
  if (!Object.hasOwn(resource, 'kind')) problems.push(required(at(path, 'kind')));
  if (Object.hasOwn(resource, 'apiVersion')) problems.push(...validateText(apiVersion, at(path, 'apiVersion'), groupVersionProblem));
  if (Object.hasOwn(resource, 'kind')) problems.push(...validateText(kind, at(path, 'kind'), kindProblem));
  if (isObject(metadata)) {
    const meta: ObjectMeta = { ...(metadata as ObjectMeta) };
    meta.name ||= 'fakename'; // it may be without
    problems.push(...validateObjectMeta(meta, Boolean(meta.namespace), 'path-segment', at(path, 'metadata')));
  }
  return problems;
}

function validateText(value: unknown, field: string, wrong: (text: string) => string | undefined): Problem[] {
  if (typeof value !== 'string') return [invalidValue(field, value, 'must be a string')];
  if (value === '') return [invalidValue(field, value, 'must not be empty')];
  const why = wrong(value);
  return why === undefined ? [] : [invalidValue(field, value, why)];
}

const groupVersionProblem = (text: string): string | undefined =>
  text.split('/').length > 2 ? `unexpected GroupVersion string: ${text}` : undefined;

function kindProblem(kind: string): string | undefined {
  const wrong = dns1035Label(kind.toLowerCase());
  return wrong.length ? `may have mixed case, but should otherwise match: ${wrong.join(',')}` : undefined;
}
