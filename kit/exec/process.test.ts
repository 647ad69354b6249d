import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { identify, identityIn, isAlive } from './process.ts';

const stat = (state: string, threads: number) =>
  `77 (a) b (c) ${state} 1 77 77 0 -1 4194560 100 0 0 0 5 3 0 0 20 0 ${threads} 0 123456 1000 10 18446744073709551615\n`;

test.each([
  ['running', 'R', 3, true],
  ['sleeping', 'S', 1, true],
  ['a zombie', 'Z', 1, false],
  ['a zombie whose other threads still end', 'Z', 2, true],
  ['dead', 'X', 0, false],
])('%s', (_, state, threads, lives) => {
  expect(identityIn(stat(state, threads), 77)).toEqual(lives ? { pid: 77, startTicks: '123456' } : undefined);
});

test('this process', () => {
  const self = identify(process.pid)!;
  expect(isAlive(self)).toBe(true);
  expect(isAlive({ ...self, startTicks: '1' })).toBe(false);
  expect(Number(readFileSync('/proc/self/stat', 'utf8').split(') ')[1]!.split(' ')[17])).toBeGreaterThan(1); // the field of the threads
});
