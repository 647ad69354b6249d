// Whatever a user writes: a CompileError or a program; whatever a program does: a value or a CelError, within its budget.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CelError, CompileError, DYN, Environment, fromJson, PER_CALL_LIMIT, toJson } from './index.ts';

const env = new Environment({ variables: { object: DYN }, mutation: true });

const TOKENS = [
  'object',
  'object.a',
  'object.l',
  'object.n',
  'x',
  'y',
  '.',
  '.?',
  '[',
  '[?',
  ']',
  '(',
  ')',
  '{',
  '}',
  ',',
  ':',
  '?',
  '+',
  '-',
  '*',
  '/',
  '%',
  '<',
  '<=',
  '==',
  '!=',
  '&&',
  '||',
  '!',
  ' in ',
  '1',
  '-9223372036854775808',
  '2u',
  '1.5',
  "'a'",
  "b'a'",
  'true',
  'null',
  '.all(x, ',
  '.map(x, ',
  '.filter(x, ',
  '.exists_one(x, ',
  '.transformMap(x, y, ',
  '.optMap(x, ',
  'size(',
  'string(',
  'int(',
  'has(',
  'dyn(',
  'type(',
  '.matches(',
  '.find(',
  '.replace(',
  '.split(',
  '.join(',
  '.format(',
  '.sum()',
  '.sort()',
  '.sortBy(x, ',
  '.flatten(',
  'quantity(',
  'url(',
  'ip(',
  'cidr(',
  'semver(',
  'timestamp(',
  'duration(',
  'optional.of(',
  '.orValue(',
  'sets.contains(',
  'lists.range(',
  'Object{',
  'JSONPatch{op: ',
  'format.uuid()',
  '// ',
  '\n',
  '"',
  "'''",
  '\\',
  '`',
  '@',
  'é',
  '😀',
  '\0',
];
const soup = fc.array(fc.constantFrom(...TOKENS), { maxLength: 25 }).map((parts) => parts.join(''));

/** Expressions that mostly compile. */
const { expression } = fc.letrec<{ expression: string }>((tie) => {
  const e = tie('expression');
  const of = (build: (...parts: string[]) => string, ...parts: fc.Arbitrary<string>[]) =>
    fc.tuple(...parts).map((values) => build(...values));
  return {
    expression: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.constantFrom(
        'object',
        'object.a',
        'object.l',
        'object.m',
        'object.n',
        '1',
        "'a'",
        'true',
        '[]',
        '{}',
        '1.5',
        'null',
        '3u',
        "b'x'",
      ),
      of((a, op, b) => `(${a} ${op} ${b})`, e, fc.constantFrom('+', '-', '*', '/', '%', '==', '<', '&&', '||', 'in'), e),
      of((a, b, c) => `(dyn(${a}) ? ${b} : ${c})`, e, e, e),
      of((a, macro, b) => `dyn(${a}).${macro}(x, ${b})`, e, fc.constantFrom('all', 'exists', 'exists_one', 'map', 'filter', 'sortBy'), e),
      of((a, b) => `dyn(${a})[dyn(${b})]`, e, e),
      of(
        (a, name) => `dyn(${a}).${name}()`,
        e,
        fc.constantFrom('size', 'sum', 'min', 'isSorted', 'sort', 'distinct', 'reverse', 'trim', 'lowerAscii', 'value', 'flatten'),
      ),
      of(
        (a, name, b) => `dyn(${a}).${name}(dyn(${b}))`,
        e,
        fc.constantFrom('matches', 'find', 'findAll', 'split', 'join', 'indexOf', 'charAt', 'substring', 'contains', 'format'),
        e,
      ),
      of((a, b, c) => `dyn(${a}).replace(dyn(${b}), dyn(${c}))`, e, e, e),
      of(
        (name, a) => `${name}(dyn(${a}))`,
        fc.constantFrom(
          'string',
          'int',
          'double',
          'timestamp',
          'duration',
          'quantity',
          'ip',
          'url',
          'semver',
          'size',
          'type',
          'lists.range',
        ),
        e,
      ),
      of((a, b) => `[dyn(${a}), dyn(${b})]`, e, e),
      of((a, b) => `{dyn(${a}): dyn(${b})}`, e, e),
      of((a) => `Object{a: ${a}, b: Object.b{c: ${a}}}`, e),
    ),
  };
});

function check(source: string, json: unknown): void {
  let program: ReturnType<Environment['compile']>;
  try {
    program = env.compile(source);
  } catch (error) {
    expect(error).toBeInstanceOf(CompileError);
    return;
  }
  const { min, max } = program.estimate();
  expect(min).toBeLessThanOrEqual(max);
  const outcome = program.evaluate({ object: fromJson(json) });
  expect(Number.isFinite(outcome.cost)).toBe(true);
  if (outcome.error) {
    expect(outcome.error).toBeInstanceOf(CelError);
    return;
  }
  expect(outcome.cost).toBeLessThanOrEqual(PER_CALL_LIMIT);
  try {
    toJson(outcome.value);
  } catch (error) {
    expect(error).toBeInstanceOf(CelError);
  }
}

describe('total', () => {
  test('any text', () =>
    fc.assert(
      fc.property(soup, (source) => check(source, { a: 'x', l: [1, 'a'], n: 3 })),
      { numRuns: 1500 },
    ));
  test('any expression about any object', () => fc.assert(fc.property(expression, fc.jsonValue(), check), { numRuns: 1500 }));
});

describe('bounded: each of these would take minutes or all memory', () => {
  const text = 'x'.repeat(100_000);
  const list = Array.from({ length: 5000 }, (_, i) => i);
  test.each([
    ['doubling lists', `[object.l]${'.map(x, x + x)'.repeat(60)}.size()`],
    ['doubling texts', `[object.t]${'.map(x, x + x)'.repeat(60)}.size()`],
    ['a replacement in each gap', "object.t.replace('', object.t)"],
    ['a format with many places', `'${'%s'.repeat(2000)}'.format([${Array(2000).fill('object.t').join(', ')}])`],
    ['nested loops', 'object.l.all(a, object.l.all(b, object.l.all(c, a + b + c >= 0)))'],
    ['equality of nested lists', '[object.l, object.l].all(x, object.l.all(y, [[object.l]] == [[object.l]]))'],
    ['a long join', 'object.l.map(x, object.t).join(object.t)'],
    ['ranges of ranges', 'lists.range(1000000000).map(x, lists.range(1000000000))'],
    ['quadratic functions', 'object.l.distinct().sort().distinct()'],
    ['a pattern that backtracks elsewhere', "object.t.matches('^(x+x+)+y$')"],
  ])('%s', (_, source) => {
    const outcome = env.compile(source).evaluate({ object: fromJson({ t: text, l: list }) });
    expect(outcome.error?.message ?? 'ended').toMatch(/actual cost limit exceeded|ended/);
  });
  test.each([
    ['many parentheses', '('.repeat(100_000)],
    ['a long sum', Array(50_000).fill('1').join('+')],
    ['a long chain of conditions', Array(20_000).fill('true').join('&&')],
    ['a long path', `object${'.a'.repeat(50_000)}`],
    ['many minus signs', `${'-'.repeat(99_000)}1`],
    ['a pattern that grows', "'x'.matches('(((x{1000}){1000}){1000}){1000}')"],
  ])('%s', (_, source) => check(source, {}));
});
