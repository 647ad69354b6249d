// The static cost of a checked expression: a range, from literals and from the sizes that a schema promises (cel-go's checker/cost.go).
import { ACCUMULATOR, type Call, type Comprehension, type Expr } from './ast.ts';
import type { Sized } from './costs.ts';
import { add, exactly, multiply, NOTHING, ONE, type Range, sum, UNKNOWN, UNKNOWN_MAX, union } from './range.ts';
import { DYN, isOptional, type Type } from './types.ts';
import { sizeOf } from './values.ts';

/** The size that is promised for a path of a variable: `['self', 'list', '@items']`; undefined when nothing is known. */
export type PromisedSize = (path: readonly string[]) => Range | undefined;

/** Sizes of what is in a list or map. */
interface EntrySizes {
  readonly of: 'list' | 'map';
  readonly key: Range;
  readonly value: Range;
}

interface Local {
  readonly path: readonly string[];
  readonly size?: Range | undefined;
  readonly entries?: EntrySizes | undefined;
}

export function estimateCost(expr: Expr, promised: PromisedSize = () => undefined): Range {
  return new Estimator(promised).cost(expr);
}

const LIST_COST = exactly(10);
const MAP_COST = exactly(30);
const STRUCT_COST = exactly(40);

class Estimator {
  readonly #promised: PromisedSize;
  readonly #paths = new Map<Expr, readonly string[]>();
  readonly #sizes = new Map<Expr, Range>();
  readonly #entries = new Map<Expr, EntrySizes>();
  readonly #locals = new Map<string, Local[]>();

  constructor(promised: PromisedSize) {
    this.#promised = promised;
  }

  cost(expr: Expr): Range {
    switch (expr.kind) {
      case 'literal':
        return NOTHING;
      case 'ident':
        this.#paths.set(expr, this.#local(expr.name)?.path ?? [expr.name]);
        return ONE;
      case 'select': {
        const operand = this.cost(expr.operand);
        if (expr.test) return operand;
        this.#paths.set(expr, [...this.#path(expr.operand), expr.field]);
        const kind = (expr.operand.type ?? DYN).kind;
        return kind === 'map' || kind === 'struct' || kind === 'param' ? add(operand, ONE) : operand;
      }
      case 'call':
        return this.#call(expr);
      case 'list': {
        const costs = expr.items.map((item) => this.cost(item));
        const value = expr.items.map((item) => this.#sizeOrUnknown(item)).reduce(union, emptyRange(expr.items.length));
        this.#entries.set(expr, { of: 'list', key: ONE, value });
        return add(sum(costs), LIST_COST);
      }
      case 'map': {
        const costs = expr.entries.flatMap((entry) => [this.cost(entry.key), this.cost(entry.value)]);
        const start = emptyRange(expr.entries.length);
        const key = expr.entries.map((entry) => this.#sizeOrUnknown(entry.key)).reduce(union, start);
        const value = expr.entries.map((entry) => this.#sizeOrUnknown(entry.value)).reduce(union, start);
        this.#entries.set(expr, { of: 'map', key, value });
        return add(sum(costs), MAP_COST);
      }
      case 'struct':
        return add(sum(expr.fields.map((field) => this.cost(field.value))), STRUCT_COST);
      case 'comprehension':
        return isBinding(expr) ? this.#binding(expr) : this.#loop(expr);
    }
  }

  #call(expr: Call): Range {
    if (expr.name === 'dyn') {
      const cost = this.cost(expr.args[0]!);
      this.#copySizes(expr, expr.args[0]!);
      return add(ONE, cost);
    }
    if (expr.name === '_?._') return add(ONE, sum(expr.args.map((arg) => this.cost(arg))));
    const argCosts = expr.args.map((arg) => this.cost(arg));
    const args: Expr[] = [...(expr.target ? [expr.target] : []), ...expr.args];
    const targetCost = expr.target ? this.cost(expr.target) : NOTHING;
    if (expr.name === '_&&_' || expr.name === '_||_') return { min: argCosts[0]!.min, max: add(argCosts[0]!, argCosts[1]!).max };
    if (expr.name === '_?_:_') return this.#conditional(expr, argCosts);
    const sized = args.map((arg) => this.#sized(arg));
    let cost: Range = { min: UNKNOWN_MAX, max: 0 };
    let size: Range | undefined;
    for (const overload of expr.overloads ?? []) {
      const estimate = overload.cost?.estimate(sized) ?? { cost: ONE };
      cost = union(cost, estimate.cost);
      if (estimate.result) size = size ? union(size, estimate.result) : estimate.result;
      if (overload.name === '_[_]') {
        const list = overload.args[0]!.kind === 'list';
        this.#paths.set(expr, [...this.#path(expr.args[0]!), list ? '@items' : '@values']);
        size = this.#entrySizes(expr.args[0]!)?.value;
      }
      size ??= this.#size(expr);
    }
    if (expr.name === '_+_') this.#joinEntries(expr, expr.args[0]!, expr.args[1]!);
    if (size) this.#sizes.set(expr, size);
    return add(targetCost, add(cost, sum(argCosts)));
  }

  #conditional(expr: Call, costs: readonly Range[]): Range {
    const [, yes, no] = expr.args as [Expr, Expr, Expr];
    this.#sizes.set(expr, union(this.#sizeOrUnknown(yes), this.#sizeOrUnknown(no)));
    this.#joinEntries(expr, yes, no);
    return add(costs[0]!, union(costs[1]!, costs[2]!));
  }

  #joinEntries(expr: Expr, a: Expr, b: Expr): void {
    const first = this.#entrySizes(a);
    const second = this.#entrySizes(b);
    if (first && second)
      this.#entries.set(expr, { of: first.of, key: union(first.key, second.key), value: union(first.value, second.value) });
  }

  #loop(expr: Comprehension): Range {
    let total = add(this.cost(expr.range), this.cost(expr.init));
    this.#push(expr.accumulator, { path: this.#path(expr.init), size: this.#size(expr.init), entries: this.#entrySizes(expr.init) });
    const entries = this.#entrySizes(expr.range);
    const isList = (entries?.of ?? (expr.range.type ?? DYN).kind) === 'list';
    const base = this.#path(expr.range);
    const keys: Local = { path: [...base, isList ? '@indices' : '@keys'], size: entries?.key };
    const values: Local = { path: [...base, isList ? '@items' : '@values'], size: entries?.value };
    this.#push(expr.variable, expr.variable2 !== undefined || !isList ? keys : values);
    if (expr.variable2 !== undefined) this.#push(expr.variable2, values);
    const each = add(this.cost(expr.condition), this.cost(expr.step));
    this.#pop(expr.variable);
    if (expr.variable2 !== undefined) this.#pop(expr.variable2);
    total = add(total, this.cost(expr.result));
    this.#pop(expr.accumulator);
    const count = this.#sizeOrUnknown(expr.range);
    total = add(total, multiply(count, each));
    if (expr.init.kind === 'literal') {
      const size = this.#size(expr.init);
      if (size) this.#sizes.set(expr, size);
    } else if (expr.init.kind === 'list' || expr.init.kind === 'map') {
      this.#sizes.set(expr, count);
      const stepped = this.#entrySizes(expr.step);
      if (stepped) this.#entries.set(expr, stepped);
    }
    return total;
  }

  #binding(expr: Comprehension): Range {
    const before = add(this.cost(expr.range), this.cost(expr.init));
    this.#push(expr.accumulator, { path: this.#path(expr.init), size: this.#size(expr.init), entries: this.#entrySizes(expr.init) });
    const result = this.cost(expr.result);
    this.#copySizes(expr, expr.result);
    this.#pop(expr.accumulator);
    return add(before, result);
  }

  #push(name: string, local: Local): void {
    const stack = this.#locals.get(name);
    if (stack) stack.push(local);
    else this.#locals.set(name, [local]);
  }
  #pop = (name: string): unknown => this.#locals.get(name)?.pop();
  #local = (name: string): Local | undefined => this.#locals.get(name)?.at(-1);

  #path(expr: Expr): readonly string[] {
    if (expr.kind === 'ident') {
      const local = this.#local(expr.name);
      if (local) return local.path;
    }
    return this.#paths.get(expr) ?? [];
  }

  #copySizes(to: Expr, from: Expr): void {
    const size = this.#size(from);
    if (size) this.#sizes.set(to, size);
    const entries = this.#entrySizes(from);
    if (entries) this.#entries.set(to, entries);
  }

  #sizeOrUnknown = (expr: Expr): Range => this.#size(expr) ?? UNKNOWN;

  #size(expr: Expr): Range | undefined {
    const known = this.#sizes.get(expr) ?? literalSize(expr);
    if (known) return known;
    const promised = this.#promisedAt(this.#path(expr));
    if (promised) {
      this.#sizes.set(expr, promised);
      return promised;
    }
    if (isScalar(expr.type ?? DYN)) return ONE;
    return expr.kind === 'ident' ? this.#local(expr.name)?.size : undefined;
  }

  #promisedAt = (path: readonly string[]): Range | undefined => (path.length > 0 ? this.#promised(path) : undefined);

  #entrySizes(expr: Expr): EntrySizes | undefined {
    return this.#entries.get(expr) ?? (expr.kind === 'ident' ? this.#local(expr.name)?.entries : undefined);
  }

  #sized(expr: Expr): Sized {
    const path = this.#path(expr);
    const visible = path[0] === ACCUMULATOR ? [] : path;
    const type = expr.type ?? DYN;
    return { type, expr, size: this.#size(expr) ?? UNKNOWN, items: () => this.#items(type, visible) };
  }

  #items(type: Type, path: readonly string[]): Sized | undefined {
    const item = type.params[0];
    if (!item) return undefined;
    const itemPath = path.length > 0 ? [...path, '@items'] : [];
    return { type: item, size: this.#promisedAt(itemPath) ?? UNKNOWN, items: () => this.#items(item, itemPath) };
  }
}

/** Where a union of sizes starts. */
const emptyRange = (count: number): Range => (count === 0 ? NOTHING : { min: UNKNOWN_MAX, max: 0 });

/** `optMap` binds a name by a loop that never runs. */
const isBinding = (expr: Comprehension): boolean =>
  expr.range.kind === 'list' &&
  expr.range.items.length === 0 &&
  expr.condition.kind === 'literal' &&
  expr.condition.value === false &&
  expr.accumulator !== ACCUMULATOR;

function literalSize(expr: Expr): Range | undefined {
  if (expr.kind === 'literal') return exactly(sizeOf(expr.value));
  if (expr.kind === 'list') return exactly(expr.items.length);
  return expr.kind === 'map' ? exactly(expr.entries.length) : undefined;
}

const SCALARS = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint']);
const isScalar = (type: Type): boolean => SCALARS.has(type.kind) || (isOptional(type) && isScalar(type.params[0]!));
