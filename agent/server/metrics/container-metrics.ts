// What is told of each container, by cAdvisor's names: one list.
import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import type { Labels } from '../../../kit/metrics/index.ts';
import type { ContainerDetails } from '../../cri/index.ts';
import type { ContainerUsage } from '../../stats/index.ts';

/** `details` only of runtimes that tell them. */
export interface Measured extends ContainerUsage {
  details?: ContainerDetails;
}

export interface ContainerMetric {
  name: string;
  help: string;
  type: 'gauge' | 'counter';
  /** Undefined: not known of this container. */
  value?(usage: Measured): number | undefined;
  /** Of metrics with labels of their own. */
  values?(usage: Measured): readonly (readonly [Labels, number | undefined])[];
}

const seconds = (nanos: number | undefined): number | undefined => (nanos === undefined ? undefined : nanos / 1e9);
const DEFAULT_PERIOD_US = 100_000;

/** In the order of their names, as they are shown. */
export const CONTAINER_METRICS: readonly ContainerMetric[] = [
  {
    name: 'container_cpu_cfs_periods_total',
    help: 'Number of elapsed enforcement period intervals.',
    type: 'counter',
    value: limited(({ details }) => details?.cpu.periods),
  },
  {
    name: 'container_cpu_cfs_throttled_periods_total',
    help: 'Number of throttled period intervals.',
    type: 'counter',
    value: limited(({ details }) => details?.cpu.throttledPeriods),
  },
  {
    name: 'container_cpu_cfs_throttled_seconds_total',
    help: 'Total time duration the container has been throttled.',
    type: 'counter',
    value: limited(({ details }) => seconds(details?.cpu.throttledNanos)),
  },
  {
    name: 'container_cpu_system_seconds_total',
    help: 'Cumulative system cpu time consumed in seconds.',
    type: 'counter',
    value: ({ details }) => seconds(details?.cpu.systemNanos),
  },
  {
    name: 'container_cpu_usage_seconds_total',
    help: 'Cumulative cpu time consumed in seconds.',
    type: 'counter',
    values: ({ stats }) => [[{ cpu: 'total' }, seconds(stats.cpuUsageNanos)]],
  },
  {
    name: 'container_cpu_user_seconds_total',
    help: 'Cumulative user cpu time consumed in seconds.',
    type: 'counter',
    value: ({ details }) => seconds(details?.cpu.userNanos),
  },
  {
    name: 'container_file_descriptors',
    help: 'Number of open file descriptors for the container.',
    type: 'gauge',
    value: ({ details }) => details?.fileDescriptors,
  },
  ofDisk('inodes_free', 'Number of available Inodes', ({ details }) => details?.fileSystem?.inodesFree),
  ofDisk('inodes_total', 'Number of Inodes', ({ details }) => details?.fileSystem?.inodes),
  ofDisk(
    'limit_bytes',
    'Number of bytes that can be consumed by the container on this filesystem.',
    ({ details }) => details?.fileSystem?.bytes,
  ),
  ofDevices('reads_bytes', 'Cumulative count of bytes read', (device) => device.readBytes),
  ofDevices('reads', 'Cumulative count of reads completed', (device) => device.reads),
  ofDisk('usage_bytes', 'Number of bytes that are consumed by the container on this filesystem.', ({ stats }) => stats.rootfsUsedBytes),
  ofDevices('writes_bytes', 'Cumulative count of bytes written', (device) => device.writeBytes),
  ofDevices('writes', 'Cumulative count of writes completed', (device) => device.writes),
  {
    name: 'container_last_seen',
    help: 'Last time a container was seen by the exporter',
    type: 'gauge',
    value: ({ stats }) => Math.floor(stats.timestampMs / 1000),
  },
  {
    name: 'container_memory_cache',
    help: 'Number of bytes of page cache memory.',
    type: 'gauge',
    value: ({ details }) => details?.memory.cacheBytes,
  },
  ofMemory('failcnt', 'Number of memory usage hits limits', 'counter', (memory) => memory.failures),
  {
    name: 'container_memory_failures_total',
    help: 'Cumulative count of memory allocation failures.',
    type: 'counter',
    values: ({ details }) => [
      [{ failure_type: 'pgfault', scope: 'hierarchy' }, details?.memory.pageFaults],
      [{ failure_type: 'pgmajfault', scope: 'hierarchy' }, details?.memory.majorPageFaults],
    ],
  },
  ofMemory('kernel_usage', 'Size of kernel memory allocated in bytes.', 'gauge', (memory) => memory.kernelBytes),
  ofMemory('mapped_file', 'Size of memory mapped files in bytes.', 'gauge', (memory) => memory.mappedFileBytes),
  ofMemory('max_usage_bytes', 'Maximum memory usage recorded in bytes', 'gauge', (memory) => memory.maxUsageBytes),
  { name: 'container_memory_rss', help: 'Size of RSS in bytes.', type: 'gauge', value: ({ stats }) => stats.memoryRssBytes },
  ofMemory('swap', 'Container swap usage in bytes.', 'gauge', (memory) => memory.swapBytes),
  {
    name: 'container_memory_usage_bytes',
    help: 'Current memory usage in bytes, including all memory regardless of when it was accessed',
    type: 'gauge',
    value: ({ stats }) => stats.memoryUsageBytes,
  },
  {
    name: 'container_memory_working_set_bytes',
    help: 'Current working set in bytes.',
    type: 'gauge',
    value: ({ stats }) => stats.memoryWorkingSetBytes,
  },
  {
    name: 'container_oom_events_total',
    help: 'Count of out of memory events observed for the container',
    type: 'counter',
    value: ({ details }) => details?.memory.oomKills,
  },
  ...pressure('cpu', 'CPU'),
  ...pressure('io', 'IO'),
  ...pressure('memory', 'memory'),
  {
    name: 'container_processes',
    help: 'Number of processes running inside the container.',
    type: 'gauge',
    value: ({ stats }) => stats.pids,
  },
  {
    name: 'container_sockets',
    help: 'Number of open sockets for the container.',
    type: 'gauge',
    value: ({ details }) => details?.sockets,
  },
  {
    name: 'container_spec_cpu_period',
    help: 'CPU period of the container.',
    type: 'gauge',
    value: ({ record }) => record.resources.cpuPeriod ?? DEFAULT_PERIOD_US,
  },
  {
    name: 'container_spec_cpu_quota',
    help: 'CPU quota of the container.',
    type: 'gauge',
    value: limited(({ record }) => record.resources.cpuQuota),
  },
  {
    name: 'container_spec_cpu_shares',
    help: 'CPU share of the container.',
    type: 'gauge',
    value: ({ record }) => record.resources.cpuShares,
  },
  {
    name: 'container_spec_memory_limit_bytes',
    help: 'Memory limit for the container.',
    type: 'gauge',
    value: ({ record }) => record.resources.memoryLimitBytes ?? 0,
  },
  {
    name: 'container_start_time_seconds',
    help: 'Start time of the container since unix epoch in seconds.',
    type: 'gauge',
    value: ({ record }) => record.startedAtMs / 1000,
  },
  {
    name: 'container_threads',
    help: 'Number of threads running inside the container',
    type: 'gauge',
    value: ({ details }) => details?.threads,
  },
  {
    name: 'container_threads_max',
    help: 'Maximum number of threads allowed inside the container, infinity if value is zero',
    type: 'gauge',
    value: ({ details }) => details && (details.pidsMax ?? 0),
  },
  {
    name: 'container_ulimits_soft',
    help: 'Soft ulimit values for the container root process. Unlimited if -1, except priority and nice',
    type: 'gauge',
    values: ({ details }) => [[{ ulimit: 'max_open_files' }, details?.openFilesSoftLimit]],
  },
];

function ofMemory(
  name: string,
  help: string,
  type: ContainerMetric['type'],
  value: (memory: ContainerDetails['memory']) => number | undefined,
): ContainerMetric {
  return { name: `container_memory_${name}`, help, type, value: ({ details }) => details && value(details.memory) };
}

/** Of the file system that the writable layer is on. */
function ofDisk(name: string, help: string, value: (usage: Measured) => number | undefined): ContainerMetric {
  return { name: `container_fs_${name}`, help, type: 'gauge', values: (usage) => [[{ device: 'overlay' }, value(usage)]] };
}

/** Of block devices: nothing where the kernel does not count them. */
function ofDevices(name: string, help: string, value: (device: ContainerDetails['io'][number]) => number): ContainerMetric {
  const values: ContainerMetric['values'] = ({ details }) =>
    (details?.io ?? []).map((io) => [{ device: deviceName(io.device) }, value(io)]);
  return { name: `container_fs_${name}_total`, help, type: 'counter', values };
}

const deviceNames = new Map<string, string>();

/** `8:0` -> `/dev/sda`; a device that is not there any more keeps its numbers. */
function deviceName(device: string): string {
  const known = deviceNames.get(device);
  if (known !== undefined) return known;
  try {
    deviceNames.set(device, `/dev/${basename(readlinkSync(`/sys/dev/block/${device}`))}`);
  } catch {
    return device;
  }
  return deviceNames.get(device)!;
}

/** A container waits where some of its processes do, and stalls where all do. */
function pressure(what: keyof ContainerDetails['pressure'], shown: string): ContainerMetric[] {
  const metric = (verb: string, help: string, figure: 'someSeconds' | 'fullSeconds'): ContainerMetric => ({
    name: `container_pressure_${what}_${verb}_seconds_total`,
    help,
    type: 'counter',
    value: ({ details }) => details?.pressure[what]?.[figure],
  });
  return [
    metric('stalled', `Total time duration no tasks in the container could make progress due to ${shown} congestion.`, 'fullSeconds'),
    metric('waiting', `Total time duration tasks in the container have waited due to ${shown} congestion.`, 'someSeconds'),
  ];
}

type Figure = NonNullable<ContainerMetric['value']>;

/** Told of containers with a limit of processor time only. */
function limited(value: Figure): Figure {
  return (usage) => ((usage.record.resources.cpuQuota ?? 0) > 0 ? value(usage) : undefined);
}
