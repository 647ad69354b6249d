import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fileErrorText } from './index.ts';

test.each<[what: string, work: () => unknown, text: string]>([
  ['with a path', () => mkdirSync('/proc/no/such'), 'mkdir /proc/no/such: no such file or directory'],
  ['opened', () => readFileSync('/proc/nothing'), 'open /proc/nothing: no such file or directory'],
  ['without a path', () => writeFileSync('/dev/full', 'x'), 'write: no space left on device'],
])('%s', (_, work, text) => {
  let said = '';
  try {
    work();
  } catch (error) {
    said = fileErrorText(error);
  }
  expect(said).toBe(text);
});

test('what no kernel said stays as it is', () => {
  expect(fileErrorText(new Error('EMPTY: of something, else'))).toBe('EMPTY: of something, else');
  expect(fileErrorText('text')).toBe('text');
});
