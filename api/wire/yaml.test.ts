import { describe, expect, test } from 'vitest';
import { parseYaml } from './yaml.ts';

const lines = (count: number, line: (i: number) => string) => Array.from({ length: count }, (_, i) => line(i)).join('\n');

test('!!binary is the text that it holds', () => {
  expect(parseYaml('a: !!binary "aGVsbG8="').value).toEqual({ a: 'hello' });
});

describe('documents that would hold the server up are refused before they are read', () => {
  test.each([
    ['lines', lines(60_002, (i) => `k${i}: v`)],
    ['items of a flow sequence', `a: [${'x,'.repeat(60_002)}]`],
    ['nested flow collections', `a: ${'['.repeat(60_002)}`],
    ['sequences begun on one line', `a:\n  ${'- '.repeat(60_002)}x`],
  ])('%s', (_, text) => {
    expect(() => parseYaml(text)).toThrow('yaml: document has more than 60000 entries');
  });

  test('aliases that would be looked up among many entries', () => {
    const text = `${lines(2_000, (i) => `k${i}: &a${i} v`)}\n${lines(2_000, (i) => `l${i}: *a${i}`)}`;
    expect(() => parseYaml(text)).toThrow('yaml: document contains excessive aliasing');
  });

  test('a long definition and a few aliases are none of these', () => {
    const text = `a: &a v\n${lines(2_000, (i) => `k${i}: "some, text"`)}\nz: *a`;
    const value = parseYaml(text).value as Record<string, string>;
    expect([value['k1999'], value['z']]).toEqual(['some, text', 'v']);
  });
});

test('a number that no double holds is text, an infinite one is refused', () => {
  expect(parseYaml('a: 1e400\nb: 1e3').value).toEqual({ a: '1e400', b: 1000 });
  expect(() => parseYaml('a: .inf')).toThrow('json: unsupported value: +Inf');
  expect(() => parseYaml('a: -.Inf')).toThrow('json: unsupported value: -Inf');
  expect(() => parseYaml('a: .nan')).toThrow('json: unsupported value: NaN');
});

test('a map within a line is told without the line where it is the first', () => {
  expect(() => parseYaml('a: b: c')).toThrow(/^yaml: mapping values are not allowed in this context$/);
  expect(() => parseYaml('x: y\na: b: c')).toThrow(/^yaml: line 2: mapping values are not allowed in this context$/);
});
