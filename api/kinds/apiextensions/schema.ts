// The schema of one version: structural, with defaults that fit it, with rules that compile.
import { at, deepCopy, deepEqual, forbiddenField, index, invalidValue, type Problem } from '../../meta/index.ts';
import { type JsonSchema, META_FIELDS, pruneValue, someSchema, validateEmbedded, validateValue } from '../../structural/index.ts';
import { innerSchema, ROOT_FIELDS, spokenFields } from './inner-form.ts';
import { validateSchema } from './openapi-schema.ts';
import { RuleChecker } from './rules.ts';
import { validateStructural } from './structural.ts';

/** `path` is that of the CustomResourceValidation which holds the schema. */
export function validateOpenApi(schema: JsonSchema, path: string, hasStatus: boolean): Problem[] {
  const where = at(path, 'openAPIV3Schema');
  const problems = hasStatus ? validateStatusRoot(schema, where) : [];
  if (schema.nullable) problems.push(forbiddenField(at(where, 'nullable'), 'nullable cannot be true at the root'));
  const structure = isReadable(schema) ? structureProblems(schema, where) : [];
  problems.push(...structure);
  const rules = new RuleChecker(schema);
  const mayCompile = structure.length === 0;
  problems.push(
    ...validateSchema(schema, where, (one, place, { uncorrelated }, sound) => {
      if (mayCompile && sound) rules.check(one, place, uncorrelated);
    }),
  );
  return [...problems, ...rules.finish(where)];
}

/** Only what could be found again under `status` alone. */
function validateStatusRoot(schema: JsonSchema, path: string): Problem[] {
  for (const name of spokenFields(schema)) {
    if (name === 'Type' && schema.type !== 'object') {
      const why = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
      return [invalidValue(at(path, 'type'), schema.type, why)];
    }
    if (!ROOT_FIELDS.includes(name)) {
      const why = `only [${ROOT_FIELDS.join(' ')}] fields are allowed at the root of the schema if the status subresource is enabled`;
      return [invalidValue(path, innerSchema(schema), why)];
    }
  }
  return [];
}

const UNREADABLE = ['id', '$ref', 'additionalItems', 'patternProperties', 'definitions', 'dependencies'];

/** What makes a structure of it impossible is told by the check of its places. */
const isReadable = (schema: JsonSchema): boolean =>
  !someSchema(schema, (one) => Array.isArray(one.items) || UNREADABLE.some((name) => (one as Record<string, unknown>)[name] !== undefined));

function structureProblems(schema: JsonSchema, path: string): Problem[] {
  const problems = validateStructural(schema, path);
  return problems.length ? problems : validateDefaults({ ...schema, 'x-kubernetes-embedded-resource': true }, path, false);
}

/** Defaults are pruned, and valid by themselves. */
function validateDefaults(schema: JsonSchema, path: string, insideMeta: boolean): Problem[] {
  const problems: Problem[] = [];
  const inside = insideMeta && !schema['x-kubernetes-embedded-resource'];
  if (schema.default !== undefined && schema.default !== null) problems.push(...validateDefault(schema, at(path, 'default'), inside));
  if (schema.items) problems.push(...validateDefaults(schema.items, at(path, 'items'), inside));
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const ofMeta = inside || (schema['x-kubernetes-embedded-resource'] === true && META_FIELDS.has(name));
    problems.push(...validateDefaults(property, at(path, index('properties', name)), ofMeta));
  }
  return problems;
}

function validateDefault(schema: JsonSchema, path: string, insideMeta: boolean): Problem[] {
  const problems: Problem[] = [];
  if (!insideMeta) {
    const pruned = deepCopy(schema.default);
    pruneValue(pruned, schema);
    if (!deepEqual(pruned, schema.default)) problems.push(invalidValue(path, schema.default, 'must not have unknown fields'));
    const embedded = validateEmbedded(schema.default, schema, path);
    if (embedded.length) return [...problems, ...embedded];
  }
  const wrong = validateValue(schema.default, schema, { path });
  return [...problems, ...(wrong.length ? wrong : RuleChecker.ofDefault(schema, path))];
}
