// Which address a Service gets: ranges in their order, recorded addresses left alone, asked ones checked.
import { expect, test } from 'vitest';
import type { Service } from '../../../api/gen/types/core.v1.ts';
import { Addresses, firstAddress } from './addresses.ts';

const service = (clusterIP?: string): Service => ({ metadata: { name: 's' }, spec: clusterIP ? { clusterIP } : {} });
const setup = (ranges: string[], recorded: string[] = []) =>
  new Addresses({ ranges: () => ranges, isRecorded: (ip) => recorded.includes(ip), random: () => 0 });
const give = (addresses: Addresses, wanted?: string): string => {
  const asked = service(wanted);
  const problems = addresses.allocate(asked, undefined, []);
  return problems[0]?.message.replace(/^Invalid value: .*?: /, '') ?? (asked.spec?.clusterIP as string);
};

test('the first range is used up before the next, network and broadcast are never given', () => {
  const addresses = setup(['10.0.0.0/30', '10.1.0.0/30']);
  expect([1, 2, 3, 4, 5].map(() => give(addresses))).toEqual([
    '10.0.0.1',
    '10.0.0.2',
    '10.1.0.1',
    '10.1.0.2',
    'failed to allocate a serviceIP: range is full',
  ]);
});

test('an address that an IPAddress object names is taken', () => {
  const addresses = setup(['10.0.0.0/30'], ['10.0.0.1']);
  expect(give(addresses, '10.0.0.1')).toBe('failed to allocate IP 10.0.0.1: provided IP is already allocated');
  expect(give(addresses)).toBe('10.0.0.2');
});

test('overlapping ranges share what is held', () => {
  const addresses = setup(['10.0.0.0/30', '10.0.0.0/29']);
  expect(give(addresses, '10.0.0.2')).toBe('10.0.0.2');
  expect(give(addresses)).toBe('10.0.0.1');
  expect(give(addresses)).toBe('10.0.0.3');
});

test('a range that is gone gives nothing any more', () => {
  const ranges = ['10.0.0.0/30', '10.1.0.0/30'];
  const addresses = setup(ranges);
  ranges.pop();
  expect(give(addresses, '10.1.0.1')).toBe('failed to allocate IP 10.1.0.1: the provided network does not match the current range');
});

test('what was given back can be given again', () => {
  const addresses = setup(['10.0.0.0/30']);
  give(addresses, '10.0.0.2');
  addresses.release(['10.0.0.2']);
  expect(give(addresses, '10.0.0.2')).toBe('10.0.0.2');
});

test('the API has the first address', () => {
  expect(firstAddress('10.43.0.0/16')).toBe('10.43.0.1');
});
