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

const metrics = (pressure: ContainerDetails['pressure']): string[] =>
  cadvisorMetrics([usage], new Map([['c1', { pressure, cpu: {}, memory: {} } as ContainerDetails]]), 1)
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
