// Ranges: arithmetic and what is refused.
import { expect, test } from 'vitest';
import { addressIn, cidrProblem, rangesOverlap } from './addresses.ts';

test.each([
  ['10.0.0.0/16', 10, '10.0.0.10'],
  ['10.0.0.0/16', 256, '10.0.1.0'],
  ['10.43.0.0/16', 1, '10.43.0.1'],
])('address %s[%i] is %s', (cidr, index, expected) => {
  expect(addressIn(cidr, index)).toBe(expected);
});

test.each([
  ['10.0.0.0/16', undefined],
  ['10.0.0.0', '--x: 10.0.0.0 is not an IPv4 range such as 10.0.0.0/16'],
  ['10.0.0.300/16', '--x: 10.0.0.300/16 is not an IPv4 range such as 10.0.0.0/16'],
  ['10.0.0.1/16', '--x: 10.0.0.1/16 has host bits set'],
  ['10.0.0.0/30', '--x: 10.0.0.0/30 must be from /12 to /24'],
  ['172.30.0.0/16', "--x: 172.30.0.0/16 overlaps the nodes' own network 172.30.0.0/24"],
])('range %s: %s', (cidr, problem) => {
  expect(cidrProblem('--x', cidr, 12, 24)).toBe(problem);
});

test('overlap', () => {
  expect(rangesOverlap('10.0.0.0/8', '10.244.0.0/16')).toBe(true);
  expect(rangesOverlap('10.0.0.0/16', '10.244.0.0/16')).toBe(false);
});
