import { expect, test } from 'vitest';
import { planRotation, rotatedName } from './rotation.ts';

test('rotated names sort by age', () => {
  expect(rotatedName('/l/0.log', 0)).toBe('/l/0.log.19700101-000000');
});

test.each([
  ['nothing yet', ['0.log'], [], []],
  ['the one before is compressed', ['0.log', '0.log.1'], [], ['0.log.1']],
  ['room is made for one more', ['0.log', '0.log.2.gz', '0.log.1.gz', '0.log.4', '0.log.3.gz', '1.log.0'], ['0.log.1.gz'], ['0.log.4']],
  ['left from a crash', ['0.log', '0.log.1', '0.log.1.gz', '0.log.2', '0.log.2.tmp'], ['0.log.1', '0.log.2.tmp'], ['0.log.2']],
])('%s', (_, present, remove, compress) => expect(planRotation(present, '0.log', 5)).toEqual({ remove, compress }));
