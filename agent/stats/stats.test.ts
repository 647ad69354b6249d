import { expect, test } from 'vitest';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { linksIn, usageOfMachine } from './machine.ts';
import { ephemeralBytes, type PodUsage } from './pods.ts';
import { Rates } from './rates.ts';

test('the working set leaves out what the kernel can give back', () => {
  const meminfo = 'MemTotal:       1000 kB\nMemFree:         400 kB\nInactive(file):  100 kB\nAnonPages:        50 kB\n';
  expect(usageOfMachine(meminfo)).toEqual({ usageBytes: 600 * 1024, workingSetBytes: 500 * 1024, rssBytes: 50 * 1024 });
});

test('ephemeral storage: layers, logs and disk volumes, neither memory nor claims nor what drivers keep', () => {
  const fs = { capacityBytes: 0, availableBytes: 0, usedBytes: 0, inodes: 0, inodesFree: 0, inodesUsed: 0 };
  const volume = (name: string, bytes: number, inMemory: boolean, source = {}, isDriven = false) => ({
    volume: { name, ...source },
    isDriven,
    inMemory,
    used: { bytes, inodes: 1 },
    fs,
  });
  const usage = {
    pod: {} as Pod,
    containers: [{ stats: { rootfsUsedBytes: 1, rootfsInodesUsed: 1 }, record: {}, logs: { bytes: 10, inodes: 1 } }],
    volumes: [
      volume('disk', 100, false),
      volume('memory', 1000, true),
      volume('claim', 10_000, false, { persistentVolumeClaim: { claimName: 'c' } }),
      volume('driven', 100_000, false, { csi: { driver: 'd' } }, true),
    ],
  } as unknown as PodUsage;
  expect(ephemeralBytes(usage)).toBe(111);
});

test('a rate needs two readings, and starts over when its counter does', () => {
  const rates = new Rates();
  expect([rates.perSecond('a', 100, 0), rates.perSecond('a', 300, 2000), rates.perSecond('a', 301, 2100)]).toEqual([undefined, 100, 100]);
  expect([rates.perSecond('a', 5, 4000), rates.perSecond('a', 10, 5000)]).toEqual([undefined, 5]);
});

test("the node's interfaces, without those of pods", () => {
  const table =
    'Inter-| Receive | Transmit\n face |bytes packets|bytes\n  eth0: 10 1 2 3 0 0 0 0 20 4 5 6 0 0 0 0\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n vethab: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n';
  expect(linksIn(table)).toEqual([
    { name: 'eth0', rxBytes: 10, rxPackets: 1, rxErrors: 2, rxDropped: 3, txBytes: 20, txPackets: 4, txErrors: 5, txDropped: 6 },
  ]);
});
