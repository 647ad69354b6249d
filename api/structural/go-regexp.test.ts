// Go's regular expressions: what they match, what Go says against them, and that they take no time beyond the text's length.
import { setFlagsFromString } from 'node:v8';
import { expect, test } from 'vitest';
import { GoRegExpError, goRegExp } from './go-regexp.ts';

test.each<[pattern: string, matches: string[], not: string[]]>([
  ['^a.c$', ['abc', 'a\rc', 'a😀c'], ['a\nc', 'ac', 'abbc']],
  ['(?s)^a.c$', ['a\nc'], []],
  ['(?i)^ab[c-d]$', ['ABC', 'abD'], ['abe']],
  ['(?m)^b$', ['a\nb\nc'], ['ab']],
  ['(?i:a)b', ['Ab'], ['AB']],
  ['^[[:alpha:]]+$', ['abC'], ['a1']],
  ['^[^[:digit:]]$', ['a', '😀'], ['1']],
  ['^\\d{2,3}?$', ['12', '123'], ['1', '1234', '١٢']],
  ['^\\w+\\s\\W$', ['a_1 -'], ['é -']],
  ['^[\\w.-]+$', ['a.b-c'], ['a b']],
  ['^\\Qa.b\\E$', ['a.b'], ['axb']],
  ['^\\pL+$', ['aé'], ['1']],
  ['^\\p{Greek}\\P{Greek}$', ['αa'], ['aα']],
  ['^(?P<x>a)(?<y>b)$', ['ab'], []],
  ['\\Aa\\z', ['a'], ['a\n', 'ba']],
  ['^\\x41\\x{1F600}\\101$', ['A😀A'], []],
  ['^a{,2}$', ['a{,2}'], ['aa']],
  ['^[]a]+$', [']a'], ['b']],
  ['^[a\\-z]$', ['-', 'z'], ['b']],
  ['^(a|b|)$', ['a', 'b', ''], ['ab']],
  ['^(?U)a+', ['aa'], []],
  ['^.{1,3}$', ['😀😀😀'], ['😀😀😀😀']],
  ['^/[a-z_]+"$', ['/a_b"'], []],
])('%s', (pattern, matches, not) => {
  for (const text of matches) expect([text, goRegExp(pattern).test(text)]).toEqual([text, true]);
  for (const text of not) expect([text, goRegExp(pattern).test(text)]).toEqual([text, false]);
});

test.each<[pattern: string, why: string]>([
  ['(', 'missing closing ): `(`'],
  ['a)', 'unexpected ): `a)`'],
  ['*', 'missing argument to repetition operator: `*`'],
  ['a**', 'invalid nested repetition operator: `**`'],
  ['a{2}{3}', 'invalid nested repetition operator: `{2}{3}`'],
  ['a{1001}', 'invalid repeat count: `{1001}`'],
  ['a{3,2}', 'invalid repeat count: `{3,2}`'],
  ['[a', 'missing closing ]: `[a`'],
  ['[z-a]', 'invalid character class range: `z-a`'],
  ['[[:nope:]]', 'invalid character class range: `[:nope:]`'],
  ['\\p{Nope}', 'invalid character class range: `\\p{Nope}`'],
  ['\\q', 'invalid escape sequence: `\\q`'],
  ['\\1', 'invalid escape sequence: `\\1`'],
  ['a\\', 'trailing backslash at end of expression: ``'],
  ['(?=a)', 'invalid or unsupported Perl syntax: `(?=`'],
  ['^(?!x)', 'invalid or unsupported Perl syntax: `(?!`'],
  ['(?<=a)', 'invalid or unsupported Perl syntax: `(?<=`'],
  ['(?P<a-b>x)', 'invalid named capture: `(?P<a-b>`'],
])('%s is refused', (pattern, why) => {
  expect(() => goRegExp(pattern)).toThrow(new GoRegExpError(why));
});

test('a pattern that backtracks without end goes on in the linear engine, as the control plane sets it', () => {
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
  for (const pattern of ['^(a+)+$', '(?i)^(a|a)*$', '^([[:alpha:]]+[a-z]*)*$'])
    for (const end of ['!', '😀']) expect(goRegExp(pattern).test('a'.repeat(60) + end)).toBe(false);
});
