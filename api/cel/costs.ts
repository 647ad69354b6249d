// What a call costs, before (a range from sizes that schemas promise) and while it runs (from the values): the model of cel-go and of
// Kubernetes' library, which API users see as refused rules and exceeded budgets.

import type { Expr } from './ast.ts';
import { add, exactly, multiply, ONE, type Range, scale } from './range.ts';
import type { Type } from './types.ts';
import { isList, isMap, sizeOf, type Value } from './values.ts';

/** An argument, as the estimate knows it; the receiver of a member call comes first. */
export interface Sized {
  readonly type: Type;
  readonly size: Range;
  readonly expr?: Expr;
  /** Elements of a list; undefined for what is no list. */
  items(): Sized | undefined;
}

export interface Estimate {
  readonly cost: Range;
  /** Size of the result, when it follows from the arguments. */
  readonly result?: Range;
}

export interface Cost {
  estimate(args: readonly Sized[]): Estimate;
  actual(args: readonly Value[], result: Value): number;
}

export const TRAVERSAL = 0.1;
const REGEX = 0.25;

export const fixed = (cost: number): Cost => ({ estimate: () => ({ cost: exactly(cost) }), actual: () => cost });
export const NOMINAL = fixed(1);

/** One walk over argument `index` (or `factor` walks). `result`: the result's size follows from the argument's. */
export const traversal = (index: number, factor = 1, result?: (size: Range) => Range): Cost => ({
  estimate: (args) => {
    const { size } = args[index]!;
    return { cost: scale(size, factor * TRAVERSAL), ...(result ? { result: result(size) } : {}) };
  },
  actual: (args) => Math.ceil(sizeOf(args[index]!) * factor * TRAVERSAL),
});

/** A result as long as the argument. */
export const same = (size: Range): Range => size;

/** Text against pattern: (text + 1) x pattern. */
export const regex = (result?: (size: Range) => Range): Cost => ({
  estimate: ([text, pattern]) => ({
    cost: multiply(scale(add(text!.size, ONE), TRAVERSAL), scale(pattern!.size, REGEX)),
    ...(result ? { result: result(text!.size) } : {}),
  }),
  actual: ([text, pattern]) => Math.ceil((1 + sizeOf(text!)) * TRAVERSAL) * Math.ceil(sizeOf(pattern!) * REGEX),
});

/** Against a pattern that is not visible; MaxNameFormatRegexSize. */
export const hiddenRegex = (text: number, length: number): Cost => ({
  estimate: (args) => ({ cost: scale(scale(args[text]!.size, TRAVERSAL), length * REGEX) }),
  actual: (args) => Math.ceil((1 + sizeOf(args[text]!)) * TRAVERSAL) * Math.ceil(length * REGEX),
});

/** Each character of one against each of the other. */
export const product: Cost = {
  estimate: ([a, b]) => ({ cost: multiply(scale(a!.size, TRAVERSAL), scale(b!.size, TRAVERSAL)) }),
  actual: ([a, b]) => Math.ceil(sizeOf(a!) * TRAVERSAL) * Math.ceil(sizeOf(b!) * TRAVERSAL),
};

/** Equality and order: the shorter of the two is walked. */
export const shorter: Cost = {
  estimate: ([a, b]) => {
    const max = Math.min(a!.size.max, b!.size.max);
    return { cost: scale({ min: max > 0 ? 1 : 0, max }, TRAVERSAL) };
  },
  actual: ([a, b]) => Math.ceil(Math.min(sizeOf(a!), sizeOf(b!)) * TRAVERSAL),
};

/** Joined text or bytes are copied. */
export const copied: Cost = {
  estimate: ([a, b]) => {
    const size = add(a!.size, b!.size);
    return { cost: scale(size, TRAVERSAL), result: size };
  },
  actual: ([a, b]) => Math.ceil((sizeOf(a!) + sizeOf(b!)) * TRAVERSAL),
};

/** Joined lists cost nothing more, but their length is known. */
export const joined: Cost = {
  estimate: ([a, b]) => ({ cost: ONE, result: add(a!.size, b!.size) }),
  actual: () => 1,
};

/** `x in list`. */
export const membership: Cost = {
  estimate: (args) => ({ cost: args[1]!.size }),
  actual: (args) => sizeOf(args[1]!),
};

/** isSorted, sum, min, max, indexOf: each element once, with its text. */
export const elements: Cost = {
  estimate: ([list]) => {
    const item = list!.items();
    if (!item) return { cost: scale(list!.size, TRAVERSAL) };
    const text = item.type.kind === 'string' || item.type.kind === 'bytes';
    return { cost: multiply(list!.size, text ? add(ONE, scale(item.size, TRAVERSAL)) : ONE) };
  },
  actual: ([list]) => treeSize(list!),
};

/** Each element of one list against each of the other (sets.*). */
export const pairs = (factor: number): Cost => ({
  estimate: ([a, b]) => ({ cost: add(ONE, multiply(multiply(a!.size, b!.size), exactly(factor))) }),
  actual: ([a, b]) => 1 + sizeOf(a!) * sizeOf(b!) * factor,
});

function treeSize(value: Value): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return Math.floor(value.length * TRAVERSAL);
  if (isList(value)) {
    let cost = 0;
    for (const item of value) cost += treeSize(item);
    return cost;
  }
  if (value !== null && isMap(value)) {
    let cost = 0;
    for (const key of value.keys()) cost += treeSize(key) + treeSize(value.get(key)!);
    return cost;
  }
  return 1;
}
