// The tree of an expression. Macros are expanded into comprehensions, as cel-go has them: cost and meaning follow from that form.
import type { Overload } from './declarations.ts';
import type { Type } from './types.ts';
import type { Value } from './values.ts';

interface Node {
  /** Offset in code points, for messages. */
  readonly at: number;
  /** Set by the checker. */
  type?: Type;
}

export interface Literal extends Node {
  kind: 'literal';
  readonly value: Value;
}
interface Ident extends Node {
  kind: 'ident';
  name: string /** Set by the checker when the name is a constant (a type). */;
  constant?: Value;
}
export interface Select extends Node {
  kind: 'select';
  readonly operand: Expr;
  readonly field: string /** has(a.b) */;
  readonly test: boolean;
}
export interface Call extends Node {
  kind: 'call';
  name: string;
  target?: Expr | undefined;
  readonly args: readonly Expr[];
  /** Set by the checker. */
  overloads?: readonly Overload[];
}
export interface List extends Node {
  kind: 'list';
  readonly items: readonly Expr[];
  readonly optional: ReadonlySet<number>;
}
export interface Entry {
  readonly at: number;
  readonly key: Expr;
  readonly value: Expr;
  readonly optional: boolean;
}
export interface MapLiteral extends Node {
  kind: 'map';
  readonly entries: readonly Entry[];
}
export interface FieldInit {
  readonly at: number;
  readonly name: string;
  readonly value: Expr;
  readonly optional: boolean;
}
export interface Struct extends Node {
  kind: 'struct';
  readonly name: string;
  readonly fields: readonly FieldInit[];
}
export interface Comprehension extends Node {
  kind: 'comprehension';
  readonly range: Expr;
  readonly variable: string;
  readonly variable2?: string;
  readonly accumulator: string;
  readonly init: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}
export type Expr = Literal | Ident | Select | Call | List | MapLiteral | Struct | Comprehension;

/** The variable that macros gather in; no source can name it. */
export const ACCUMULATOR = '@result';

/** `a.b.c` as one name, when the expression is nothing else. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name;
  if (expr.kind !== 'select' || expr.test) return undefined;
  const prefix = qualifiedName(expr.operand);
  return prefix === undefined ? undefined : `${prefix}.${expr.field}`;
}
