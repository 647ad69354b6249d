import { expect, test } from 'vitest';
import type { CgroupLimits } from './cgroups.ts';
import { bitsOf, unitProperties } from './unit-properties.ts';

const UNLIMITED = 2n ** 64n - 1n;

test.each<[string, CgroupLimits, Record<string, bigint>]>([
  ['nothing', {}, {}],
  ['the least weight', { cpuShares: 2 }, { CPUWeight: 1n }],
  ['1 processor', { cpuShares: 1024 }, { CPUWeight: 39n }],
  ['the most weight', { cpuShares: 262_144 }, { CPUWeight: 10_000n }],
  ['30 %', { cpuQuota: 30_000 }, { CPUQuotaPeriodUSec: 100_000n, CPUQuotaPerSecUSec: 300_000n }],
  ['2.5 processors', { cpuQuota: 250_000, cpuPeriod: 100_000 }, { CPUQuotaPeriodUSec: 100_000n, CPUQuotaPerSecUSec: 2_500_000n }],
  ['12.3 % is rounded up', { cpuQuota: 12_300 }, { CPUQuotaPeriodUSec: 100_000n, CPUQuotaPerSecUSec: 130_000n }],
  ['the least of kubelet', { cpuQuota: 1000 }, { CPUQuotaPeriodUSec: 100_000n, CPUQuotaPerSecUSec: 10_000n }],
  ['a third of a short period', { cpuQuota: 5000, cpuPeriod: 15_000 }, { CPUQuotaPeriodUSec: 15_000n, CPUQuotaPerSecUSec: 340_000n }],
  ['no quota', { cpuQuota: -1 }, { CPUQuotaPeriodUSec: 100_000n, CPUQuotaPerSecUSec: UNLIMITED }],
  ['64 MiB', { memoryBytes: 64 << 20 }, { MemoryMax: 67_108_864n }],
  ['no limit of memory', { memoryBytes: -1 }, { MemoryMax: UNLIMITED }],
  ['40 processes', { pids: 40 }, { TasksMax: 40n }],
  ['any number of processes', { pids: -1 }, { TasksMax: UNLIMITED }],
  ['huge pages: files only', { hugePages: [{ pageSize: '2MB', bytes: 0 }] }, {}],
])('%s', (_, limits, wanted) => {
  expect(Object.fromEntries(unitProperties(limits).map(([name, [type, value]]) => [`${name}:${type}`, value]))).toEqual(
    Object.fromEntries(Object.entries(wanted).map(([name, value]) => [`${name}:t`, value])),
  );
});

test('sets of processors and memory nodes', () => {
  expect(unitProperties({ cpusetCpus: '0-2,9', cpusetMems: '0' })).toEqual([
    ['AllowedCPUs', ['ay', Uint8Array.of(7, 2)]],
    ['AllowedMemoryNodes', ['ay', Uint8Array.of(1)]],
  ]);
});

test.each([
  ['0', [1]],
  ['8', [0, 1]],
  ['0-7', [255]],
  ['1, 3', [10]],
  ['15-16', [0, 128, 1]],
])('bits of %s', (list, bytes) => expect([...bitsOf(list)]).toEqual(bytes));

test.each(['', 'a', '3-1', '1,,2', '-1'])('%j is no list', (list) => expect(() => bitsOf(list)).toThrow('is not a list'));
