import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseYaml, type YamlReader } from './yaml.ts';
import { answerYaml, readerOfAnswer } from './yaml-answer.ts';

/** JSON, as the store has it: how many digits a number had is no difference. */
function outcome(read: YamlReader, text: string): string {
  try {
    const { value, duplicates } = read(text);
    return JSON.stringify([value, duplicates]);
  } catch (error) {
    return (error as Error).message;
  }
}

const same = (text: string): void => {
  expect(outcome(readerOfAnswer(answerYaml(text)), text)).toBe(outcome(parseYaml, text));
};

test('what another thread answers reads as the text itself: any value', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => same(stringify(value))));
});

test('and any text', () => {
  const piece = fc.constantFrom(
    'a',
    'b',
    ': ',
    '\n',
    '  ',
    '- ',
    '[',
    ']',
    '{',
    '}',
    ', ',
    '&a ',
    '*a',
    '"',
    '|',
    '# ',
    '<<',
    '!!',
    '1e17',
    '.inf',
    '~',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => same(pieces.join(''))),
    { numRuns: 300 },
  );
});

test.each([
  ['', 'nothing'],
  ['a: 1\nb: 2\na: 3', 'repeated keys, with their lines'],
  ['a: 9223372036854775807\nb: 123456789012345678901234567890\nc: 1.5\nd: -0', 'numbers'],
  ['a: yes\non: 010\nt: 2020-01-01\nb: !!binary aGk=\n__proto__: { x: 1 }', 'words of YAML 1.1'],
  ['x: &x { a: 1 }\ny:\n  <<: *x\n  b: 2', 'merges'],
  ['a: 1\nb: [', 'half a document'],
  ['a: .nan', 'no number'],
])('%j: %s', (text) => same(text));

test('more entries than at once, but not more than memory holds', () => {
  const long = (count: number) => `${'#\n'.repeat(count)}a: 1`;
  expect(readerOfAnswer(answerYaml(long(61_000)))('')).toEqual({ value: { a: 1 }, duplicates: [] });
  expect(() => readerOfAnswer(answerYaml(long(250_001)))('')).toThrow('yaml: document has more than 250000 entries');
});
