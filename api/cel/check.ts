// The type checker (cel-go's checker/checker.go): types on every node, overloads on every call, or problems.
import { type Call, type Expr, type List, type MapLiteral, qualifiedName, type Select, type Struct } from './ast.ts';
import type { Overload } from './declarations.ts';
import type { Problem } from './problems.ts';
import {
  assignable,
  type Bindings,
  BOOL,
  DYN,
  ERROR,
  formatType,
  INT,
  isDyn,
  isOptional,
  listOf,
  mapOf,
  mostGeneral,
  optionalOf,
  param,
  sameType,
  substitute,
  type Type,
  typeOf,
} from './types.ts';
import { TypeValue, typeOfValue, type Value } from './values.ts';

/** What names mean. */
export interface Scope {
  variable(name: string): Type | undefined;
  /** A type by the name that expressions use for it. */
  type(name: string): Type | undefined;
  functions(name: string): readonly Overload[] | undefined;
}

/** Fills in types and overloads; the problems, empty when all is well. */
export function check(expr: Expr, scope: Scope): Problem[] {
  const checker = new Checker(scope);
  checker.check(expr);
  checker.settle();
  return checker.problems;
}

class Checker {
  readonly problems: Problem[] = [];
  readonly #scope: Scope;
  readonly #locals: { name: string; type: Type }[] = [];
  #bindings: Bindings = new Map();
  #typeVariables = 0;
  readonly #nodes: Expr[] = [];

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** Type parameters become what they stand for. */
  settle(): void {
    for (const node of this.#nodes) node.type = substitute(this.#bindings, node.type ?? DYN, true);
  }

  check(expr: Expr): Type {
    const type = this.#typeOf(expr);
    expr.type = type;
    this.#nodes.push(expr);
    return type;
  }

  #problem(at: number, message: string): Type {
    this.problems.push({ at, message });
    return ERROR;
  }
  #substitute = (type: Type): Type => substitute(this.#bindings, type, false);
  #free = (): Type => param(`_var${this.#typeVariables++}`);
  #assignable(expected: readonly Type[], actual: readonly Type[]): boolean {
    const bindings = assignable(this.#bindings, expected, actual);
    if (bindings) this.#bindings = bindings;
    return bindings !== undefined;
  }
  #mismatch = (at: number, expected: Type, actual: Type): Type =>
    this.#problem(at, `expected type '${formatType(expected)}' but found '${formatType(actual)}'`);

  #typeOf(expr: Expr): Type {
    switch (expr.kind) {
      case 'literal':
        return typeOfValue(expr.value);
      case 'ident': {
        const found = this.#lookup(expr.name);
        if (!found) return this.#undeclared(expr.at, expr.name);
        expr.name = expr.name.replace(/^\./, '');
        if (found.constant !== undefined) expr.constant = found.constant;
        return found.type;
      }
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return this.#struct(expr);
      case 'comprehension':
        return this.#comprehension(expr);
    }
  }

  #undeclared = (at: number, name: string): Type => this.#problem(at, `undeclared reference to '${name}' (in container '')`);

  #lookup(name: string): { type: Type; constant?: Value } | undefined {
    const plain = name.replace(/^\./, '');
    if (plain === name) {
      const local = this.#locals.findLast((one) => one.name === name);
      if (local) return { type: local.type };
    }
    const variable = this.#scope.variable(plain);
    if (variable) return { type: variable };
    const type = this.#scope.type(plain);
    return type && { type: typeOf(type), constant: new TypeValue(type) };
  }

  #select(expr: Select): Type {
    const name = expr.test ? undefined : qualifiedName(expr);
    const found = name === undefined ? undefined : this.#lookup(name);
    if (found) {
      // The whole path is one name: the node becomes an identifier.
      Object.assign(expr, { kind: 'ident', name, ...(found.constant === undefined ? {} : { constant: found.constant }) });
      return found.type;
    }
    const type = this.#field(expr.at, expr.operand, expr.field, false);
    return expr.test ? BOOL : this.#substitute(type);
  }

  #field(at: number, operand: Expr, field: string, optional: boolean): Type {
    const operandType = this.#substitute(this.check(operand));
    const unwrapped = isOptional(operandType) ? operandType.params[0]! : operandType;
    let result: Type = DYN;
    if (unwrapped.kind === 'map') result = unwrapped.params[1]!;
    else if (unwrapped.kind === 'struct') result = this.#structField(at, unwrapped, field);
    else if (unwrapped.kind === 'param') this.#assignable([DYN], [unwrapped]);
    else if (unwrapped.kind !== 'dyn' && unwrapped.kind !== 'error')
      this.#problem(at, `type '${formatType(unwrapped)}' does not support field selection`);
    return isOptional(operandType) || optional ? optionalOf(result) : result;
  }

  #structField = (at: number, struct: Type, field: string): Type =>
    struct.field?.(field) ?? this.#problem(at, `undefined field '${field}'`);

  #call(expr: Call): Type {
    if (expr.name === '_?._') {
      const field = expr.args[1]!;
      const name = field.kind === 'literal' && typeof field.value === 'string' ? field.value : '';
      return this.#substitute(this.#field(expr.at, expr.args[0]!, name, true));
    }
    for (const arg of expr.args) this.check(arg);
    if (expr.target) {
      const prefix = qualifiedName(expr.target);
      const qualified = prefix === undefined ? undefined : `${prefix}.${expr.name}`;
      if (qualified !== undefined && this.#scope.functions(qualified)) {
        expr.name = qualified;
        expr.target = undefined;
      } else this.check(expr.target);
    }
    const overloads = this.#scope.functions(expr.name.replace(/^\./, ''));
    if (!overloads) return this.#undeclared(expr.at, expr.name);
    expr.name = expr.name.replace(/^\./, '');
    return this.#resolve(expr, overloads);
  }

  #resolve(expr: Call, overloads: readonly Overload[]): Type {
    const types = [...(expr.target ? [expr.target] : []), ...expr.args].map((arg) => arg.type!);
    if (expr.name === '_&&_' || expr.name === '_||_') return this.#logic(expr, overloads, types);
    const found: Overload[] = [];
    let result: Type | undefined;
    for (const overload of overloads) {
      if (overload.member !== (expr.target !== undefined)) continue;
      const fresh: Bindings = new Map(overload.params.map((name) => [name, this.#free()]));
      if (
        !this.#assignable(
          types,
          overload.args.map((arg) => substitute(fresh, arg, false)),
        )
      )
        continue;
      found.push(overload);
      const type = this.#substitute(substitute(fresh, overload.result, false));
      if (result === undefined) result = type;
      else if (!isDyn(result) && !sameType(type, result)) result = DYN;
    }
    expr.overloads = found;
    if (result !== undefined) return result;
    const shown = types.map((type) => formatType(substitute(this.#bindings, type, true)));
    const signature = expr.target ? `${shown[0]}.(${shown.slice(1).join(', ')})` : `(${shown.join(', ')})`;
    return this.#problem(expr.at, `found no matching overload for '${expr.name}' applied to '${signature}'`);
  }

  #logic(expr: Call, overloads: readonly Overload[], types: readonly Type[]): Type {
    expr.overloads = overloads;
    let result: Type = BOOL;
    types.forEach((type, i) => {
      if (!this.#assignable([type], [BOOL])) result = this.#mismatch(expr.args[i]!.at, BOOL, type);
    });
    return result;
  }

  /** The value inside of `?x`. */
  #unwrapped(at: number, type: Type, optional: boolean): Type {
    if (!optional) return type;
    if (isOptional(type)) return type.params[0]!;
    if (!isDyn(type)) this.#mismatch(at, optionalOf(type), type);
    return type;
  }

  /** What fits both; literals of mixed types are found later, as some functions take them (`format`). */
  #join(previous: Type | undefined, current: Type): Type {
    if (previous === undefined) return current;
    return this.#assignable([previous], [current]) ? mostGeneral(previous, current) : DYN;
  }

  #list(expr: List): Type {
    let items: Type | undefined;
    expr.items.forEach((item, i) => {
      items = this.#join(items, this.#unwrapped(item.at, this.check(item), expr.optional.has(i)));
    });
    return listOf(items ?? this.#free());
  }

  #map(expr: MapLiteral): Type {
    let keys: Type | undefined;
    let values: Type | undefined;
    for (const entry of expr.entries) {
      keys = this.#join(keys, this.check(entry.key));
      values = this.#join(values, this.#unwrapped(entry.value.at, this.check(entry.value), entry.optional));
    }
    return mapOf(keys ?? this.#free(), values ?? this.#free());
  }

  #struct(expr: Struct): Type {
    const found = this.#lookup(expr.name);
    if (!found) return this.#undeclared(expr.at, expr.name);
    const type = found.type.kind === 'type' ? found.type.params[0]! : undefined;
    if (!type) this.#problem(expr.at, `'${formatType(found.type)}' is not a type`);
    else if (type.kind !== 'struct') this.#problem(expr.at, `'${formatType(type)}' is not a message type`);
    const struct = type?.kind === 'struct' ? type : undefined;
    for (const field of expr.fields) {
      const actual = this.check(field.value);
      const expected = struct ? this.#structField(field.at, struct, field.name) : ERROR;
      const value = this.#unwrapped(field.value.at, actual, field.optional);
      if (!this.#assignable([expected], [value]))
        this.#problem(
          field.at,
          `expected type of field '${field.name}' is '${formatType(expected)}' but provided type is '${formatType(value)}'`,
        );
    }
    return struct ?? ERROR;
  }

  #comprehension(expr: Extract<Expr, { kind: 'comprehension' }>): Type {
    const range = this.#substitute(this.check(expr.range));
    const accumulated = this.check(expr.init);
    let first: Type = DYN;
    let second: Type = DYN;
    if (range.kind === 'list') {
      second = range.params[0]!;
      first = expr.variable2 === undefined ? second : INT;
    } else if (range.kind === 'map') [first, second] = range.params as [Type, Type];
    else if (range.kind === 'dyn' || range.kind === 'error' || range.kind === 'param') this.#assignable([DYN], [range]);
    else {
      first = second = this.#problem(
        expr.range.at,
        `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
      );
    }
    const outer = this.#locals.length;
    this.#locals.push({ name: expr.accumulator, type: accumulated });
    const inner = this.#locals.length;
    this.#locals.push({ name: expr.variable, type: first });
    if (expr.variable2 !== undefined) this.#locals.push({ name: expr.variable2, type: second });
    this.#expect(expr.condition, BOOL);
    this.#expect(expr.step, accumulated);
    this.#locals.length = inner;
    const result = this.check(expr.result);
    this.#locals.length = outer;
    return this.#substitute(result);
  }

  #expect(expr: Expr, expected: Type): void {
    const actual = this.check(expr);
    if (!this.#assignable([expected], [actual])) this.#mismatch(expr.at, expected, actual);
  }
}
