import { expect, test } from 'vitest';
import { expand } from './expand.ts';

const known: Record<string, string> = { A: '1', B: '$(A)', EMPTY: '' };

test.each([
  ['plain', 'plain'],
  ['$(A)', '1'],
  ['x$(A)y$(A)', 'x1y1'],
  ['$(B)', '$(A)'],
  ['$(EMPTY)|', '|'],
  ['$(NONE)', '$(NONE)'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$1'],
  ['$$$$(A)', '$$(A)'],
  ['$A', '$A'],
  ['$(A', '$(A'],
  ['5$', '5$'],
  ['$$', '$'],
  ['$()', '$()'],
])('%s -> %s', (text, expanded) => expect(expand(text, (name) => known[name])).toBe(expanded));
