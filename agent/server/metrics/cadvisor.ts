// /metrics/cadvisor: what dashboards of Kubernetes draw from. Containers' metrics are a list of their own; here is the one of pods' networks.
import { availableParallelism } from 'node:os';
import { type Family, type Labels, sampled } from '../../../kit/metrics/index.ts';
import type { ContainerDetails } from '../../cri/index.ts';
import type { ContainerUsage, PodUsage } from '../../stats/index.ts';
import { CONTAINER_METRICS } from './container-metrics.ts';
import { joined } from './text.ts';

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

/** `details` by container. */
export function cadvisorMetrics(
  pods: readonly PodUsage[],
  details: ReadonlyMap<string, ContainerDetails>,
  machine: { memoryBytes: number; swapBytes: number },
): string {
  const containers = CONTAINER_METRICS.map(
    ({ name, help, type, value, values }): Family =>
      sampled(name, help, type, function* () {
        for (const { pod, containers: running } of pods)
          for (const usage of running) {
            const known = details.get(usage.record.id);
            const measured = { ...usage, ...(known ? { details: known } : {}) };
            for (const [own, figure] of values?.(measured) ?? [[{}, value?.(measured)] as const])
              if (figure !== undefined) yield [{ ...containerLabels(pod, usage), ...own }, figure, usage.stats.timestampMs];
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
    sampled('machine_memory_bytes', 'Amount of memory installed on the machine.', 'gauge', () => [[{}, machine.memoryBytes]]),
    sampled('machine_scrape_error', '1 if there was an error while getting machine metrics, 0 otherwise.', 'gauge', () => [[{}, 0]]),
    sampled('machine_swap_bytes', 'Amount of swap memory available on the machine.', 'gauge', () => [[{}, machine.swapBytes]]),
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
