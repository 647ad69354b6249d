// /metrics/cadvisor: what dashboards of Kubernetes draw from. One list of containers' metrics, one of pods' networks.
import { availableParallelism } from 'node:os';
import { type Family, type Labels, sampled } from '../../../kit/metrics/index.ts';
import type { ContainerDetails } from '../../cri/index.ts';
import type { ContainerUsage, PodUsage } from '../../stats/index.ts';
import { joined } from './text.ts';

/** `details` only of runtimes that tell them. */
interface Measured extends ContainerUsage {
  details?: ContainerDetails;
}

interface ContainerMetric {
  name: string;
  help: string;
  type: 'gauge' | 'counter';
  labels?: Labels;
  /** Undefined: not known of this container. */
  value(usage: Measured): number | undefined;
}

const seconds = (nanos: number | undefined): number | undefined => (nanos === undefined ? undefined : nanos / 1e9);
const DEFAULT_PERIOD_US = 100_000;

const CONTAINER: readonly ContainerMetric[] = [
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
    labels: { cpu: 'total' },
    value: ({ stats }) => seconds(stats.cpuUsageNanos),
  },
  {
    name: 'container_cpu_user_seconds_total',
    help: 'Cumulative user cpu time consumed in seconds.',
    type: 'counter',
    value: ({ details }) => seconds(details?.cpu.userNanos),
  },
  {
    name: 'container_fs_inodes_total',
    help: 'Number of Inodes',
    type: 'gauge',
    labels: { device: 'overlay' },
    value: ({ stats }) => stats.rootfsInodesUsed,
  },
  {
    name: 'container_fs_usage_bytes',
    help: 'Number of bytes that are consumed by the container on this filesystem.',
    type: 'gauge',
    labels: { device: 'overlay' },
    value: ({ stats }) => stats.rootfsUsedBytes,
  },
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
  { name: 'container_memory_rss', help: 'Size of RSS in bytes.', type: 'gauge', value: ({ stats }) => stats.memoryRssBytes },
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
];

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

/** Told of containers with a limit of processor time only. */
function limited(value: ContainerMetric['value']): ContainerMetric['value'] {
  return (usage) => ((usage.record.resources.cpuQuota ?? 0) > 0 ? value(usage) : undefined);
}

type Network = NonNullable<NonNullable<PodUsage['sandbox']>['network']>;

const NETWORK: readonly [name: string, help: string, value: (network: Network) => number | undefined][] = [
  ['receive_bytes', 'Cumulative count of bytes received', (n) => n.rxBytes],
  ['receive_errors', 'Cumulative count of errors encountered while receiving', (n) => n.rxErrors],
  ['receive_packets_dropped', 'Cumulative count of packets dropped while receiving', (n) => n.rxDropped],
  ['receive_packets', 'Cumulative count of packets received', (n) => n.rxPackets],
  ['transmit_bytes', 'Cumulative count of bytes transmitted', (n) => n.txBytes],
  ['transmit_errors', 'Cumulative count of errors encountered while transmitting', (n) => n.txErrors],
  ['transmit_packets_dropped', 'Cumulative count of packets dropped while transmitting', (n) => n.txDropped],
  ['transmit_packets', 'Cumulative count of packets transmitted', (n) => n.txPackets],
];

/** `memoryBytes` of the node; `details` by container. */
export function cadvisorMetrics(pods: readonly PodUsage[], details: ReadonlyMap<string, ContainerDetails>, memoryBytes: number): string {
  const containers = CONTAINER.map(
    ({ name, help, type, labels = {}, value }): Family =>
      sampled(name, help, type, function* () {
        for (const { pod, containers: running } of pods)
          for (const usage of running) {
            const known = details.get(usage.record.id);
            const figure = value({ ...usage, ...(known ? { details: known } : {}) });
            if (figure !== undefined) yield [{ ...containerLabels(pod, usage), ...labels }, figure, usage.stats.timestampMs];
          }
      }),
  );
  const networks = NETWORK.map(
    ([name, help, value]): Family =>
      sampled(`container_network_${name}_total`, help, 'counter', function* () {
        for (const { pod, sandbox } of pods) {
          const figure = sandbox?.network && value(sandbox.network);
          if (sandbox?.network && figure !== undefined)
            yield [{ ...podLabels(pod, sandbox.id), interface: sandbox.network.name }, figure, sandbox.timestampMs];
        }
      }),
  );
  return joined([
    ...containers,
    ...networks,
    sampled('container_scrape_error', '1 if there was an error while getting container metrics, 0 otherwise', 'gauge', () => [[{}, 0]]),
    sampled('machine_cpu_cores', 'Number of logical CPU cores.', 'gauge', () => [[{}, availableParallelism()]]),
    sampled('machine_memory_bytes', 'Amount of memory installed on the machine.', 'gauge', () => [[{}, memoryBytes]]),
  ]);
}

const podLabels = ({ metadata }: PodUsage['pod'], id: string): Labels => ({
  container: '',
  id: `/kubepods/pod${metadata.uid}`,
  image: '',
  name: id,
  namespace: metadata.namespace ?? '',
  pod: metadata.name ?? '',
});

const containerLabels = ({ metadata }: PodUsage['pod'], { record }: ContainerUsage): Labels => ({
  container: record.metadata.name,
  id: `/kubepods/pod${metadata.uid}/${record.id}`,
  image: record.imageRef || record.image,
  name: record.id,
  namespace: metadata.namespace ?? '',
  pod: metadata.name ?? '',
});
