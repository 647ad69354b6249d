// Names, metadata and the texts of errors.
import { expect, test } from 'vitest';
import { invalid, notFound } from './errors.ts';
import { generateName, validateObjectMeta, validateObjectMetaUpdate } from './names.ts';
import { goQuote, invalidValue, notSupported, required } from './problems.ts';
import { dns1035Label, dns1123Label, qualifiedName } from './text-rules.ts';

test.each([
  ['a.b', 'must not contain dots'],
  ['A', "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'"],
])('label %s', (name, text) => {
  expect(dns1123Label(name)[0]).toContain(text);
});

test('names that are fine', () => {
  expect([...dns1123Label('my-name'), ...dns1035Label('a1'), ...qualifiedName('example.com/My.Name_1')]).toEqual([]);
});

test('both parts of a key can be wrong', () => {
  expect(qualifiedName('A/-')).toHaveLength(2);
});

test('a generated name is cut and suffixed', () => {
  expect(generateName('x'.repeat(80), () => 0)).toBe(`${'x'.repeat(58)}bbbbb`);
});

test('metadata of a new object', () => {
  const problems = validateObjectMeta({ generateName: 'ok-', name: 'Bad', namespace: 'n', labels: { 'a b': 'c d' } }, true);
  expect(problems.map(({ field }) => field)).toEqual(['metadata.name', 'metadata.labels', 'metadata.labels']);
});

test('metadata of a changed object', () => {
  const old = { name: 'a', uid: 'u', resourceVersion: '1', deletionTimestamp: '2020-01-01T00:00:00Z', finalizers: ['a.b/c'] };
  const problems = validateObjectMetaUpdate({ ...old, uid: 'v', finalizers: ['a.b/c', 'x.y/z'] }, old);
  expect(problems.map(({ message }) => message)).toEqual([
    'Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"x.y/z"}',
    'Invalid value: "v": field is immutable',
  ]);
});

test('texts of errors', () => {
  expect(notFound({ group: 'apps', plural: 'deployments' }, 'x').message).toBe('deployments.apps "x" not found');
  const one = required('spec.a');
  expect(invalid({ group: '', kind: 'Pod' }, 'p', [one]).message).toBe('Pod "p" is invalid: spec.a: Required value');
  const two = notSupported('spec.b', 'x', ['A', 'B']);
  expect(invalid({ group: '', kind: 'Pod' }, 'p', [one, two, one]).message).toBe(
    'Pod "p" is invalid: [spec.a: Required value, spec.b: Unsupported value: "x": supported values: "A", "B"]',
  );
  expect(invalidValue('f', { a: '<' }, 'no').message).toBe('Invalid value: {"a":"\\u003c"}: no');
  expect(goQuote('a"\n\u0001')).toBe('"a\\"\\n\\x01"');
});
