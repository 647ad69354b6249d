// Tokens to a tree (the grammar of CEL, without recovery: the first syntax error ends it).
import type { Entry, Expr, FieldInit } from './ast.ts';
import { type Token, tokenize } from './lexer.ts';
import { expandMacro, MacroError } from './macros.ts';
import { CompileError, type Problem } from './problems.ts';
import { Uint, type Value } from './values.ts';

/** Limits of cel-go's parser. */
const DEPTH_MAX = 250;
const SOURCE_MAX = 100_000;

const START_OF_EXPRESSION =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
const RESERVED = new Set(
  'as break const continue else false for function if import in let loop package namespace null return true var void while'.split(' '),
);
const RELATIONS = new Map([
  ['<', '_<_'],
  ['<=', '_<=_'],
  ['>', '_>_'],
  ['>=', '_>=_'],
  ['==', '_==_'],
  ['!=', '_!=_'],
  ['in', '@in'],
]);
const SUMS = new Map([
  ['+', '_+_'],
  ['-', '_-_'],
]);
const PRODUCTS = new Map([
  ['*', '_*_'],
  ['/', '_/_'],
  ['%', '_%_'],
]);
const INT_MAX = 2n ** 63n - 1n;
const UINT_MAX = 2n ** 64n - 1n;

/** Throws {@link CompileError}. */
export function parse(source: string): Expr {
  if (source.length > SOURCE_MAX && [...source].length > SOURCE_MAX)
    throw new CompileError(source.slice(0, 100), [
      { at: 0, message: `expression code point size exceeds limit: size: ${[...source].length}, limit ${SOURCE_MAX}` },
    ]);
  const problems: Problem[] = [];
  const parser = new Parser(tokenize(source, problems), problems);
  const expr = parser.start();
  if (problems.length > 0 || !expr) throw new CompileError(source, problems);
  return expr;
}

class SyntaxStop extends Error {}

class Parser {
  #next = 0;
  #depth = 0;
  readonly #tokens: readonly Token[];
  readonly #problems: Problem[];
  constructor(tokens: readonly Token[], problems: Problem[]) {
    this.#tokens = tokens;
    this.#problems = problems;
  }

  start(): Expr | undefined {
    try {
      const expr = this.#expr();
      if (this.#token().kind !== 'EOF') {
        const last = this.#tokens[this.#next + 1]!.kind === 'EOF';
        this.#stop(`Syntax error: ${last ? 'extraneous' : 'mismatched'} input '${this.#token().text}' expecting <EOF>`);
      }
      return expr;
    } catch (error) {
      if (error instanceof SyntaxStop) return undefined;
      throw error;
    }
  }

  #token = (): Token => this.#tokens[this.#next]!;
  #is = (sign: string): boolean => this.#token().kind === 'sign' && this.#token().text === sign;
  #take(sign: string): Token | undefined {
    if (!this.#is(sign)) return undefined;
    return this.#tokens[this.#next++];
  }
  #stop(message: string, at = this.#token().at): never {
    this.#problems.push({ at, message });
    throw new SyntaxStop();
  }
  /** A closing sign; ANTLR says "missing" where it could go on without it. */
  #close(sign: string): void {
    if (!this.#take(sign)) this.#stop(`Syntax error: missing '${sign}' at '${this.#token().text}'`);
  }
  #closeList(sign: string): void {
    if (this.#take(sign)) return;
    const after = this.#tokens[this.#next + 1]?.text;
    const word = after === sign || after === ',' ? 'extraneous' : 'mismatched';
    this.#stop(`Syntax error: ${word} input '${this.#token().text}' expecting {'${sign}', ','}`);
  }

  #colon(): void {
    if (this.#take(':')) return;
    const { text } = this.#token();
    this.#stop(
      startsExpression(this.#token()) ? `Syntax error: missing ':' at '${text}'` : `Syntax error: mismatched input '${text}' expecting ':'`,
    );
  }

  #nested<T>(parse: () => T): T {
    if (++this.#depth > DEPTH_MAX) this.#stop(`expression recursion limit exceeded: ${DEPTH_MAX}`);
    const result = parse();
    this.#depth--;
    return result;
  }

  #expr(): Expr {
    return this.#nested(() => {
      const condition = this.#logic('||', '_||_', () => this.#logic('&&', '_&&_', () => this.#relation()));
      const sign = this.#take('?');
      if (!sign) return condition;
      const yes = this.#logic('||', '_||_', () => this.#logic('&&', '_&&_', () => this.#relation()));
      this.#colon();
      return call(sign.at, '_?_:_', condition, yes, this.#expr());
    });
  }

  /** `a && b && c`, as a balanced tree: deep chains stay shallow. */
  #logic(sign: string, name: string, term: () => Expr): Expr {
    const terms = [term()];
    const signs: number[] = [];
    for (let found = this.#take(sign); found; found = this.#take(sign)) {
      signs.push(found.at);
      terms.push(term());
    }
    const balanced = (low: number, high: number): Expr => {
      if (low === high) return terms[low]!;
      const middle = Math.floor((low + high + 1) / 2);
      return call(signs[middle - 1]!, name, balanced(low, middle - 1), balanced(middle, high));
    };
    return balanced(0, terms.length - 1);
  }

  #relation(): Expr {
    return this.#binary(RELATIONS, () => this.#binary(SUMS, () => this.#binary(PRODUCTS, () => this.#unary())));
  }

  #binary(operators: ReadonlyMap<string, string>, operand: () => Expr): Expr {
    let left = operand();
    for (let depth = 0; ; depth++) {
      const token = this.#token();
      const name = token.kind === 'sign' ? operators.get(token.text) : undefined;
      if (name === undefined) return left;
      if (depth > DEPTH_MAX) this.#stop('max recursion depth exceeded');
      this.#next++;
      left = call(token.at, name, left, operand());
    }
  }

  #unary(): Expr {
    const first = this.#token();
    if (this.#is('!')) {
      let count = 0;
      while (this.#take('!')) count++;
      const operand = this.#member();
      return count % 2 === 0 ? operand : call(first.at, '!_', operand);
    }
    if (!this.#is('-')) return this.#member();
    const number = this.#tokens[this.#next + 1]!;
    if (number.kind === 'NUM_INT' || number.kind === 'NUM_FLOAT') {
      this.#next++;
      return this.#members(this.#number('-', first.at));
    }
    let count = 0;
    while (this.#take('-')) count++;
    const operand = this.#member();
    return count % 2 === 0 ? operand : call(first.at, '-_', operand);
  }

  #member = (): Expr => this.#members(this.#primary());

  #members(start: Expr): Expr {
    let operand = start;
    for (let depth = 0; ; depth++) {
      if (depth > DEPTH_MAX) this.#stop('max recursion depth exceeded');
      const dot = this.#take('.');
      if (dot) {
        operand = this.#selection(dot, operand);
        continue;
      }
      const bracket = this.#take('[');
      if (!bracket) return operand;
      const optional = this.#take('?') !== undefined;
      const index = this.#expr();
      this.#close(']');
      operand = call(bracket.at, optional ? '_[?_]' : '_[_]', operand, index);
    }
  }

  #selection(dot: Token, operand: Expr): Expr {
    const optional = this.#take('?') !== undefined;
    const name = this.#token();
    if (name.kind === 'ESC_IDENTIFIER') this.#stop("unsupported syntax: '`'");
    if (name.kind !== 'IDENTIFIER') {
      const literal = name.text === 'true' || name.text === 'false' || name.text === 'null' || name.text === 'in';
      this.#stop(
        literal
          ? `Syntax error: mismatched input '${name.text}' expecting IDENTIFIER`
          : `Syntax error: no viable alternative at input '.${name.kind === 'EOF' ? '' : name.text}'`,
      );
    }
    this.#next++;
    if (optional) return call(dot.at, '_?._', operand, { kind: 'literal', at: name.at, value: name.text });
    const open = this.#take('(');
    if (!open) return { kind: 'select', at: dot.at, operand, field: name.text, test: false };
    return this.#callOrMacro(open.at, name.text, operand, this.#args());
  }

  #args(): Expr[] {
    const args: Expr[] = [];
    if (!this.#is(')')) {
      do args.push(this.#expr());
      while (this.#take(','));
    }
    this.#close(')');
    return args;
  }

  #callOrMacro(at: number, name: string, target: Expr | undefined, args: Expr[]): Expr {
    try {
      const expanded = expandMacro(at, name, target, args);
      if (expanded) return expanded;
    } catch (error) {
      if (!(error instanceof MacroError)) throw error;
      this.#problems.push(error.problem);
    }
    return { kind: 'call', at, name, target, args };
  }

  #primary(): Expr {
    const token = this.#token();
    switch (token.kind) {
      case 'NUM_INT':
      case 'NUM_UINT':
      case 'NUM_FLOAT':
        return this.#number('', token.at);
      case 'STRING':
      case 'BYTES':
        this.#next++;
        return { kind: 'literal', at: token.at, value: token.value as Value };
      case 'IDENTIFIER':
        return this.#identifier('');
      case 'EOF':
      case 'ESC_IDENTIFIER':
        return this.#unexpected();
    }
    this.#next++;
    switch (token.text) {
      case 'true':
      case 'false':
        return { kind: 'literal', at: token.at, value: token.text === 'true' };
      case 'null':
        return { kind: 'literal', at: token.at, value: null };
      case '(': {
        const inner = this.#expr();
        this.#close(')');
        return inner;
      }
      case '[':
        return this.#list(token.at);
      case '{':
        return { kind: 'map', at: token.at, entries: this.#entries() };
      case '.':
        if (this.#token().kind === 'IDENTIFIER') return this.#identifier('.');
    }
    this.#next--;
    return this.#unexpected();
  }

  #unexpected(): never {
    const after = this.#tokens[this.#next + 1];
    const fits = after !== undefined && startsExpression(after);
    this.#stop(`Syntax error: ${fits ? 'extraneous' : 'mismatched'} input '${this.#token().text}' expecting ${START_OF_EXPRESSION}`);
  }

  #identifier(prefix: string): Expr {
    const token = this.#tokens[this.#next++]!;
    const open = this.#take('(');
    if (open) {
      if (RESERVED.has(token.text)) this.#problems.push({ at: token.at, message: `reserved identifier: ${token.text}` });
      return this.#callOrMacro(open.at, prefix + token.text, undefined, this.#args());
    }
    const struct = this.#structName(prefix + token.text);
    if (struct) return struct;
    if (RESERVED.has(token.text)) this.#problems.push({ at: token.at, message: `reserved identifier: ${token.text}` });
    return { kind: 'ident', at: token.at, name: prefix + token.text };
  }

  /** `a.b.C{...}`, or undefined with nothing taken. */
  #structName(first: string): Expr | undefined {
    let name = first;
    let ahead = this.#next;
    const sign = (index: number, text: string): boolean => this.#tokens[index]?.kind === 'sign' && this.#tokens[index]!.text === text;
    while (sign(ahead, '.') && this.#tokens[ahead + 1]?.kind === 'IDENTIFIER') {
      name += `.${this.#tokens[ahead + 1]!.text}`;
      ahead += 2;
    }
    if (!sign(ahead, '{')) return undefined;
    const at = this.#tokens[ahead]!.at;
    this.#next = ahead + 1;
    return { kind: 'struct', at, name, fields: this.#fields() };
  }

  #list(at: number): Expr {
    const items: Expr[] = [];
    const optional = new Set<number>();
    while (!this.#is(']') && !(this.#is(',') && items.length === 0)) {
      if (this.#take('?')) optional.add(items.length);
      items.push(this.#expr());
      if (!this.#take(',')) break;
    }
    if (items.length === 0) this.#take(',');
    this.#closeList(']');
    return { kind: 'list', at, items, optional };
  }

  #entries(): Entry[] {
    const entries: Entry[] = [];
    while (!this.#is('}') && !(this.#is(',') && entries.length === 0)) {
      const optional = this.#take('?') !== undefined;
      const key = this.#expr();
      const colon = this.#token().at;
      this.#colon();
      entries.push({ at: colon, key, value: this.#expr(), optional });
      if (!this.#take(',')) break;
    }
    if (entries.length === 0) this.#take(',');
    this.#closeList('}');
    return entries;
  }

  #fields(): FieldInit[] {
    const fields: FieldInit[] = [];
    while (!this.#is('}') && !(this.#is(',') && fields.length === 0)) {
      const optional = this.#take('?') !== undefined;
      const name = this.#token();
      if (name.kind !== 'IDENTIFIER')
        this.#stop(`Syntax error: mismatched input '${name.text}' expecting {'?', IDENTIFIER, ESC_IDENTIFIER}`);
      this.#next++;
      const colon = this.#token().at;
      this.#colon();
      fields.push({ at: colon, name: name.text, value: this.#expr(), optional });
      if (!this.#take(',')) break;
    }
    if (fields.length === 0) this.#take(',');
    this.#closeList('}');
    return fields;
  }

  #number(sign: '' | '-', at: number): Expr {
    const token = this.#tokens[this.#next++]!;
    const literal = (value: Value): Expr => ({ kind: 'literal', at, value });
    if (token.kind === 'NUM_FLOAT') return literal(Number(sign + token.text));
    if (token.kind === 'NUM_UINT') {
      const value = BigInt(token.text.slice(0, -1));
      if (value > UINT_MAX) this.#problems.push({ at, message: 'invalid uint literal' });
      return literal(new Uint(value));
    }
    const value = BigInt(token.text) * (sign ? -1n : 1n);
    if (value > INT_MAX || value < -INT_MAX - 1n) this.#problems.push({ at, message: 'invalid int literal' });
    return literal(value);
  }
}

const call = (at: number, name: string, ...args: Expr[]): Expr => ({ kind: 'call', at, name, args });

const startsExpression = ({ kind, text }: Token): boolean =>
  ['NUM_INT', 'NUM_UINT', 'NUM_FLOAT', 'STRING', 'BYTES', 'IDENTIFIER'].includes(kind) || /^([[{(.!-]|true|false|null)$/.test(text);
