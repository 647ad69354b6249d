import { expect, test } from 'vitest';
import { groupLimits } from './qos-groups.ts';

const GiB = 2 ** 30;

test.each([
  ['nobody asks', 0, 2],
  ['all together', 1500, 1536],
  ['less than the least', 1, 2],
  ['more than the most', 10_000_000, 262_144],
])('shares of Burstable pods: %s', (_, milli, cpuShares) => {
  expect(groupLimits({ cpu: '2', memory: '4Gi', pods: '110' }, milli)).toEqual({
    kubepods: { cpuShares: 2048, memoryBytes: 4 * GiB },
    'kubepods/burstable': { cpuShares },
    'kubepods/besteffort': { cpuShares: 2 },
  });
});
