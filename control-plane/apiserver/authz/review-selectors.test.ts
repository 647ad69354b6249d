import { expect, test } from 'vitest';
import { evaluationError, fieldsOf, type ReviewSelector } from './review-selectors.ts';

const IGNORED = 'ignored due to parse error';
const one = (operator: string, ...values: string[]) => ({ key: 'spec.nodeName', operator, values });

test.each<[string, ReviewSelector | undefined, [string, string][], string | undefined]>([
  ['none', undefined, [], undefined],
  ['as text', { rawSelector: 'spec.nodeName==a,status.phase!=b' }, [['spec.nodeName', 'a']], undefined],
  ['as text, escaped', { rawSelector: String.raw`a=x\,y` }, [['a', 'x,y']], undefined],
  ['text that is no selector', { rawSelector: 'a b,spec.nodeName=a' }, [], IGNORED],
  ['one value', { requirements: [one('In', 'a')] }, [['spec.nodeName', 'a']], undefined],
  ['not that value', { requirements: [one('NotIn', 'a')] }, [], undefined],
  ['several values', { requirements: [one('In', 'a', 'b')] }, [], IGNORED],
  [
    'operators that fields do not have',
    { requirements: [one('Exists'), one('In', 'a')] },
    [['spec.nodeName', 'a']],
    `partially ${IGNORED}`,
  ],
])('fields: %s', (_, selector, expected, error) => {
  expect(fieldsOf(selector).fields.map(({ field, value }) => [field, value])).toEqual(expected);
  expect(evaluationError({ fieldSelector: selector })).toBe(error && `spec.resourceAttributes.fieldSelector ${error}`);
});

test.each<[string, ReviewSelector, string | undefined]>([
  ['as text', { rawSelector: 'a in (b),!c' }, undefined],
  ['text that is no selector', { rawSelector: 'a in' }, IGNORED],
  [
    'requirements',
    {
      requirements: [
        { key: 'a', operator: 'In', values: ['b'] },
        { key: 'c', operator: 'Exists' },
      ],
    },
    undefined,
  ],
  ['an operator that nobody knows', { requirements: [{ key: 'a', operator: 'Like' }] }, IGNORED],
  [
    'one of two without values',
    {
      requirements: [
        { key: 'a', operator: 'In' },
        { key: 'a', operator: 'Exists' },
      ],
    },
    `partially ${IGNORED}`,
  ],
])('labels: %s', (_, selector, error) => {
  expect(evaluationError({ labelSelector: selector })).toBe(error && `spec.resourceAttributes.labelSelector ${error}`);
});

test('both are told', () => {
  const bad = { rawSelector: 'a b' };
  expect(evaluationError({ fieldSelector: bad, labelSelector: bad })).toBe(
    `spec.resourceAttributes.fieldSelector ${IGNORED}; spec.resourceAttributes.labelSelector ${IGNORED}`,
  );
});
