// The pool of numbers: bands, exhaustion, release.
import { expect, test } from 'vitest';
import { bandOf, Pool } from './pool.ts';

const first = () => 0;

test('dynamic numbers come from above the band until that is used up', () => {
  const pool = new Pool(100, 6, 4, first);
  expect([pool.any(), pool.any(), pool.any()]).toEqual([104, 105, 100]);
});

test('a number is held once and can be given back', () => {
  const pool = new Pool(0, 2, 0, first);
  expect(pool.take(1)).toBe(true);
  expect(pool.take(1)).toBe(false);
  expect(pool.any()).toBe(0);
  expect(pool.any()).toBeUndefined();
  pool.release(1);
  expect(pool.any()).toBe(1);
});

test.each([
  [256, 16, 256, 16],
  [4096, 16, 256, 256],
  [1024, 16, 256, 64],
  [2768, 32, 128, 86],
])('band of %i', (size, step, max, band) => {
  expect(bandOf(size, step, max)).toBe(band);
});
