import { describe, expect, test } from 'vitest';
import { CompileError, DYN, Environment, formatType, fromJson, type JsonSchema, promisedSizes, schemaType, toJson } from './index.ts';

const schema: JsonSchema = {
  type: 'object',
  properties: {
    a: { type: 'string' },
    n: { type: 'integer' },
    d: { type: 'number' },
    short: { type: 'string', maxLength: 10 },
    l: { type: 'array', items: { type: 'string' } },
    few: { type: 'array', maxItems: 10, items: { type: 'string', maxLength: 20 } },
    set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    m: { type: 'object', additionalProperties: { type: 'integer' } },
    at: { type: 'string', format: 'date-time' },
    span: { type: 'string', format: 'duration' },
    any: { 'x-kubernetes-int-or-string': true },
    namespace: { type: 'string' },
    'x-y': { type: 'string' },
    nil: { type: 'string', nullable: true },
  },
};
const self = schemaType(schema)!;
const env = new Environment({ variables: { self: self.type, object: DYN } });
const object = { a: 'hello', n: 3, l: ['x', 'y'], m: { k: 1 }, f: 1.5, z: null, big: 9007199254740993n };

function run(source: string, value: object = {}): unknown {
  const outcome = env.compile(source).evaluate({ self: self.value(value), object: fromJson(object) });
  if (outcome.error) return outcome.error.message;
  const json = toJson(outcome.value);
  return typeof json === 'bigint' ? String(json) : json;
}

function problem(source: string): string {
  try {
    return `compiles to ${formatType(env.compile(source).type)}`;
  } catch (error) {
    expect(error).toBeInstanceOf(CompileError);
    return (error as Error).message;
  }
}

const SYNTAX = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

describe('problems of compilation are those of cel-go', () => {
  test.each([
    ['self.a ==', `1:10: Syntax error: mismatched input '<EOF>' expecting ${SYNTAX}\n | self.a ==\n | .........^`],
    ['1 + + 2', `1:5: Syntax error: extraneous input '+' expecting ${SYNTAX}\n | 1 + + 2\n | ....^`],
    ['a b', "1:3: Syntax error: extraneous input 'b' expecting <EOF>\n | a b\n | ..^"],
    ['(1', "1:3: Syntax error: missing ')' at '<EOF>'\n | (1\n | ..^"],
    ['[1', "1:3: Syntax error: mismatched input '<EOF>' expecting {']', ','}\n | [1\n | ..^"],
    ['if', '1:1: reserved identifier: if\n | if\n | ^'],
    ['self.zzz == 1', "1:5: undefined field 'zzz'\n | self.zzz == 1\n | ....^"],
    ['self.a == self.n', "1:8: found no matching overload for '_==_' applied to '(string, int)'\n | self.a == self.n\n | .......^"],
    ['self.a.shout()', "1:13: undeclared reference to 'shout' (in container '')\n | self.a.shout()\n | ............^"],
    ['1.size()', "1:7: found no matching overload for 'size' applied to 'int.()'\n | 1.size()\n | ......^"],
    ["[1,'a']", "1:4: expected type 'int' but found 'string'\n | [1,'a']\n | ...^"],
    ["true ? 1 : 'a'", "1:6: found no matching overload for '_?_:_' applied to '(bool, int, string)'\n | true ? 1 : 'a'\n | .....^"],
    ['has(self)', '1:5: invalid argument to has() macro\n | has(self)\n | ....^'],
    ['self.l.filter(1, true)', '1:15: argument is not an identifier\n | self.l.filter(1, true)\n | ..............^'],
    ['self.a.matches("(")', '1:16: invalid matches argument\n | self.a.matches("(")\n | ...............^'],
    ["duration('x')", "1:10: invalid duration argument\n | duration('x')\n | .........^"],
    ["'é' + 1", "1:5: found no matching overload for '_+_' applied to '(string, int)'\n | 'é' + 1\n | .．..^"],
    ['true &&\nx', "2:1: undeclared reference to 'x' (in container '')\n | x\n | ^"],
  ])('%s', (source, message) => expect(problem(source)).toBe(`ERROR: <input>:${message}`));

  test('several at once, in order', () =>
    expect(problem('self.x + self.y').match(/undefined field '.'/g)).toEqual(["undefined field 'x'", "undefined field 'y'"]));
  test('deep nesting ends', () => expect(problem(`${'('.repeat(2000)}1`)).toContain('expression recursion limit exceeded: 250'));
});

describe('values', () => {
  test.each<[string, unknown]>([
    ['9223372036854775807 + object.n', 'integer overflow'],
    ['-9223372036854775808', '-9223372036854775808'],
    ['object.big', '9007199254740993'],
    ['7 / 2 * 10 + -7 % 3', 29],
    ['1 / (object.n - 3)', 'division by zero'],
    ["dyn(1) == 1.0 && dyn(1u) == 1 && object.m == {'k': 1.0} && 2 > 1.5", true],
    ["object.nope == 1 || object.a == 'hello'", true],
    ["object.a == 'hello' || object.nope == 1", true],
    ['object.nope == 1 && true', 'no such key: nope'],
    ['object.l[5]', 'index out of bounds: 5'],
    ['object.n.x', 'no such key: x'],
    ['object.n + object.a', 'no such overload'],
    ['has(object.nope) || has(object.n.x)', false],
    ["object.?nope.orValue('d') + object.?a.orValue('e')", 'dhello'],
    ['[?object.?nope, ?optional.of(dyn(2))]', [2]],
    ["{'a': 1}[?'b'].hasValue()", false],
    ['object.?m.optMap(m, m.size()).value()', 1],
    ['[1, 2, 3].map(x, x > 1, x * 2)', [4, 6]],
    ['[1, 2].all(i, v, v == i + 1)', true],
    ["{'a': 1}.transformMap(k, v, v + 1)", { a: 2 }],
    ['[3, 1, 2].sortBy(x, -x)', [3, 2, 1]],
    ["type(1) == int && type('a') == string && type([1]) == list && type(timestamp(0)) == google.protobuf.Timestamp", true],
    ["string(1e21) + ' ' + string(0.1 + 0.2) + ' ' + string(1.0) + ' ' + string(1e-7)", '1e+21 0.30000000000000004 1 1e-07'],
    ["'%s %d %.2f %x %e'.format([[1, 'a'], 5, 1.0/3.0, 255, 1234.5])", '[1, "a"] 5 0.33 ff 1.234500×10⁰³'],
    ["size('äö😀')", 3],
    ["'tacoäcat'.substring(5) + 'xyx'.replace('x', 'z', 1)", 'catzyx'],
    ["timestamp('2020-02-29T10:00:00Z').getHours('+02:00')", 12],
    ["string(timestamp('2020-01-01T00:00:00.5+01:00') + duration('36h'))", '2020-01-02T11:00:00.5Z'],
    ["string(quantity('1500m').add(quantity('1')).asApproximateFloat())", '2.5'],
    ["cidr('10.0.0.0/8').containsIP('10.1.2.3') && ip('::1').isLoopback()", true],
    ["url('https://u@example.com:8080/a?q=1').getHost()", 'example.com:8080'],
    ["semver('v1.2', true).isLessThan(semver('1.10.0'))", true],
    ["format.dns1123Label().validate('ok').hasValue()", false],
    ["quantity('x').sign()", undefined],
  ])('%s', (source, expected) => {
    if (expected === undefined) expect(problem(source)).toContain('found no matching overload');
    else expect(run(source)).toEqual(expected);
  });

  test('typed objects: converted fields, escaped names, no such key', () => {
    expect(run("self.at < timestamp('2030-01-01T00:00:00Z')", { at: '2020-01-01T00:00:00Z' })).toBe(true);
    expect(run("self.span == duration('90s')", { span: '1m30s' })).toBe(true);
    expect(run('self.d == 2.0', { d: 2 })).toBe(true);
    expect(run('self.__namespace__ + self.x__dash__y', { namespace: 'a', 'x-y': 'b' })).toBe('ab');
    expect(run('self.n > 0')).toBe('no such key: n');
    expect(run('dyn(self.nil) == null && type(self.any) == int', { nil: null, any: 3 })).toBe(true);
    expect(run("type(self.any) == int ? self.any < 5 : self.any.endsWith('%')", { any: '5%' })).toBe(true);
    expect(run("self.set == ['b', 'a'] && self.set + ['a'] == ['a', 'b']", { set: ['a', 'b'] })).toBe(true);
  });
});

describe('cost', () => {
  const sizes = promisedSizes(self);
  test.each([
    ['self.n == 1', 2],
    ['self == self', 2], // what makes an object immutable
    ['type(self.n) == int', 4],
    ["self.short == 'abc'", 3],
    ['self.few.all(x, x.size() > 0)', 73],
    ["self.few.all(x, x.matches('^([a-z]+)+$'))", 413],
  ])('%s is bounded by the schema', (source, max) => expect(env.compile(source).estimate(sizes).max).toBeLessThanOrEqual(max));
  test('unbounded loops exceed every budget', () =>
    expect(env.compile('self.l.all(x, self.l.all(y, self.l.exists(z, x == y && y == z)))').estimate(sizes).max).toBeGreaterThan(
      10_000_000 * 100,
    ));

  test('run-time cost is cel-go’s', () => {
    const cost = (source: string): number => env.compile(source).evaluate({ object: fromJson(object) }).cost;
    expect(cost('object.l.all(x, x.size() == 1)')).toBe(15);
    expect(cost('object.l[0]')).toBe(3);
    expect(cost('has(object.a)')).toBe(1);
    expect(cost('object.l + [1]')).toBe(3);
  });

  test('the budget ends an evaluation, and nothing absorbs that', () => {
    const many = Array.from({ length: 3000 }, (_, i) => i);
    const outcome = env.compile('object.all(x, object.all(y, x + y >= 0)) || true').evaluate({ object: fromJson(many) });
    expect(outcome.error?.message).toBe('operation cancelled: actual cost limit exceeded');
    expect(outcome.cost).toBeLessThan(1_100_000);
  });
});
