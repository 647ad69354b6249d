import { expect, test } from 'vitest';
import { ioText, psiText } from './psi.ts';

const some = { total: 5, avg10: 1.5, avg60: 0.2, avg300: 0 };
const full = { total: 1, avg10: 0, avg60: 0, avg300: 0 };

test('the words of the summary', () => {
  expect(psiText({ some, full })).toEqual({ psi: { full, some } });
  expect(ioText('2026-11-22T00:00:00Z', { some, full })).toEqual({ io: { time: '2026-11-22T00:00:00Z', psi: { full, some } } });
});

test('nothing of what the kernel does not count', () => expect({ ...psiText(undefined), ...ioText('', undefined) }).toEqual({}));
