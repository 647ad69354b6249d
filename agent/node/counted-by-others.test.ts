import { expect, test } from 'vitest';
import { changesNothing, countedByOthers, noneLeft } from './counted-by-others.ts';

const own = { cpu: '2', 'hugepages-2Mi': '0', 'vendor.io/device': '1' };
const none = { capacity: {}, allocatable: {} };

test.each<[string, Record<string, string>, Record<string, string>, object]>([
  ['what somebody counts is for pods', { 'example.com/dongle': '4' }, {}, { ...none, allocatable: { 'example.com/dongle': '4' } }],
  ['also when there is more of it', { 'x.io/a': '5' }, { 'x.io/a': '4' }, { ...none, allocatable: { 'x.io/a': '5' } }],
  ['nothing to do', { 'x.io/a': '5' }, { 'x.io/a': '5' }, none],
  ['taken away', {}, { 'x.io/a': '5' }, { ...none, allocatable: { 'x.io/a': null } }],
  ['what the node counts itself is its own affair', { cpu: '8', 'vendor.io/device': '9' }, { cpu: '7' }, none],
  ['devices of which none is free', {}, { 'vendor.io/device': '1' }, none],
  ['other words of the API', {}, { pods: '3' }, none],
  [
    'a size of huge pages that the kernel has no more',
    { 'hugepages-2Mi': '0', 'hugepages-1Gi': '1Gi' },
    { 'hugepages-2Mi': '0', 'hugepages-1Gi': '1Gi' },
    { capacity: { 'hugepages-1Gi': null }, allocatable: { 'hugepages-1Gi': null } },
  ],
])('%s', (_name, capacity, allocatable, expected) => {
  const patch = countedByOthers({ capacity, allocatable }, own);
  expect(patch).toEqual(expected);
  expect(changesNothing(patch)).toBe(expected === none);
});

test('a machine made anew has nothing of what others counted', () => {
  const zero = { 'x.io/a': '0' };
  expect(noneLeft({ capacity: { cpu: '2', 'x.io/a': '5' } })).toEqual({ capacity: zero, allocatable: zero });
});
