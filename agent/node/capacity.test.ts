import { expect, test } from 'vitest';
import { allocatableOf, hugePageResources } from './capacity.ts';

test('huge pages as resources, also those that are not there', () => {
  const pages = [
    { sizeBytes: 2 << 20, count: 16 },
    { sizeBytes: 1 << 30, count: 0 },
  ];
  expect(hugePageResources(pages)).toEqual({ 'hugepages-2Mi': '32Mi', 'hugepages-1Gi': '0' });
});

const capacity = { cpu: '2', memory: '1048576Ki', pods: '110', 'hugepages-2Mi': '32Mi', 'hugepages-1Gi': '0' };

test.each([
  ['nothing is kept but the memory of huge pages', {}, { memory: '992Mi' }],
  ['what is reserved goes too', { cpu: '500m', memory: '100Mi' }, { cpu: '1500m', memory: '892Mi' }],
  ['of huge pages too', { 'hugepages-2Mi': '4Mi' }, { memory: '992Mi', 'hugepages-2Mi': '28Mi' }],
  ['never below nothing', { cpu: '3', memory: '2Gi' }, { cpu: '0m', memory: '0' }],
])('%s', (_, reserved, changed) => {
  expect(allocatableOf(capacity, reserved)).toEqual({ ...capacity, ...changed });
});

test('what is kept beyond that, in bytes', () => {
  const disk = { memory: '1Gi', 'ephemeral-storage': '1000Ki' };
  expect(allocatableOf(disk, { memory: '24Mi' }, { memory: 104_857_600n, 'ephemeral-storage': 1n })).toEqual({
    memory: '900Mi',
    'ephemeral-storage': '1023999',
  });
});

test('without huge pages memory is as it was', () => {
  expect(allocatableOf({ memory: '1000Ki' }, {})).toEqual({ memory: '1000Ki' });
});
