// A checked tree becomes nested functions; each charges what it costs as cel-go's interpreter would.

import { eachEntry, elementOf, fieldOf, hasField, noSuchKey, optionally } from './access.ts';
import type { Call, Comprehension, Expr, List, MapLiteral, Struct } from './ast.ts';
import { accepts, type Overload } from './declarations.ts';
import { equals } from './equality.ts';
import { Constructed } from './json.ts';
import type { Meter } from './meter.ts';
import { CelError, CostLimitError } from './problems.ts';
import { isList, list, mapFrom, Optional, typeOfValue, Uint, type Value } from './values.ts';

/** Values of variables by name; undefined: there is none. */
export type Bindings = (name: string) => Value | undefined;

interface Frame {
  readonly bindings: Bindings;
  readonly meter: Meter;
  /** Variables of loops. An accumulator may hold the error that a step ended with. */
  readonly locals: (Value | CelError)[];
}

export type Run = (frame: Frame) => Value;

/** The names of the loops' variables around an expression: their index is their place in `locals`. */
type Locals = readonly string[];

export function plan(expr: Expr, locals: Locals = []): Run {
  switch (expr.kind) {
    case 'literal': {
      const { value } = expr;
      return () => value;
    }
    case 'ident':
      return planIdent(expr.name, expr.constant, locals);
    case 'select':
      return planSelect(expr, locals);
    case 'call':
      return planCall(expr, locals);
    case 'list':
      return planList(expr, locals);
    case 'map':
      return planMap(expr, locals);
    case 'struct':
      return planStruct(expr, locals);
    case 'comprehension':
      return planLoop(expr, locals);
  }
}

function planIdent(name: string, constant: Value | undefined, locals: Locals): Run {
  const index = locals.lastIndexOf(name);
  if (index >= 0)
    return ({ meter, locals: values }) => {
      meter.charge(1);
      const value = values[index]!;
      if (value instanceof CelError) throw value;
      return value;
    };
  if (constant !== undefined) return () => constant;
  return ({ bindings, meter }) => {
    meter.charge(1);
    const value = bindings(name);
    if (value === undefined) throw new CelError(`no such attribute(s): ${name}`);
    return value;
  };
}

/** A path of names and indices costs one for each step; one more when it starts at the result of a call. */
const isPath = (expr: Expr): boolean =>
  expr.kind === 'ident' ||
  expr.kind === 'select' ||
  (expr.kind === 'call' && (expr.name === '_[_]' || expr.name === '_?._' || expr.name === '_[?_]'));
const stepCost = (operand: Expr): number => (isPath(operand) ? 1 : 2);

function planSelect(expr: Extract<Expr, { kind: 'select' }>, locals: Locals): Run {
  const operand = plan(expr.operand, locals);
  const { field } = expr;
  if (expr.test) return (frame) => hasField(operand(frame), field);
  const cost = stepCost(expr.operand);
  return (frame) => {
    const value = operand(frame);
    frame.meter.charge(cost);
    if (value instanceof Optional) return optionally(value, (inner) => fieldOf(inner, field));
    const found = fieldOf(value, field);
    if (found === undefined) throw noSuchKey(field);
    return found;
  };
}

function planIndex(expr: Call, locals: Locals): Run {
  const [container, index] = expr.args.map((arg) => plan(arg, locals)) as [Run, Run];
  const cost = stepCost(expr.args[0]!);
  const optional = expr.name === '_[?_]';
  return (frame) => {
    const value = container(frame);
    const at = index(frame);
    frame.meter.charge(cost);
    if (value instanceof Optional) return optionally(value, (inner) => elementOf(inner, at));
    const found = elementOf(value, at);
    if (optional) return found === undefined ? Optional.NONE : new Optional(found);
    if (found === undefined)
      throw isList(value) ? new CelError(`index out of bounds: ${at instanceof Uint ? at.value : String(at)}`) : noSuchKey(at);
    return found;
  };
}

function planOptionalSelect(expr: Call, locals: Locals): Run {
  const operand = plan(expr.args[0]!, locals);
  const field = (expr.args[1] as Extract<Expr, { kind: 'literal' }>).value as string;
  const cost = stepCost(expr.args[0]!);
  return (frame) => {
    const value = operand(frame);
    frame.meter.charge(cost);
    return optionally(value instanceof Optional ? value : new Optional(value), (inner) => fieldOf(inner, field));
  };
}

function planCall(expr: Call, locals: Locals): Run {
  switch (expr.name) {
    case '_&&_':
      return planLogic(expr, locals, false);
    case '_||_':
      return planLogic(expr, locals, true);
    case '_?_:_':
      return planConditional(expr, locals);
    case '_[_]':
    case '_[?_]':
      return planIndex(expr, locals);
    case '_?._':
      return planOptionalSelect(expr, locals);
    case '@not_strictly_false':
      return planNotStrictlyFalse(expr, locals);
    case '_==_':
    case '_!=_':
      return planEquality(expr, locals);
    case 'or':
    case 'orValue':
      return planAlternative(expr, locals);
  }
  const constant = constantOf(expr);
  if (constant !== undefined) return () => constant;
  const args = [...(expr.target ? [expr.target] : []), ...expr.args].map((arg) => plan(arg, locals));
  const overloads = expr.overloads ?? [];
  // A look into a list that is always the same is a look into a set.
  const free = expr.name === '@in' && constantOf(expr.args[1]!) !== undefined;
  return (frame) => {
    const values = args.map((arg) => arg(frame));
    const overload = overloadFor(overloads, values);
    if (!overload) throw noSuchOverload(expr.name, overloads, values);
    let result: Value = null;
    try {
      result = overload.call(...values);
    } finally {
      // A failed call costs too.
      if (!free) frame.meter.charge(overload.cost ? overload.cost.actual(values, result) : 1);
    }
    return result;
  };
}

/** cel-go names the function where it has more than one way, and the types unless it is the language's own. */
function noSuchOverload(name: string, overloads: readonly Overload[], values: readonly Value[]): CelError {
  if (!overloads[0]?.standard)
    return new CelError(`no such overload: ${name}(${values.map((value) => typeOfValue(value).name).join(', ')})`);
  return new CelError(values.length === 1 ? `no such overload: ${name}` : 'no such overload');
}

function overloadFor(overloads: readonly Overload[], values: readonly Value[]): Overload | undefined {
  next: for (const overload of overloads) {
    for (let i = 0; i < values.length; i++) if (!accepts(overload.args[i]!, values[i]!)) continue next;
    return overload;
  }
  return undefined;
}

/** `&&` and `||`: a decisive side absorbs the other side's error. */
function planLogic(expr: Call, locals: Locals, decisive: boolean): Run {
  const [left, right] = expr.args.map((arg) => plan(arg, locals)) as [Run, Run];
  return (frame) => {
    const first = attempt(left, frame);
    if (first === decisive) return decisive;
    const second = attempt(right, frame);
    if (second === decisive) return decisive;
    for (const side of [first, second]) {
      if (side instanceof CelError) throw side;
      if (typeof side !== 'boolean') throw new CelError('no such overload');
    }
    return !decisive;
  };
}

function attempt(run: Run, frame: Frame): Value | CelError {
  try {
    return run(frame);
  } catch (error) {
    if (error instanceof CelError && !(error instanceof CostLimitError)) return error;
    throw error;
  }
}

function planConditional(expr: Call, locals: Locals): Run {
  const [condition, yes, no] = expr.args.map((arg) => plan(arg, locals)) as [Run, Run, Run];
  return (frame) => {
    const value = condition(frame);
    if (typeof value !== 'boolean') throw new CelError('no such overload');
    return value ? yes(frame) : no(frame);
  };
}

function planNotStrictlyFalse(expr: Call, locals: Locals): Run {
  const operand = plan(expr.args[0]!, locals);
  return (frame) => {
    const value = attempt(operand, frame);
    frame.meter.charge(1);
    return value !== false;
  };
}

function planEquality(expr: Call, locals: Locals): Run {
  const [left, right] = expr.args.map((arg) => plan(arg, locals)) as [Run, Run];
  const wanted = expr.name === '_==_';
  const cost = expr.overloads?.[0]?.cost;
  return (frame) => {
    const values = [left(frame), right(frame)] as const;
    const result = equals(values[0], values[1]) === wanted;
    frame.meter.charge(cost?.actual(values, result) ?? 1);
    return result;
  };
}

/** `a.or(b)`, `a.orValue(b)`: b only when it is needed. */
function planAlternative(expr: Call, locals: Locals): Run {
  const target = plan(expr.target!, locals);
  const other = plan(expr.args[0]!, locals);
  const whole = expr.name === 'or';
  return (frame) => {
    const value = target(frame);
    if (!(value instanceof Optional)) throw new CelError('no such overload');
    if (value.value === undefined) return other(frame);
    return whole ? value : value.value;
  };
}

/** What `?x` adds: the value, or nothing. */
function unwrapped(value: Value): Value | undefined {
  if (!(value instanceof Optional)) throw new CelError(`cannot initialize optional element from non-optional value`);
  return value.value;
}

/** The value of an expression that is the same each time; cel-go folds these, and what is folded costs nothing. */
function constantOf(expr: Expr): Value | undefined {
  if (expr.kind === 'literal') return expr.value;
  if (expr.kind === 'list' && expr.optional.size === 0) {
    const items = expr.items.map(constantOf);
    return items.every((item) => item !== undefined) ? list(items) : undefined;
  }
  if (expr.kind === 'call') return CONVERSIONS.has(expr.name) ? convertedConstant(expr) : undefined;
  if (expr.kind !== 'map' || expr.entries.some((entry) => entry.optional)) return undefined;
  const entries = expr.entries.map((entry) => [constantOf(entry.key), constantOf(entry.value)] as const);
  return entries.every((entry): entry is [Value, Value] => entry[0] !== undefined && entry[1] !== undefined) ? mapFrom(entries) : undefined;
}

const CONVERSIONS = new Set(['bool', 'bytes', 'double', 'duration', 'int', 'string', 'timestamp', 'type', 'uint']);

/** Undefined when it is none, or fails: then it does so each time. */
function convertedConstant({ target, args, overloads = [] }: Call): Value | undefined {
  const arg = target || args.length !== 1 ? undefined : constantOf(args[0]!);
  const overload = arg === undefined ? undefined : overloadFor(overloads, [arg]);
  try {
    return overload?.call(arg);
  } catch (error) {
    if (error instanceof CelError) return undefined;
    throw error;
  }
}

function planList(expr: List, locals: Locals): Run {
  const constant = constantOf(expr);
  if (constant !== undefined) return () => constant;
  const items = expr.items.map((item) => plan(item, locals));
  const { optional } = expr;
  return (frame) => {
    const values: Value[] = [];
    items.forEach((item, i) => {
      const value = optional.has(i) ? unwrapped(item(frame)) : item(frame);
      if (value !== undefined) values.push(value);
    });
    frame.meter.charge(10);
    return list(values);
  };
}

function planMap(expr: MapLiteral, locals: Locals): Run {
  const constant = constantOf(expr);
  if (constant !== undefined) return () => constant;
  const entries = expr.entries.map((entry) => ({
    key: plan(entry.key, locals),
    value: plan(entry.value, locals),
    optional: entry.optional,
  }));
  return (frame) => {
    const pairs: [Value, Value][] = [];
    for (const entry of entries) {
      const key = entry.key(frame);
      const value = entry.optional ? unwrapped(entry.value(frame)) : entry.value(frame);
      if (value !== undefined) pairs.push([key, value]);
    }
    frame.meter.charge(30);
    return mapFrom(pairs);
  };
}

function planStruct(expr: Struct, locals: Locals): Run {
  const fields = expr.fields.map((field) => ({ ...field, run: plan(field.value, locals) }));
  return (frame) => {
    const values = new Map<string, Value>();
    for (const field of fields) {
      const value = field.optional ? unwrapped(field.run(frame)) : field.run(frame);
      if (value !== undefined) values.set(field.name, value);
    }
    frame.meter.charge(40);
    return new Constructed(expr.name, values);
  };
}

function planLoop(expr: Comprehension, outer: Locals): Run {
  const range = plan(expr.range, outer);
  const init = plan(expr.init, outer);
  const accumulator = outer.length;
  const withAccumulator = [...outer, expr.accumulator];
  const inner = [...withAccumulator, expr.variable, ...(expr.variable2 === undefined ? [] : [expr.variable2])];
  const condition = plan(expr.condition, inner);
  const step = plan(expr.step, inner);
  const result = plan(expr.result, withAccumulator);
  const endless = expr.condition.kind === 'literal';
  const two = expr.variable2 !== undefined;
  return (frame) => {
    const { locals } = frame;
    const over = range(frame);
    locals[accumulator] = init(frame);
    const turn = (first: Value, second?: Value): boolean => {
      locals[accumulator + 1] = first;
      if (two) locals[accumulator + 2] = second!;
      if (condition(frame) !== true) return false;
      const value = attempt(step, frame);
      locals[accumulator] = value;
      if (endless && value instanceof CelError) throw value;
      return true;
    };
    eachEntry(over, two, turn);
    return result(frame);
  };
}
