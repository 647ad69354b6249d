import { expect, test } from 'vitest';
import { staySeconds } from './eviction.ts';

const taint = (key: string, effect = 'NoExecute') => ({ key, effect });
const tolerate = (key: string, tolerationSeconds?: number) => ({
  key,
  operator: 'Exists',
  ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
});

test.each([
  ['no taints', [], [], undefined],
  ['taints that do not drive away', [taint('k', 'NoSchedule')], [], undefined],
  ['not tolerated', [taint('k')], [], 0],
  ['tolerated for ever', [taint('k')], [tolerate('k')], undefined],
  ['tolerated for a while', [taint('k')], [tolerate('k', 300)], 300],
  ['the shortest counts', [taint('k'), taint('l')], [tolerate('k', 300), tolerate('l', 10)], 10],
  ['one of two not tolerated', [taint('k'), taint('l')], [tolerate('k', 300)], 0],
  ['below zero is now', [taint('k')], [tolerate('k', -5)], 0],
])('%s', (_, taints, tolerations, seconds) => {
  expect(staySeconds(taints, tolerations)).toBe(seconds);
});
