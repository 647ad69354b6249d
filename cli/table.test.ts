// How sizes and ages are printed.
import { expect, test } from 'vitest';
import { age, bytes } from './table.ts';

test.each([
  [0, '0B'],
  [999, '999B'],
  [1000, '1kB'],
  [1_234_567, '1.23MB'],
  [5e12, '5TB'],
  [5e15, '5000TB'],
])('%d bytes are %s', (count, text) => expect(bytes(count)).toBe(text));

test.each([
  [0, '0 seconds ago'],
  [1, '1 second ago'],
  [119, '1 minute ago'],
  [7200, '2 hours ago'],
  [90_000, '1 day ago'],
])('%d seconds are %s', (seconds, text) => expect(age(1e9, 1000 + seconds * 1000)).toBe(text));
