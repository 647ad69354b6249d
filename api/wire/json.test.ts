// Duplicates, odd numbers and syntax errors of JSON bodies.
import { expect, test } from 'vitest';
import { parseJson } from './json.ts';

test.each([
  ['', 'unexpected end of JSON input'],
  ['{', 'unexpected end of JSON input'],
  ['a: 1', "invalid character 'a' looking for beginning of value"],
  ['{} x', "invalid character 'x' after top-level value"],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
  ['[1 2]', "invalid character '2' after array element"],
  ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
  ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
  ['trve', "invalid character 'v' in literal true (expecting 'u')"],
  ['"a\nb"', "invalid character '\\n' in string literal"],
  ['01', "invalid character '1' after top-level value"],
])('%s', (text, message) => {
  expect(() => parseJson(text)).toThrow(message);
});

test('what the stack does not hold is too deep', () => {
  expect(() => parseJson('{"a":'.repeat(200_000) + '1' + '}'.repeat(200_000))).toThrow('exceeded max depth');
});

test('a plain text needs no findings', () => {
  expect(parseJson('{"a": {"b:": "\\"c\\":"}, "n": [1, -2, 100000]}')).toEqual({ value: { a: { 'b:': '"c":' }, n: [1, -2, 100000] } });
});

test('duplicate keys are found, the last one wins', () => {
  const { value, findings } = parseJson('{"a":1,"b":[{"c":1,"c":2}],"a":3}');
  expect(value).toEqual({ a: 3, b: [{ c: 2 }] });
  expect(findings!.duplicates.map((found) => found.path)).toEqual(['b[0].c', 'a']);
});

test('numbers keep their text when it matters', () => {
  const { value, findings } = parseJson('{"a":1.0,"b":[1e3]}');
  expect(value).toEqual({ a: 1, b: [1000] });
  expect(findings!.numbers.get(value as object)!.get('a')).toBe('1.0');
});

test('int64 is exact, what lies beyond is a float', () => {
  const { value, findings } = parseJson('{"a":9007199254740993,"b":9223372036854775808,"c":-0}');
  expect(value).toEqual({ a: 9007199254740993n, b: 2 ** 63, c: 0 });
  expect(findings!.numbers.get(value as object)!.has('a')).toBe(false);
  expect(findings!.overflow).toBeUndefined();
  expect(parseJson('[1, 1e400, 1e500]').findings!.overflow).toBe('1e400');
});

test('half of a surrogate pair becomes U+FFFD, as in Go', () => {
  expect(parseJson('{"\\ud800":["\\ud800x","\\ud83d\\ude00"]}')).toEqual({ value: { '\ufffd': ['\ufffdx', '😀'] } });
});
