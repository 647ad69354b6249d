import { expect, test } from 'vitest';
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import type { ContainerDetails } from '../../cri/index.ts';
import type { PodUsage } from '../../stats/index.ts';
import { cadvisorMetrics } from './cadvisor.ts';

const usage = {
  pod: { metadata: { name: 'p', namespace: 'n', uid: 'u' } } as Pod,
  containers: [
    {
      stats: { cpuUsageNanos: 1, timestampMs: 1 },
      record: { id: 'c1', metadata: { name: 'c', attempt: 0 }, image: '', resources: {}, startedAtMs: 0 },
    },
  ],
  volumes: [],
} as unknown as PodUsage;

const machine = { memoryBytes: 1, swapBytes: 0 };

const metrics = (pressure: ContainerDetails['pressure']): string[] =>
  cadvisorMetrics([usage], new Map([['c1', { pressure, cpu: {}, memory: {} } as ContainerDetails]]), machine)
    .split('\n')
    .filter((line) => line.startsWith('container_pressure'))
    .map((line) => line.replace(/\{.*\}/, '').replace(/ \d+$/, ''));

test('pressure where the kernel counts it', () => {
  expect(metrics({ cpu: { someSeconds: 2.5, fullSeconds: 0.5 }, memory: { someSeconds: 1, fullSeconds: 0 } })).toEqual([
    'container_pressure_cpu_stalled_seconds_total 0.5',
    'container_pressure_cpu_waiting_seconds_total 2.5',
    'container_pressure_memory_stalled_seconds_total 0',
    'container_pressure_memory_waiting_seconds_total 1',
  ]);
  expect(metrics({})).toEqual([]);
});

test('devices and page faults have labels of their own; of what a runtime does not tell there is nothing', () => {
  const details = {
    pressure: {},
    cpu: {},
    memory: { pageFaults: 7, majorPageFaults: 1 },
    io: [{ device: '999:9', readBytes: 5, writeBytes: 0, reads: 1, writes: 0 }],
    fileSystem: { bytes: 9, inodes: 8, inodesFree: 7 },
  } as unknown as ContainerDetails;
  const lines = (all: ReadonlyMap<string, ContainerDetails>) =>
    cadvisorMetrics([usage], all, machine)
      .split('\n')
      .filter((line) => /^container_(fs_reads_bytes|memory_failures|fs_inodes)/.test(line))
      .map((line) => line.replace(/container="c",|id="[^"]*",|image="[^"]*",|name="[^"]*",|namespace="[^"]*",|pod="[^"]*",?/g, ''));
  expect(lines(new Map([['c1', details]]))).toEqual([
    'container_fs_inodes_free{device="overlay"} 7 1',
    'container_fs_inodes_total{device="overlay"} 8 1',
    'container_fs_reads_bytes_total{device="999:9"} 5 1',
    'container_memory_failures_total{failure_type="pgfault",scope="hierarchy"} 7 1',
    'container_memory_failures_total{failure_type="pgmajfault",scope="hierarchy"} 1 1',
  ]);
  expect(lines(new Map())).toEqual([]);
});
