// Problems of literals that types do not show: patterns, durations and times that are none, lists and maps of mixed types.
import type { Expr } from './ast.ts';
import { compilePattern } from './library/regex.ts';
import type { Problem } from './problems.ts';
import { parseDuration, parseTimestamp } from './time.ts';
import { DYN, formatType, isOptional, sameType, type Type } from './types.ts';

/** Of a checked expression. */
export function literalProblems(root: Expr): Problem[] {
  const problems: Problem[] = [];
  visit(root, (expr) => problems.push(...argumentProblems(expr)));
  mixedTypes(root, problems);
  return problems;
}

const LITERAL_ARGUMENTS: Readonly<Record<string, (text: string) => unknown>> = {
  matches: compilePattern,
  duration: parseDuration,
  timestamp: parseTimestamp,
};

function argumentProblems(expr: Expr): Problem[] {
  if (expr.kind !== 'call') return [];
  const parse = LITERAL_ARGUMENTS[expr.name];
  const arg = expr.args.at(-1);
  if (!parse || arg?.kind !== 'literal' || typeof arg.value !== 'string') return [];
  try {
    parse(arg.value);
    return [];
  } catch {
    return [{ at: arg.at, message: `invalid ${expr.name} argument` }];
  }
}

/** Elements of a literal must have one type, except in what `format` is given. */
function mixedTypes(expr: Expr, problems: Problem[]): void {
  if (expr.kind === 'call' && expr.name === 'format') return;
  if (expr.kind === 'list')
    firstMismatch(
      expr.items.map((item, i) => typed(item, expr.optional.has(i))),
      problems,
    );
  if (expr.kind === 'map') {
    const keys = expr.entries.map((entry) => typed(entry.key, false));
    if (!firstMismatch(keys, problems))
      firstMismatch(
        expr.entries.map((entry) => typed(entry.value, entry.optional)),
        problems,
      );
  }
  for (const child of childrenOf(expr)) mixedTypes(child, problems);
}

interface Typed {
  readonly at: number;
  readonly type: Type;
}

function typed(expr: Expr, optional: boolean): Typed {
  const type = expr.type ?? DYN;
  return { at: expr.at, type: optional && isOptional(type) ? type.params[0]! : type };
}

function firstMismatch(items: readonly Typed[], problems: Problem[]): boolean {
  const other = items.find((item) => !sameType(items[0]!.type, item.type));
  if (other)
    problems.push({ at: other.at, message: `expected type '${formatType(items[0]!.type)}' but found '${formatType(other.type)}'` });
  return other !== undefined;
}

/** Each node, from the root on. */
export function visit(expr: Expr, see: (expr: Expr) => void): void {
  see(expr);
  for (const child of childrenOf(expr)) visit(child, see);
}

function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'select':
      return [expr.operand];
    case 'call':
      return [...(expr.target ? [expr.target] : []), ...expr.args];
    case 'list':
      return expr.items;
    case 'map':
      return expr.entries.flatMap((entry) => [entry.key, entry.value]);
    case 'struct':
      return expr.fields.map((field) => field.value);
    case 'comprehension':
      return [expr.range, expr.init, expr.condition, expr.step, expr.result];
    default:
      return [];
  }
}
