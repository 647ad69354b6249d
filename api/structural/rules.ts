// CEL rules of a schema at work: every rule at every place where a value stands, within one budget.
import {
  CostLimitError,
  escapeName,
  Optional,
  type Outcome,
  RUNTIME_BUDGET,
  type SchemaType,
  schemaType,
  type Value,
} from '../cel/index.ts';
import { at, duplicate, index, invalidValue, type Problem } from '../meta/index.ts';
import { Correlation } from './correlation.ts';
import { type CompiledRule, compileRules } from './rule-compiler.ts';
import { isObject, type JsonSchema, own, someSchema, type ValidationRule, valuesSchema } from './schema.ts';

const MESSAGE_MAX_BYTES = 5 * 1024;
const EXHAUSTED = 'validation failed due to running out of cost budget, no further validation rules will be run';

export interface RuleFindings {
  problems: Problem[];
  /** What rules found in parts that an update did not touch. */
  warnings: string[];
  /** Below 0: it ran out. */
  remaining: number;
}

export interface RuleOptions {
  path?: string;
  correlation?: Correlation | undefined;
  budget?: number;
}

/** A schema place that has rules or has some below it. */
interface Place {
  schema: JsonSchema;
  type: SchemaType;
  rules: readonly CompiledRule[];
  usesOldSelf: boolean;
  items?: Place;
  values?: Place;
  properties?: Map<string, Place>;
}

/** Compiled when first asked, and kept. */
export class SchemaRules {
  readonly #schema: JsonSchema;
  readonly #root: boolean;
  /** There are none at all. */
  readonly none: boolean;
  #place: Place | undefined;

  /** `root`: of a whole object, whose kind, apiVersion and names rules may see. */
  constructor(schema: JsonSchema, root: boolean) {
    this.#schema = schema;
    this.#root = root;
    this.none = !someSchema(schema, (one) => (one['x-kubernetes-validations']?.length ?? 0) > 0);
  }

  /** `old` is undefined where there is nothing to compare with: rules about changes do not run there. */
  check(value: unknown, old: unknown, { path = '', correlation, budget = RUNTIME_BUDGET }: RuleOptions = {}): RuleFindings {
    const run = new Run(budget);
    if (!this.none) this.#place ??= placeOf(this.#schema, schemaType(this.#schema, this.#root));
    if (this.#place) run.visit(this.#place, value, old, path, { current: correlation, above: undefined });
    return { problems: run.problems, warnings: run.warnings, remaining: run.remaining };
  }
}

function placeOf(schema: JsonSchema, type: SchemaType | undefined): Place | undefined {
  if (type === undefined) return undefined; // no expression can see it, nor what is below
  const rules = schema['x-kubernetes-validations']?.length ? compileRules(schema['x-kubernetes-validations'], type, schema) : [];
  const items = schema.items && placeOf(schema.items, type.items);
  const valuesOf = valuesSchema(schema);
  const values = valuesOf && placeOf(valuesOf, type.items);
  const properties = new Map<string, Place>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const escaped = escapeName(name);
    const embedded = property['x-kubernetes-embedded-resource'] ?? false;
    const place = placeOf(property, escaped === undefined ? schemaType(property, embedded) : type.fields?.get(escaped));
    if (place) properties.set(name, place);
  }
  if (rules.length === 0 && !items && !values && properties.size === 0) return undefined;
  return {
    schema,
    type,
    rules,
    usesOldSelf: rules.some((rule) => rule.usesOldSelf),
    ...(items ? { items } : {}),
    ...(values ? { values } : {}),
    ...(properties.size ? { properties } : {}),
  };
}

/** Where a value stands in the update: its own correlation, or the nearest above that has one. */
interface Standing {
  current: Correlation | undefined;
  above: Correlation | undefined;
}

const below = ({ current, above }: Standing, next: (current: Correlation) => Correlation | undefined): Standing =>
  current === undefined ? { current, above } : { current: next(current), above: current };

const isUnchanged = ({ current, above }: Standing): boolean => (current ?? above)?.unchanged === true;

class Run {
  readonly problems: Problem[] = [];
  readonly warnings: string[] = [];
  remaining: number;

  constructor(budget: number) {
    this.remaining = budget;
  }

  visit(place: Place, value: unknown, old: unknown, path: string, standing: Standing): void {
    if (value === null || value === undefined || this.remaining < 0) return;
    if (place.rules.length) this.#runRules(place, value, old ?? undefined, path, standing);
    if (Array.isArray(value)) this.#visitItems(place, value, old, path, standing);
    else if (isObject(value)) this.#visitFields(place, value, old, path, standing);
  }

  #visitItems(place: Place, value: readonly unknown[], old: unknown, path: string, standing: Standing): void {
    if (!place.items) return;
    const pairs = new Correlation(value, old, place.schema);
    for (const [i, item] of value.entries()) {
      const next = below(standing, (current) => current.index(i));
      this.visit(place.items, item, pairs.oldItem(item), index(path, i), next);
    }
  }

  #visitFields(place: Place, value: Record<string, unknown>, old: unknown, path: string, standing: Standing): void {
    for (const key of Object.keys(value)) {
      const field = place.properties?.get(key);
      // Names that the schema gives as properties are no values of its map.
      const values = own(place.schema.properties, key) === undefined ? place.values : undefined;
      const next = field ?? values;
      if (!next) continue;
      const isMeta = standing.above === undefined && (key === 'apiVersion' || key === 'kind');
      const stands = isMeta ? { current: undefined, above: undefined } : below(standing, (current) => current.key(key));
      const oldValue = isObject(old) && Object.hasOwn(old, key) ? old[key] : undefined;
      this.visit(next, value[key], oldValue, field ? at(path, key) : index(path, key), stands);
    }
  }

  #runRules(place: Place, value: unknown, old: unknown, path: string, standing: Standing): void {
    const { type = '' } = place.schema;
    const field = path === '' ? '<nil>' : path;
    const invalid = (text: string): void => void this.problems.push(invalidValue(field, type, text));
    if (this.remaining <= 0) {
      invalid(EXHAUSTED);
      this.remaining = -1;
      return;
    }
    const bindings = bindingsOf(place, value, old);
    for (const compiled of place.rules) {
      const { rule, program, error } = compiled;
      if (error !== undefined) invalid(`rule compile error: ${error}`);
      if (!program || (compiled.usesOldSelf && old === undefined && !rule.optionalOldSelf)) continue;
      const outcome = program.evaluate(bindings(rule.optionalOldSelf === true));
      if (!this.#pay(outcome.cost)) {
        invalid(EXHAUSTED);
        return;
      }
      if (outcome.error) {
        if (!this.#tellError(outcome.error, rule, invalid)) return;
      } else if (outcome.value !== true && !this.#tellFailure(compiled, bindings(false), value, type, path, standing)) return;
    }
  }

  /** False when the budget is used up: nothing runs any more. */
  #pay(cost: number): boolean {
    if (cost > this.remaining) {
      this.remaining = -1;
      return false;
    }
    this.remaining -= cost;
    return true;
  }

  #tellError(error: Error, rule: ValidationRule, invalid: (text: string) => void): boolean {
    const { message } = error;
    if (error instanceof CostLimitError) {
      invalid(`'${message}': no further validation rules will be run due to call cost exceeds limit for rule: ${nameOf(rule)}`);
      this.remaining = -1;
      return false;
    }
    if (message.startsWith('no such overload'))
      invalid(`'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${nameOf(rule)}`);
    else invalid(`${message} evaluating rule: ${nameOf(rule)}`);
    return true;
  }

  #tellFailure(compiled: CompiledRule, bindings: Bindings, value: unknown, type: string, path: string, standing: Standing): boolean {
    const { rule } = compiled;
    const where = compiled.path === '' ? path : compiled.path.startsWith('[') ? path + compiled.path : at(path, compiled.path);
    const field = where === '' ? '<nil>' : where;
    const add = (problem: Problem): void => {
      if (!compiled.usesOldSelf && isUnchanged(standing)) this.warnings.push(`${problem.field}: ${problem.message}`);
      else this.problems.push(problem);
    };
    const made = this.#message(compiled, bindings);
    if (made !== undefined && 'fatal' in made) {
      add(invalidValue(field, type, made.fatal));
      this.remaining = -1;
      return false;
    }
    const detail = made?.text ?? (rule.message ? rule.message.trim() : `failed rule: ${nameOf(rule)}`);
    const shown = type === 'object' || type === 'array' ? undefined : { value };
    add(problemOf(field, shown, detail, rule.reason));
    return true;
  }

  /** Undefined: the expression gives no message that can be used. */
  #message({ rule, messageProgram }: CompiledRule, bindings: Bindings): { text: string } | { fatal: string } | undefined {
    if (!messageProgram) return undefined;
    const outcome: Outcome = messageProgram.evaluate(bindings);
    if (!this.#pay(outcome.cost))
      return { fatal: 'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run' };
    if (outcome.error instanceof CostLimitError) {
      const source = JSON.stringify(rule.messageExpression);
      return { fatal: `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${source}` };
    }
    if (outcome.error || typeof outcome.value !== 'string') return undefined;
    const text = outcome.value.trim();
    return text === '' || text.includes('\n') || Buffer.byteLength(text) > MESSAGE_MAX_BYTES ? undefined : { text };
  }
}

type Bindings = (name: string) => Value | undefined;

/** Values are made when they are asked for: a rule may never look at the old one. */
function bindingsOf({ type, usesOldSelf }: Place, value: unknown, old: unknown): (optional: boolean) => Bindings {
  let self: Value | undefined;
  let before: Value | undefined;
  const oldSelf = (): Value | undefined => (old === undefined ? undefined : (before ??= type.value(old)));
  return (optional) => (name) => {
    if (name === 'self') return (self ??= type.value(value));
    if (name !== 'oldSelf' || !usesOldSelf) return undefined;
    return optional ? (old === undefined ? Optional.NONE : new Optional(oldSelf())) : oldSelf();
  };
}

const nameOf = (rule: ValidationRule): string => (rule.message ? rule.message.trim() : rule.rule.trim());

/** `shown` is absent for objects and lists: they are not printed. */
function problemOf(field: string, shown: { value: unknown } | undefined, detail: string, reason: string | undefined): Problem {
  switch (reason) {
    case 'FieldValueForbidden':
      return { field, reason, message: `Forbidden: ${detail}` };
    case 'FieldValueRequired':
      return { field, reason, message: `Required value: ${detail}` };
    case 'FieldValueDuplicate':
      return shown ? duplicate(field, shown.value) : { field, reason, message: 'Duplicate value' };
    default:
      return shown ? invalidValue(field, shown.value, detail) : { field, reason: 'FieldValueInvalid', message: `Invalid value: ${detail}` };
  }
}
