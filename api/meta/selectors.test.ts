// Selectors: matching, and the refusals of bad texts.
import { describe, expect, test } from 'vitest';
import { labelSelectorMatches, parseFieldSelector, parseLabelSelector } from './selectors.ts';

describe('label selectors', () => {
  test.each([
    ['a', { a: '' }, true],
    ['!a', { a: '' }, false],
    ['a=b', { a: 'b' }, true],
    ['a==b', { a: 'c' }, false],
    ['a!=b', {}, true],
    ['a in (x,y)', { a: 'y' }, true],
    ['a notin (x,y)', {}, true],
    ['a notin (x,y)', { a: 'x' }, false],
    ['a>5', { a: '10' }, true],
    ['a<5', { a: 'x' }, false],
    ['in in (in)', { in: 'in' }, true],
    ['a,b=c', { a: '1', b: 'c' }, true],
    ['a=', { a: '' }, true],
    ['', {}, true],
  ])('%s on %j: %s', (text, labels, matches) => {
    expect(parseLabelSelector(text).matches(labels)).toBe(matches);
  });

  test.each([
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a in', "unable to parse requirement: found '' expected: '('"],
    ['a,', "found '', expected: identifier after ','"],
    ['=', "found '=', expected: !, identifier, or 'end of string'"],
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    ['!a=b', "found '=', expected: ',' or 'end of string'"],
    ['a>b', "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer"],
  ])('%s is refused', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(message);
  });

  test('an absent selector selects nothing, an empty one everything', () => {
    expect(labelSelectorMatches(undefined, {})).toBe(false);
    expect(labelSelectorMatches({}, {})).toBe(true);
    expect(labelSelectorMatches({ matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] }, { b: '1' })).toBe(true);
  });
});

describe('field selectors', () => {
  test('terms', () => {
    expect(parseFieldSelector('metadata.name=a,spec.x!=b\\,c')).toEqual([
      { field: 'metadata.name', op: '=', value: 'a' },
      { field: 'spec.x', op: '!=', value: 'b,c' },
    ]);
  });
  test.each(['nope', 'metadata.name>a'])('%s is refused', (text) => {
    expect(() => parseFieldSelector(text)).toThrow(`invalid selector: '${text}'; can't understand '${text}'`);
  });
});

test.each(['constructor', '!constructor', 'toString in (x)', 'toString notin (x)'])('%s looks at labels alone', (text) => {
  const matches = (labels: Record<string, string> | undefined) => parseLabelSelector(text).matches(labels);
  const absent = text.startsWith('!') || text.includes('notin');
  expect(matches({})).toBe(absent);
  expect(matches(undefined)).toBe(absent);
});
