import { expect, test } from 'vitest';
import { outdated, rotatedName } from './log-rotation.ts';

test('rotated names sort by age', () => {
  expect(rotatedName('/l/0.log', 0)).toBe('/l/0.log.19700101-000000');
});

test.each([
  [['0.log', '0.log.1', '0.log.2'], []],
  [['0.log', '0.log.1', '0.log.2', '0.log.3'], []],
  [['0.log', '0.log.2', '0.log.1', '0.log.4', '0.log.3', '1.log.0'], ['0.log.1']],
])('of %j goes %j', (present, gone) => expect(outdated(present, '0.log')).toEqual(gone));
