// CEL rules of a schema, compiled when it comes in: their types, their cost, and what they compare.
import { schemaType } from '../../cel/index.ts';
import { at, forbiddenField, index, invalidValue, type Problem } from '../../meta/index.ts';
import { type CompiledRule, compileRules, estimatedCosts, type JsonSchema, SchemaRules, valuesSchema } from '../../structural/index.ts';
import { innerRule } from './inner-form.ts';

/** Limits of one expression, and of all of a schema. */
const RULE_COST_MAX = 10_000_000;
const SCHEMA_COST_MAX = 100_000_000;
/** A schema that sets no limits is taken to be as large as a request may be. */
const REQUEST_MAX = 3 * 1024 * 1024;
const UINT64_MAX = 2 ** 64;

interface Cost {
  path: string;
  cost: number;
}

/** Goes through a schema's places, and tells at the end what all of them cost together. */
export class RuleChecker {
  readonly #root: JsonSchema;
  readonly #problems: Problem[] = [];
  readonly #expensive: Cost[] = [];
  readonly #cardinalities = new Map<JsonSchema, number | undefined>();
  #total = 0;

  constructor(root: JsonSchema) {
    this.#root = root;
    this.#count(root, 1);
  }

  /** `uncorrelated`: the path of the part in which old values cannot be found again. */
  check(schema: JsonSchema, path: string, uncorrelated: string | undefined): void {
    const rules = schema['x-kubernetes-validations'] ?? [];
    if (rules.length === 0) return;
    const where = at(path, 'x-kubernetes-validations');
    const type = schemaType(schema, schema === this.#root || schema['x-kubernetes-embedded-resource'] === true);
    if (type === undefined) {
      const why =
        'internal error: failed to construct type information for x-kubernetes-validations rules: unable to convert structural schema to CEL declarations';
      this.#problems.push({ field: where, reason: 'InternalError', message: `Internal error: ${why}` });
      return;
    }
    const times = this.#cardinalities.get(schema) ?? Math.floor(REQUEST_MAX / (type.minSize + 1));
    compileRules(rules, type, schema).forEach((compiled, i) => {
      const costs = estimatedCosts(compiled, type);
      this.#checkRule(compiled, index(where, i), { rule: Math.min(costs.rule * times, UINT64_MAX), message: costs.message }, uncorrelated);
    });
  }

  #checkRule(compiled: CompiledRule, path: string, costs: { rule: number; message: number }, uncorrelated: string | undefined): void {
    const { rule, error, messageError, usesOldSelf } = compiled;
    const field = at(path, 'rule');
    this.#weigh(field, 'estimated rule cost', costs.rule);
    if (error !== undefined) this.#problems.push(invalidValue(field, innerRule(rule), error));
    const messageField = at(path, 'messageExpression');
    if (messageError !== undefined) this.#problems.push(invalidValue(messageField, innerRule(rule), messageError));
    else if (compiled.messageProgram) this.#weigh(messageField, 'estimated messageExpression cost', costs.message);
    if (usesOldSelf && uncorrelated !== undefined) {
      const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`;
      this.#problems.push(invalidValue(field, rule.rule, why));
    } else if (!usesOldSelf && rule.optionalOldSelf !== undefined && rule.optionalOldSelf !== null)
      this.#problems.push(invalidValue(at(path, 'optionalOldSelf'), rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'));
  }

  #weigh(field: string, what: string, cost: number): void {
    if (cost > RULE_COST_MAX) this.#problems.push(forbiddenField(field, overBudget(what, cost, RULE_COST_MAX)));
    this.#total = Math.min(this.#total + cost, UINT64_MAX);
    if (cost >= SCHEMA_COST_MAX / 100) this.#expensive.push({ path: field, cost });
  }

  /** All findings. `path` is the schema's. */
  finish(path: string): Problem[] {
    if (this.#total <= SCHEMA_COST_MAX) return this.#problems;
    const most = this.#expensive.toSorted((a, b) => b.cost - a.cost).slice(0, 4);
    const whole = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
    return [
      ...this.#problems,
      ...most.map((one) =>
        forbiddenField(one.path, 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema'),
      ),
      forbiddenField(path, overBudget(whole, this.#total, SCHEMA_COST_MAX)),
    ];
  }

  /** How often each place may stand in one object; undefined where the schema sets no limit. */
  #count(schema: JsonSchema, times: number | undefined): void {
    this.#cardinalities.set(schema, times);
    const most = maxElements(schema);
    const below = times === undefined || most === undefined ? undefined : Math.min(times * most, UINT64_MAX);
    for (const property of Object.values(schema.properties ?? {})) this.#count(property, below);
    const values = valuesSchema(schema);
    if (values) this.#count(values, below);
    if (schema.items && !Array.isArray(schema.items)) this.#count(schema.items, below);
  }

  /** A default keeps the rules of its place: beside itself, and where nothing was before. */
  static ofDefault(schema: JsonSchema, path: string): Problem[] {
    const rules = new SchemaRules(schema, schema['x-kubernetes-embedded-resource'] === true);
    const { problems } = rules.check(schema.default, schema.default, { path });
    return problems.length ? problems : rules.check(schema.default, undefined, { path }).problems;
  }
}

function maxElements(schema: JsonSchema): number | undefined {
  if (schema.type === 'array') return schema.maxItems === undefined ? undefined : Math.max(0, schema.maxItems);
  if (schema.type === 'object' && schema.additionalProperties !== undefined && schema.additionalProperties !== null)
    return schema.maxProperties === undefined ? undefined : Math.max(0, schema.maxProperties);
  return 1;
}

function overBudget(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const shown = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
