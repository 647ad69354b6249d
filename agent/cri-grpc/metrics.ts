// Pod sandbox metrics: cAdvisor's names and labels for what the kernel counts. CRI carries whole numbers only.
import type { ContainerDetails, ContainerStats, ContainerStatus, Cri, NetworkStats, PodSandboxStatus } from '../cri/index.ts';
import type * as wire from './gen/types.ts';
import { nanos } from './to-wire.ts';

/** What a container's metrics are made of. */
interface Measured {
  stats: ContainerStats;
  details: ContainerDetails;
  status: ContainerStatus;
}

/** Values with the texts of the metric's own labels. */
type Values = readonly (readonly [value: number | undefined, ...labels: string[]])[];

interface MetricOf<T> {
  name: string;
  help: string;
  type: wire.MetricType;
  /** Beside those that all have. */
  labels?: readonly string[];
  values(from: T): Values;
}

const LABELS = ['container', 'id', 'image', 'name', 'namespace', 'pod'] as const;

const one =
  (type: wire.MetricType) =>
  <T>(name: string, help: string, value: (from: T) => number | undefined): MetricOf<T> => ({
    name,
    help,
    type,
    values: (from) => [[value(from)]],
  });
const gauge = one('GAUGE')<Measured>;
const counter = one('COUNTER')<Measured>;
const seconds = (ns: number): number => Math.floor(ns / 1e9);

/** A sum over devices would hide which one is busy, but the kernel's numbers of devices say little to people: the sum it is. */
const io = (name: string, help: string, value: (device: ContainerDetails['io'][number]) => number): MetricOf<Measured> => ({
  name: `container_fs_${name}_total`,
  help,
  type: 'COUNTER',
  labels: ['device'],
  values: ({ details }) => (details.io.length === 0 ? [] : [[details.io.reduce((sum, device) => sum + value(device), 0), '']]),
});

const pressure = (what: 'cpu' | 'memory' | 'io'): MetricOf<Measured>[] => [
  counter(
    `container_pressure_${what}_waiting_seconds_total`,
    `Time that some processes waited for ${what}, in seconds.`,
    ({ details }) => details.pressure[what]?.someSeconds,
  ),
  counter(
    `container_pressure_${what}_stalled_seconds_total`,
    `Time that all processes waited for ${what}, in seconds.`,
    ({ details }) => details.pressure[what]?.fullSeconds,
  ),
];

const CONTAINER: readonly MetricOf<Measured>[] = [
  counter('container_cpu_usage_seconds_total', 'Cumulative cpu time consumed in seconds.', (m) => seconds(m.stats.cpuUsageNanos)),
  counter('container_cpu_user_seconds_total', 'Cumulative user cpu time consumed in seconds.', (m) => seconds(m.details.cpu.userNanos)),
  counter('container_cpu_system_seconds_total', 'Cumulative system cpu time consumed in seconds.', (m) =>
    seconds(m.details.cpu.systemNanos),
  ),
  counter('container_cpu_cfs_periods_total', 'Number of elapsed enforcement periods.', (m) => m.details.cpu.periods),
  counter('container_cpu_cfs_throttled_periods_total', 'Number of throttled periods.', (m) => m.details.cpu.throttledPeriods),
  counter('container_cpu_cfs_throttled_seconds_total', 'Time throttled in seconds.', (m) => seconds(m.details.cpu.throttledNanos)),
  gauge('container_spec_cpu_period', 'CPU period in microseconds.', (m) => m.status.resources.cpuPeriod ?? 100_000),
  gauge('container_spec_cpu_quota', 'CPU quota in microseconds.', (m) => m.status.resources.cpuQuota),
  gauge('container_spec_cpu_shares', 'CPU shares.', (m) => m.status.resources.cpuShares ?? 1024),

  gauge('container_memory_usage_bytes', 'Current memory usage in bytes, caches among it.', (m) => m.stats.memoryUsageBytes),
  gauge('container_memory_working_set_bytes', 'Current working set in bytes.', (m) => m.stats.memoryWorkingSetBytes),
  gauge('container_memory_rss', 'Size of the resident set in bytes.', (m) => m.stats.memoryRssBytes),
  gauge('container_memory_cache', 'Page cache in bytes.', (m) => m.details.memory.cacheBytes),
  gauge('container_memory_mapped_file', 'Memory mapped files in bytes.', (m) => m.details.memory.mappedFileBytes),
  gauge('container_memory_kernel_usage', "Kernel's memory for the container in bytes.", (m) => m.details.memory.kernelBytes),
  gauge('container_memory_swap', 'Swap usage in bytes.', (m) => m.details.memory.swapBytes),
  gauge('container_memory_max_usage_bytes', 'Greatest memory usage recorded in bytes.', (m) => m.details.memory.maxUsageBytes ?? 0),
  counter('container_memory_failcnt', 'Number of times that memory usage hit its limit.', (m) => m.details.memory.failures),
  {
    name: 'container_memory_failures_total',
    help: 'Cumulative count of page faults.',
    type: 'COUNTER',
    labels: ['failure_type', 'scope'],
    values: ({ details: { memory } }) => [
      [memory.pageFaults, 'pgfault', 'hierarchy'],
      [memory.majorPageFaults, 'pgmajfault', 'hierarchy'],
    ],
  },
  counter('container_oom_events_total', 'Count of processes killed for want of memory.', (m) => m.details.memory.oomKills),
  gauge('container_spec_memory_limit_bytes', 'Memory limit in bytes; 0: none.', (m) => m.status.resources.memoryLimitBytes ?? 0),
  gauge(
    'container_spec_memory_swap_limit_bytes',
    'Limit of memory and swap in bytes; 0: none.',
    (m) => m.status.resources.memoryLimitBytes ?? 0,
  ),

  gauge('container_processes', 'Number of processes running inside the container.', (m) => m.stats.pids),
  gauge('container_threads', 'Number of threads running inside the container.', (m) => m.details.threads),
  gauge('container_threads_max', 'Greatest number of threads allowed; 0: no limit.', (m) => m.details.pidsMax ?? 0),
  gauge('container_file_descriptors', 'Number of open file descriptors.', (m) => m.details.fileDescriptors),
  gauge('container_sockets', 'Number of open sockets.', (m) => m.details.sockets),
  {
    name: 'container_ulimits_soft',
    help: "Soft limits of the container's first process.",
    type: 'GAUGE',
    labels: ['ulimit'],
    values: ({ details }) => [[details.openFilesSoftLimit, 'max_open_files']],
  },
  gauge('container_start_time_seconds', 'Start time since the epoch in seconds.', (m) => Math.floor(m.details.startedAtMs / 1000)),
  gauge('container_last_seen', 'Time of this measurement since the epoch in seconds.', (m) => Math.floor(m.stats.timestampMs / 1000)),

  gauge('container_fs_usage_bytes', 'Bytes that the writable layer uses.', (m) => m.stats.rootfsUsedBytes),
  gauge('container_fs_limit_bytes', "Size of the writable layer's file system in bytes.", (m) => m.details.fileSystem.bytes),
  gauge('container_fs_inodes_total', "Inodes of the writable layer's file system.", (m) => m.details.fileSystem.inodes),
  gauge('container_fs_inodes_free', "Free inodes of the writable layer's file system.", (m) => m.details.fileSystem.inodesFree),
  io('reads_bytes', 'Cumulative count of bytes read.', (device) => device.readBytes),
  io('writes_bytes', 'Cumulative count of bytes written.', (device) => device.writeBytes),
  io('reads', 'Cumulative count of reads.', (device) => device.reads),
  io('writes', 'Cumulative count of writes.', (device) => device.writes),
  {
    name: 'container_blkio_device_usage_total',
    help: 'Bytes read and written on block devices.',
    type: 'COUNTER',
    labels: ['operation'],
    values: ({ details }) =>
      details.io.flatMap(
        ({ readBytes, writeBytes }) =>
          [
            [readBytes, 'Read'],
            [writeBytes, 'Write'],
          ] as const,
      ),
  },
  ...pressure('cpu'),
  ...pressure('memory'),
  ...pressure('io'),
];

const network = (name: string, help: string, value: (stats: NetworkStats) => number | undefined): MetricOf<NetworkStats> => ({
  name: `container_network_${name}_total`,
  help,
  type: 'COUNTER',
  labels: ['interface'],
  values: (stats) => [[value(stats), stats.name]],
});

const POD: readonly MetricOf<NetworkStats>[] = [
  network('receive_bytes', 'Cumulative count of bytes received.', (n) => n.rxBytes),
  network('receive_packets', 'Cumulative count of packets received.', (n) => n.rxPackets ?? 0),
  network('receive_packets_dropped', 'Cumulative count of packets dropped while receiving.', (n) => n.rxDropped ?? 0),
  network('receive_errors', 'Cumulative count of errors while receiving.', (n) => n.rxErrors),
  network('transmit_bytes', 'Cumulative count of bytes transmitted.', (n) => n.txBytes),
  network('transmit_packets', 'Cumulative count of packets transmitted.', (n) => n.txPackets ?? 0),
  network('transmit_packets_dropped', 'Cumulative count of packets dropped while transmitting.', (n) => n.txDropped ?? 0),
  network('transmit_errors', 'Cumulative count of errors while transmitting.', (n) => n.txErrors),
];

export const DESCRIPTORS: wire.MetricDescriptor[] = [...POD, ...CONTAINER].map(({ name, help, labels = [] }) => ({
  name,
  help,
  labelKeys: [...LABELS, ...labels],
}));

/** Metrics of runtimes that do not give details are of the network alone. */
export async function podSandboxMetrics(cri: Cri, sandbox: PodSandboxStatus): Promise<wire.PodSandboxMetrics> {
  const { namespace, name: pod } = sandbox.metadata;
  const { network: interfaceStats, timestampMs, containers } = await cri.podSandboxStats(sandbox.id);
  const containerMetrics = await Promise.all(
    containers.map(async (stats): Promise<wire.ContainerMetrics> => {
      const details = await cri.containerDetails?.(stats.id);
      if (!details) return { containerId: stats.id, metrics: [] };
      const status = await cri.containerStatus(stats.id);
      const labels = [stats.name, stats.id, status.image, stats.name, namespace, pod];
      return { containerId: stats.id, metrics: measured(CONTAINER, { stats, details, status }, stats.timestampMs, labels) };
    }),
  );
  const podLabels = ['', sandbox.id, '', pod, namespace, pod];
  return {
    podSandboxId: sandbox.id,
    metrics: interfaceStats ? measured(POD, interfaceStats, timestampMs, podLabels) : [],
    containerMetrics,
  };
}

function measured<T>(metrics: readonly MetricOf<T>[], from: T, timestampMs: number, labelValues: readonly string[]): wire.Metric[] {
  return metrics.flatMap(({ name, type, values }) =>
    values(from).flatMap(([value, ...own]) =>
      value === undefined
        ? []
        : [
            {
              name,
              metricType: type,
              timestamp: nanos(timestampMs),
              labelValues: [...labelValues, ...own],
              value: { value: Math.max(0, Math.round(value)) },
            },
          ],
    ),
  );
}
