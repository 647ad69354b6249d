// Pod sandbox metrics: cAdvisor's names for what the cgroups count. CRI carries whole numbers only.
import type { ContainerStats, PodSandboxStats } from '../cri/index.ts';
import type * as wire from './gen/types.ts';
import { nanos } from './to-wire.ts';

interface MetricOf<T> {
  name: string;
  help: string;
  type: wire.MetricType;
  labels?: readonly string[];
  /** Undefined: not known here. */
  value(stats: T): number | undefined;
}

const seconds = (ns: number): number => Math.floor(ns / 1e9);

const CONTAINER: readonly MetricOf<ContainerStats>[] = [
  {
    name: 'container_cpu_usage_seconds_total',
    help: 'Cumulative cpu time consumed in seconds.',
    type: 'COUNTER',
    value: (s) => seconds(s.cpuUsageNanos),
  },
  {
    name: 'container_memory_usage_bytes',
    help: 'Current memory usage in bytes, caches among it.',
    type: 'GAUGE',
    value: (s) => s.memoryUsageBytes,
  },
  {
    name: 'container_memory_working_set_bytes',
    help: 'Current working set in bytes.',
    type: 'GAUGE',
    value: (s) => s.memoryWorkingSetBytes,
  },
  { name: 'container_memory_rss', help: 'Size of the resident set in bytes.', type: 'GAUGE', value: (s) => s.memoryRssBytes },
  { name: 'container_processes', help: 'Number of processes running inside the container.', type: 'GAUGE', value: (s) => s.pids },
  { name: 'container_fs_usage_bytes', help: 'Bytes that the writable layer uses.', type: 'GAUGE', value: (s) => s.rootfsUsedBytes },
  { name: 'container_fs_inodes_total', help: 'Inodes that the writable layer uses.', type: 'GAUGE', value: (s) => s.rootfsInodesUsed },
];

const network = (name: string, help: string, value: (n: NonNullable<PodSandboxStats['network']>) => number): MetricOf<PodSandboxStats> => ({
  name: `container_network_${name}_total`,
  help,
  type: 'COUNTER',
  labels: ['interface'],
  value: (s) => s.network && value(s.network),
});

const POD: readonly MetricOf<PodSandboxStats>[] = [
  {
    name: 'pod_cpu_usage_seconds_total',
    help: 'Cumulative cpu time consumed by the pod in seconds.',
    type: 'COUNTER',
    value: (s) => seconds(s.cpuUsageNanos),
  },
  {
    name: 'pod_memory_working_set_bytes',
    help: "Current working set of the pod's cgroup in bytes.",
    type: 'GAUGE',
    value: (s) => s.memoryWorkingSetBytes,
  },
  network('receive_bytes', 'Cumulative count of bytes received.', (n) => n.rxBytes),
  network('receive_errors', 'Cumulative count of errors while receiving.', (n) => n.rxErrors),
  network('transmit_bytes', 'Cumulative count of bytes transmitted.', (n) => n.txBytes),
  network('transmit_errors', 'Cumulative count of errors while transmitting.', (n) => n.txErrors),
];

export const DESCRIPTORS: wire.MetricDescriptor[] = [...POD, ...CONTAINER].map(({ name, help, labels = [] }) => ({
  name,
  help,
  labelKeys: [...labels],
}));

export function podSandboxMetrics(stats: PodSandboxStats): wire.PodSandboxMetrics {
  return {
    podSandboxId: stats.id,
    metrics: measured(POD, stats, stats.timestampMs, stats.network ? [stats.network.name] : []),
    containerMetrics: stats.containers.map((c) => ({ containerId: c.id, metrics: measured(CONTAINER, c, c.timestampMs, []) })),
  };
}

function measured<T>(metrics: readonly MetricOf<T>[], stats: T, timestampMs: number, labelValues: string[]): wire.Metric[] {
  return metrics.flatMap(({ name, type, labels, value }) => {
    const number = value(stats);
    if (number === undefined) return [];
    return [
      {
        name,
        metricType: type,
        timestamp: nanos(timestampMs),
        labelValues: labels ? labelValues : [],
        value: { value: Math.round(number) },
      },
    ];
  });
}
