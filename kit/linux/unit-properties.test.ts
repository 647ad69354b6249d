import { describe, expect, test } from 'vitest';
import type { CgroupLimits } from './cgroup-limits.ts';
import { bitsOf, unitProperties } from './unit-properties.ts';

const UNLIMITED = 2n ** 64n - 1n;
const V2 = { isV1: false, version: 252 };
const V1 = { isV1: true, version: 245 };

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
  expect(unitProperties(limits, V2)).toEqual(numbers(wanted));
});

const numbers = (wanted: Record<string, bigint>) => Object.entries(wanted).map(([name, value]) => [name, ['t', value]]);

test.each<[string, CgroupLimits, Record<string, bigint>]>([
  ['the least weight', { cpuShares: 1 }, { CPUShares: 2n }],
  ['1 processor', { cpuShares: 1024 }, { CPUShares: 1024n }],
  ['12.3 % is rounded up', { cpuQuota: 12_300 }, { CPUQuotaPeriodUSec: 100_000n, CPUQuotaPerSecUSec: 130_000n }],
  ['64 MiB', { memoryBytes: 64 << 20 }, { MemoryLimit: 67_108_864n }],
  ['no limit of memory', { memoryBytes: -1 }, { MemoryLimit: UNLIMITED }],
  ['40 processes', { pids: 40 }, { TasksMax: 40n }],
  ['processors by number: files only', { cpusetCpus: '0-2', cpusetMems: '0' }, {}],
])('v1: %s', (_, limits, wanted) => {
  expect(unitProperties(limits, V1)).toEqual(numbers(wanted));
});

test('what an old systemd does not know is left out', () => {
  const limits = { cpuQuota: 5000, cpuPeriod: 50_000, cpusetCpus: '0' };
  expect(unitProperties(limits, { isV1: false, version: 241 })).toEqual(numbers({ CPUQuotaPerSecUSec: 100_000n }));
});

describe('devices', () => {
  const rules = [
    { allow: false, access: 'rwm' },
    { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' },
    { allow: true, type: 'b', major: 8, access: 'r' },
  ];
  const of = (devices: CgroupLimits['devices'] = []) =>
    Object.fromEntries(unitProperties({ devices }, V1).map(([name, [, value]]) => [name, value]));
  test('are told on v1 alone', () => expect(unitProperties({ devices: rules }, V2)).toEqual([]));
  test('those that every container has, and its own', () => {
    const { DevicePolicy, DeviceAllow } = of(rules);
    expect(DevicePolicy).toBe('strict');
    expect(DeviceAllow).toEqual(
      expect.arrayContaining([
        ['/dev/char/1:3', 'rwm'],
        ['char-pts', 'rwm'],
        ['char-*', 'm'],
      ]),
    );
    expect((DeviceAllow as unknown[]).slice(-2)).toEqual([
      ['/dev/char/10:229', 'rw'],
      ['block-8', 'r'],
    ]);
  });
  test('what was allowed before is forgotten', () =>
    expect(unitProperties({ devices: rules }, V1).map(([name, [, value]]) => [name, (value as unknown[]).length > 0])).toEqual([
      ['DevicePolicy', true],
      ['DeviceAllow', false],
      ['DeviceAllow', true],
    ]));
  test('all of them', () => expect(of([{ allow: true, access: 'rwm' }])).toEqual({ DevicePolicy: 'auto', DeviceAllow: [] }));
});

test('sets of processors and memory nodes', () => {
  expect(unitProperties({ cpusetCpus: '0-2,9', cpusetMems: '0' }, V2)).toEqual([
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
