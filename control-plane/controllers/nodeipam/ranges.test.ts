import { expect, test } from 'vitest';
import { freeRange } from './ranges.ts';

test.each([
  ['10.244.0.0/16', [], '10.244.0.0/24'],
  ['10.244.0.0/16', ['10.244.0.0/24', '10.244.2.0/24'], '10.244.1.0/24'],
  ['10.244.7.9/16', ['10.244.0.0/24'], '10.244.1.0/24'],
  ['192.168.4.0/23', ['192.168.4.0/24', '192.168.5.0/24'], undefined],
  ['250.1.2.0/24', [], '250.1.2.0/24'],
])('%s without %j gives %s', (cluster, taken, expected) => {
  expect(freeRange(cluster, new Set(taken))).toBe(expected);
});

test.each(['10.244.0.0', 'fd00::/48', '10.0.0.0/25'])('%s is refused', (cluster) => {
  expect(() => freeRange(cluster, new Set())).toThrow(/is not an IPv4 range/);
});
