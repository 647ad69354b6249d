// Macros: calls that stand for a loop (cel-go's parser/macro.go, ext/comprehensions.go, cel/library.go).
import { ACCUMULATOR, type Call, type Comprehension, type Expr, type Literal } from './ast.ts';
import { CelError, type Problem } from './problems.ts';
import type { Value } from './values.ts';

/** What a macro makes of a call; undefined when the call is none after all. Throws MacroError. */
type Expand = (macro: Maker, target: Expr, args: readonly Expr[]) => Expr | undefined;

export class MacroError extends CelError {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}

/** Makes nodes that stand where the macro stood. */
class Maker {
  readonly at: number;
  constructor(at: number) {
    this.at = at;
  }
  literal = (value: Value): Literal => ({ kind: 'literal', at: this.at, value });
  accumulator = (): Expr => ({ kind: 'ident', at: this.at, name: ACCUMULATOR });
  call = (name: string, ...args: Expr[]): Call => ({ kind: 'call', at: this.at, name, args });
  list = (...items: Expr[]): Expr => ({ kind: 'list', at: this.at, items, optional: new Set() });
  emptyMap = (): Expr => ({ kind: 'map', at: this.at, entries: [] });
  loop = (parts: Omit<Comprehension, 'kind' | 'at' | 'accumulator' | 'result'> & { result?: Expr }): Expr => ({
    kind: 'comprehension',
    at: this.at,
    accumulator: ACCUMULATOR,
    result: this.accumulator(),
    ...parts,
  });
  /** The step only where the filter holds. */
  when = (filter: Expr | undefined, step: Expr): Expr => (filter ? this.call('_?_:_', filter, step, this.accumulator()) : step);
}

function variable(arg: Expr, otherwise = 'argument must be a simple name'): string {
  if (arg.kind !== 'ident') throw new MacroError({ at: arg.at, message: otherwise });
  if (arg.name === ACCUMULATOR || arg.name === '__result__')
    throw new MacroError({ at: arg.at, message: 'iteration variable overwrites accumulator variable' });
  return arg.name;
}

function variables(args: readonly Expr[], otherwise?: string): { variable: string; variable2: string } {
  const first = variable(args[0]!, otherwise);
  const second = variable(args[1]!, otherwise);
  if (first === second) throw new MacroError({ at: args[1]!.at, message: `duplicate variable name: ${first}` });
  return { variable: first, variable2: second };
}

const all: Expand = (make, range, args) => quantifier(make, range, args, make.literal(true), (accumulator) => accumulator, '_&&_');
const exists: Expand = (make, range, args) =>
  quantifier(make, range, args, make.literal(false), (accumulator) => make.call('!_', accumulator), '_||_');

function quantifier(make: Maker, range: Expr, args: readonly Expr[], init: Expr, goOn: (accumulator: Expr) => Expr, join: string): Expr {
  const names = args.length === 3 ? variables(args) : { variable: variable(args[0]!) };
  return make.loop({
    range,
    ...names,
    init,
    condition: make.call('@not_strictly_false', goOn(make.accumulator())),
    step: make.call(join, make.accumulator(), args.at(-1)!),
  });
}

const existsOne: Expand = (make, range, args) => {
  const names = args.length === 3 ? variables(args) : { variable: variable(args[0]!) };
  return make.loop({
    range,
    ...names,
    init: make.literal(0n),
    condition: make.literal(true),
    step: make.when(args.at(-1)!, make.call('_+_', make.accumulator(), make.literal(1n))),
    result: make.call('_==_', make.accumulator(), make.literal(1n)),
  });
};

const map: Expand = (make, range, args) =>
  make.loop({
    range,
    variable: variable(args[0]!, 'argument is not an identifier'),
    init: make.list(),
    condition: make.literal(true),
    step: make.when(args.length === 3 ? args[1] : undefined, make.call('_+_', make.accumulator(), make.list(args.at(-1)!))),
  });

const filter: Expand = (make, range, args) =>
  make.loop({
    range,
    variable: variable(args[0]!, 'argument is not an identifier'),
    init: make.list(),
    condition: make.literal(true),
    step: make.when(args[1], make.call('_+_', make.accumulator(), make.list(args[0]!))),
  });

const transformList: Expand = (make, range, args) =>
  make.loop({
    range,
    ...variables(args),
    init: make.list(),
    condition: make.literal(true),
    step: make.when(args.length === 4 ? args[2] : undefined, make.call('_+_', make.accumulator(), make.list(args.at(-1)!))),
  });

const transformMap =
  (insert: (make: Maker, args: readonly Expr[]) => Expr): Expand =>
  (make, range, args) =>
    make.loop({
      range,
      ...variables(args),
      init: make.emptyMap(),
      condition: make.literal(true),
      step: make.when(args.length === 4 ? args[2] : undefined, insert(make, args)),
    });

const insertValue = (make: Maker, args: readonly Expr[]): Expr => make.call('cel.@mapInsert', make.accumulator(), args[0]!, args.at(-1)!);
const insertEntry = (make: Maker, args: readonly Expr[]): Expr => make.call('cel.@mapInsert', make.accumulator(), args.at(-1)!);

/** `x.optMap(v, f)`: f of the value when there is one. `optional` wraps what f gives. */
const optional =
  (wrap: boolean): Expand =>
  (make, target, args) => {
    const name = variable(args[0]!, `${wrap ? 'optMap' : 'optFlatMap'}() variable name must be a simple identifier`);
    const value: Call = { kind: 'call', at: make.at, name: 'value', target, args: [] };
    const bound: Expr = {
      kind: 'comprehension',
      at: make.at,
      range: make.list(),
      variable: '#unused',
      accumulator: name,
      init: value,
      condition: make.literal(false),
      step: { kind: 'ident', at: make.at, name },
      result: args[1]!,
    };
    const has: Call = { kind: 'call', at: make.at, name: 'hasValue', target, args: [] };
    return make.call('_?_:_', has, wrap ? make.call('optional.of', bound) : bound, make.call('optional.none'));
  };

/** By name and number of arguments. */
const MACROS = new Map<string, Expand>([
  ['all/2', all],
  ['all/3', all],
  ['exists/2', exists],
  ['exists/3', exists],
  ['exists_one/2', existsOne],
  ['existsOne/2', existsOne],
  ['existsOne/3', existsOne],
  ['map/2', map],
  ['map/3', map],
  ['filter/2', filter],
  ['transformList/3', transformList],
  ['transformList/4', transformList],
  ['transformMap/3', transformMap(insertValue)],
  ['transformMap/4', transformMap(insertValue)],
  ['transformMapEntry/3', transformMap(insertEntry)],
  ['transformMapEntry/4', transformMap(insertEntry)],
  ['optMap/2', optional(true)],
  ['optFlatMap/2', optional(false)],
  ['sortBy/2', sortBy],
]);

/** `list.sortBy(v, key)`: sorted by what key gives. */
function sortBy(make: Maker, target: Expr, args: readonly Expr[]): Expr | undefined {
  const name = variable(args[0]!, 'sortBy can only be applied to a list, identifier, comprehension, call or select expression');
  const keys = map(make, target, [{ kind: 'ident', at: args[0]!.at, name }, args[1]!])!;
  return { kind: 'call', at: make.at, name: '@sortByAssociatedKeys', target, args: [keys] };
}

/** The expansion of a call, or undefined when it is an ordinary one. */
export function expandMacro(at: number, name: string, target: Expr | undefined, args: readonly Expr[]): Expr | undefined {
  if (target) return MACROS.get(`${name}/${args.length}`)?.(new Maker(at), target, args);
  if (name !== 'has' || args.length !== 1) return undefined;
  const [arg] = args;
  if (arg!.kind !== 'select') throw new MacroError({ at: arg!.at, message: 'invalid argument to has() macro' });
  return { kind: 'select', at, operand: arg!.operand, field: arg!.field, test: true };
}
