// What an expression may name, and what compiling gives: a program with a type, a cost estimate and an evaluation.
import type { Expr } from './ast.ts';
import { check, type Scope } from './check.ts';
import type { Overload } from './declarations.ts';
import { estimateCost, type PromisedSize } from './estimate.ts';
import { type Bindings, plan, type Run } from './evaluate.ts';
import { authorizers } from './library/authorizer.ts';
import { formats } from './library/format.ts';
import { jsonPatches, mutationType } from './library/json-patch.ts';
import { lists } from './library/lists.ts';
import { addresses } from './library/net.ts';
import { operators } from './library/operators.ts';
import { quantities } from './library/quantity.ts';
import { regexes } from './library/regex.ts';
import { semvers } from './library/semver.ts';
import { strings } from './library/strings.ts';
import { times } from './library/times.ts';
import { urls } from './library/url.ts';
import { literalProblems, visit } from './literals.ts';
import { Meter, metered } from './meter.ts';
import { parse } from './parser.ts';
import { CelError, CompileError } from './problems.ts';
import type { Range } from './range.ts';
import { BOOL, BYTES, DOUBLE, DURATION, DYN, INT, listOf, mapOf, NULL, STRING, TIMESTAMP, type Type, typeOf, UINT } from './types.ts';
import type { Value } from './values.ts';

/** Budgets of Kubernetes (apiserver/pkg/apis/cel/config.go). */
export const PER_CALL_LIMIT = 1_000_000;
export const RUNTIME_BUDGET = 10_000_000;
export const RUNTIME_BUDGET_MATCH_CONDITIONS = RUNTIME_BUDGET / 4;

/** All functions that Kubernetes 1.36 knows everywhere. */
const LIBRARIES: readonly (readonly Overload[])[] = [
  operators,
  times,
  strings,
  regexes,
  lists,
  urls,
  quantities,
  addresses,
  formats,
  semvers,
  authorizers,
];

const byName = (overloads: Iterable<Overload>): Map<string, Overload[]> => Map.groupBy(overloads, (overload) => overload.name);
/** Made when the first expression is compiled. */
function lazy<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
const functions = lazy(() => byName(LIBRARIES.flat()));
const mutationFunctions = lazy(() => byName(jsonPatches));

/** Types by the names that expressions use. */
const types = lazy(
  () =>
    new Map<string, Type>([
      ...[BOOL, INT, UINT, DOUBLE, STRING, BYTES, NULL, DURATION, TIMESTAMP, listOf(DYN), mapOf(DYN, DYN), typeOf()].map(
        (type) => [type.name, type] as const,
      ),
      ...LIBRARIES.flat()
        .flatMap((overload) => [...overload.args, overload.result])
        .filter((type) => type.kind === 'struct' || (type.kind === 'opaque' && type.params.length === 0))
        .map((type) => [type.name, type] as const),
    ]),
);

export interface EnvironmentOptions {
  readonly variables: Readonly<Record<string, Type>>;
  /** `Object{...}` and `JSONPatch{...}` can be made: mutating policies. */
  readonly mutation?: boolean;
}

export class Environment {
  readonly #scope: Scope;
  readonly #variables: ReadonlyMap<string, Type>;
  readonly #options: EnvironmentOptions;

  constructor(options: EnvironmentOptions) {
    this.#options = options;
    const variables = new Map(Object.entries(options.variables));
    this.#variables = variables;
    this.#scope = {
      variable: (name) => variables.get(name),
      type: (name) => types().get(name) ?? (options.mutation ? mutationType(name) : undefined),
      functions: (name) => functions().get(name) ?? (options.mutation ? mutationFunctions().get(name) : undefined),
    };
  }

  /** The same with more variables. */
  with(variables: Readonly<Record<string, Type>>): Environment {
    return new Environment({ ...this.#options, variables: { ...Object.fromEntries(this.#variables), ...variables } });
  }

  /** Throws {@link CompileError}. */
  compile(source: string): Program {
    const expr = parse(source);
    const problems = check(expr, this.#scope);
    if (problems.length === 0) problems.push(...literalProblems(expr));
    if (problems.length > 0) throw new CompileError(source, problems);
    return new Program(source, expr);
  }
}

/** What became of an evaluation, and what it cost. */
export type Outcome = { readonly cost: number } & (
  | { readonly value: Value; readonly error?: undefined }
  | { readonly value?: undefined; readonly error: CelError }
);

export class Program {
  readonly source: string;
  readonly type: Type;
  readonly #expr: Expr;
  #run: Run | undefined;

  constructor(source: string, expr: Expr) {
    this.source = source;
    this.type = expr.type!;
    this.#expr = expr;
  }

  /** Never throws for what the expression does; ends when `limit` is spent. */
  evaluate(bindings: Bindings | Readonly<Record<string, Value>>, limit = PER_CALL_LIMIT): Outcome {
    const run = (this.#run ??= plan(this.#expr));
    const meter = new Meter(limit);
    const read = typeof bindings === 'function' ? bindings : (name: string) => (Object.hasOwn(bindings, name) ? bindings[name] : undefined);
    try {
      return { value: metered(meter, () => run({ bindings: read, meter, locals: [] })), cost: meter.cost };
    } catch (error) {
      if (error instanceof CelError) return { error, cost: meter.cost };
      if (error instanceof RangeError) return { error: new CelError(error.message), cost: meter.cost };
      throw error;
    }
  }

  /** From the sizes that are promised for paths of variables. */
  estimate(promised?: PromisedSize): Range {
    return estimateCost(this.#expr, promised);
  }

  /** Whether the expression reads the variable. */
  uses(variable: string): boolean {
    let found = false;
    visit(this.#expr, (expr) => {
      if (expr.kind === 'ident' && expr.name === variable) found = true;
    });
    return found;
  }
}
