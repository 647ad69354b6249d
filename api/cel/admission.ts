// Expressions of admission: policies' validations, mutations and variables, and match conditions of webhooks
// (apiserver/pkg/admission/plugin/cel). One environment for those that are stored and those that are run.
import { Environment, PER_CALL_LIMIT, type Program } from './environment.ts';
import { AUTHORIZER, RESOURCE_CHECK } from './library/authorizer.ts';
import { CelError, CompileError } from './problems.ts';
import { BOOL, DYN, formatType, INT, listOf, mapOf, STRING, sameType, structOf, TIMESTAMP, type Type } from './types.ts';
import { Custom, type Value } from './values.ts';

const struct = (name: string, fields: Readonly<Record<string, Type>>): Type =>
  structOf(`kubernetes.${name}`, new Map(Object.entries(fields)));
const TEXTS = listOf(STRING);
const LABELS = mapOf(STRING, STRING);

const KIND = struct('GroupVersionKind', { group: STRING, version: STRING, kind: STRING });
const RESOURCE = struct('GroupVersionResource', { group: STRING, version: STRING, resource: STRING });
const REQUEST = struct('AdmissionRequest', {
  kind: KIND,
  resource: RESOURCE,
  subResource: STRING,
  requestKind: KIND,
  requestResource: RESOURCE,
  requestSubResource: STRING,
  name: STRING,
  namespace: STRING,
  operation: STRING,
  userInfo: struct('UserInfo', { username: STRING, uid: STRING, groups: TEXTS, extra: mapOf(STRING, TEXTS) }),
  dryRun: BOOL,
  options: DYN,
});
const NAMESPACE = struct('Namespace', {
  metadata: struct('NamespaceMetadata', {
    name: STRING,
    generateName: STRING,
    namespace: STRING,
    labels: LABELS,
    annotations: LABELS,
    UID: STRING,
    creationTimestamp: TIMESTAMP,
    deletionGracePeriodSeconds: INT,
    deletionTimestamp: TIMESTAMP,
    generation: INT,
    resourceVersion: STRING,
    finalizers: TEXTS,
  }),
  spec: struct('NamespaceSpec', { finalizers: TEXTS }),
  status: struct('NamespaceStatus', {
    phase: STRING,
    conditions: listOf(
      struct('NamespaceCondition', { status: STRING, type: STRING, lastTransitionTime: TIMESTAMP, message: STRING, reason: STRING }),
    ),
  }),
});

export interface AdmissionScope {
  /** The policy has a paramKind. */
  readonly params?: boolean;
  readonly authorizer?: boolean;
  /** Expressions of mutations: `Object{...}`, `JSONPatch{...}`. */
  readonly mutation?: boolean;
  /** For type checks: what `object` and `oldObject` are known to be. */
  readonly objectType?: Type;
  readonly paramsType?: Type;
}

export function admissionEnvironment(scope: AdmissionScope): Environment {
  const object = scope.objectType ?? DYN;
  return new Environment({
    variables: {
      object,
      oldObject: object,
      namespaceObject: NAMESPACE,
      request: REQUEST,
      ...(scope.params ? { params: scope.paramsType ?? DYN } : {}),
      ...(scope.authorizer ? { authorizer: AUTHORIZER, 'authorizer.requestResource': RESOURCE_CHECK } : {}),
    },
    ...(scope.mutation ? { mutation: true } : {}),
  });
}

/** A compiled expression, or why it is none: `compilation failed: ...`, `must evaluate to bool but got int`. */
export interface Expression {
  readonly source: string;
  readonly program?: Program;
  readonly problem?: string;
}

/** `accepted`: types that it may evaluate to; any when absent. */
export function compileExpression(environment: Environment, source: string, accepted?: readonly Type[]): Expression {
  try {
    const program = environment.compile(source);
    if (!accepted || accepted.some((type) => sameType(type, program.type))) return { source, program };
    const actual = formatType(program.type);
    if (accepted.length === 1) return { source, problem: `must evaluate to ${shown(accepted[0]!)} but got ${actual}` };
    return { source, problem: `must evaluate to one of [${accepted.map(shown).join(' ')}] but got ${actual}` };
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return { source, problem: `compilation failed: ${error.message}` };
  }
}

const shown = (type: Type): string => (type.kind === 'null' ? type.name : formatType(type));

/** Variables of a policy, each visible to those after it; what failed to compile is dyn to the others. */
export class Composition {
  readonly expressions = new Map<string, Expression>();
  readonly #fields = new Map<string, Type>();
  readonly #type = structOf('kubernetes.variables', this.#fields);

  /** The environment with `variables`. */
  in(environment: Environment): Environment {
    return environment.with({ variables: this.#type });
  }

  /** `environment`: without `variables`. */
  add(environment: Environment, name: string, source: string): Expression {
    const expression = compileExpression(this.in(environment), source);
    this.expressions.set(name, expression);
    this.#fields.set(name, expression.program?.type ?? DYN);
    return expression;
  }
}

/** The budget of all expressions together is spent. */
export class OutOfBudget extends Error {
  constructor() {
    super('validation failed due to running out of cost budget, no further validation rules will be run');
  }
}

export type Result = { readonly value: Value; readonly error?: undefined } | { readonly value?: undefined; readonly error: string };

/** Evaluates expressions about one request within one budget; a variable is evaluated once, when it is first read. */
export class Evaluation {
  #left: number;
  readonly #bindings: Readonly<Record<string, Value>>;
  readonly #variables: Value;

  constructor(bindings: Readonly<Record<string, Value>>, variables: ReadonlyMap<string, Expression>, budget: number) {
    this.#bindings = bindings;
    this.#left = budget;
    this.#variables = new LazyVariables(variables, (program) => this.#run(program));
  }

  /** Throws {@link OutOfBudget}. */
  evaluate(expression: Expression): Result {
    if (!expression.program) return { error: `compilation error: ${expression.problem}` };
    const outcome = this.#run(expression.program);
    if (this.#left < 0) throw new OutOfBudget();
    return outcome.error
      ? { error: `expression '${expression.source}' resulted in error: ${outcome.error.message}` }
      : { value: outcome.value };
  }

  #run(program: Program) {
    const outcome = program.evaluate((name) => (name === 'variables' ? this.#variables : this.#bindings[name]), PER_CALL_LIMIT);
    this.#left -= outcome.cost;
    return outcome;
  }
}

class LazyVariables extends Custom {
  readonly type = structOf('kubernetes.variables');
  readonly #known = new Map<string, Value | CelError>();
  readonly #expressions: ReadonlyMap<string, Expression>;
  readonly #run: (program: Program) => ReturnType<Program['evaluate']>;

  constructor(expressions: ReadonlyMap<string, Expression>, run: (program: Program) => ReturnType<Program['evaluate']>) {
    super();
    this.#expressions = expressions;
    this.#run = run;
  }

  override field(name: string): Value | undefined {
    const expression = this.#expressions.get(name);
    if (!expression) return undefined;
    let value = this.#known.get(name);
    if (value === undefined) this.#known.set(name, (value = this.#evaluate(name, expression)));
    if (value instanceof CelError) throw value;
    return value;
  }

  #evaluate(name: string, { program, problem }: Expression): Value | CelError {
    if (!program) return new CelError(`composited variable ${JSON.stringify(name)} fails to compile: ${problem}`);
    const outcome = this.#run(program);
    return outcome.error
      ? new CelError(`composited variable ${JSON.stringify(name)} fails to evaluate: ${outcome.error.message}`)
      : outcome.value;
  }

  equals = (other: Custom): boolean => other === this;
}

/** Whether all conditions hold: one that is false decides, whatever errors others have. */
export function conditionsHold(
  conditions: readonly Expression[],
  evaluation: Evaluation,
): { readonly holds: boolean; readonly error?: string } {
  const errors: string[] = [];
  for (const condition of conditions) {
    const { value, error } = evaluation.evaluate(condition);
    if (value === false) return { holds: false };
    if (error !== undefined) errors.push(error);
  }
  if (errors.length === 0) return { holds: true };
  return { holds: false, error: errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]` };
}
