// /metrics/resource: cpu and memory of the node, its pods and containers; what autoscalers read.
import { type Labels, type SampleOf, sampled } from '../../../kit/metrics/index.ts';
import type { PodUsage } from '../../stats/index.ts';
import { joined } from './text.ts';

export interface NodeFigures {
  cpuNanos: number;
  workingSetBytes: number;
  swapBytes: number;
  atMs: number;
}

export function resourceMetrics(node: NodeFigures, pods: readonly PodUsage[]): string {
  const seconds = (nanos: number) => nanos / 1e9;
  const eachPod = (value: (sandbox: NonNullable<PodUsage['sandbox']>) => number): SampleOf[] =>
    pods.flatMap(({ pod, sandbox }) => (sandbox ? [[podLabels(pod), value(sandbox), sandbox.timestampMs] as const] : []));
  const eachContainer = (value: (one: PodUsage['containers'][number]) => number, isTimed = true): SampleOf[] =>
    pods.flatMap(({ pod, containers }) =>
      containers.map((one): SampleOf => {
        const labels = { container: one.stats.name, ...podLabels(pod) };
        return isTimed ? [labels, value(one), one.stats.timestampMs] : [labels, value(one)];
      }),
    );
  return joined([
    sampled('container_cpu_usage_seconds_total', '[STABLE] Cumulative cpu time consumed by the container in core-seconds', 'counter', () =>
      eachContainer(({ stats }) => seconds(stats.cpuUsageNanos)),
    ),
    sampled('container_memory_working_set_bytes', '[STABLE] Current working set of the container in bytes', 'gauge', () =>
      eachContainer(({ stats }) => stats.memoryWorkingSetBytes),
    ),
    sampled('container_start_time_seconds', '[STABLE] Start time of the container since unix epoch in seconds', 'gauge', () =>
      eachContainer(({ record }) => record.startedAtMs / 1000, false),
    ),
    sampled('node_cpu_usage_seconds_total', '[STABLE] Cumulative cpu time consumed by the node in core-seconds', 'counter', () => [
      [{}, seconds(node.cpuNanos), node.atMs],
    ]),
    sampled('node_memory_working_set_bytes', '[STABLE] Current working set of the node in bytes', 'gauge', () => [
      [{}, node.workingSetBytes, node.atMs],
    ]),
    sampled(
      'node_swap_usage_bytes',
      '[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems',
      'gauge',
      () => [[{}, node.swapBytes, node.atMs]],
    ),
    sampled('pod_cpu_usage_seconds_total', '[STABLE] Cumulative cpu time consumed by the pod in core-seconds', 'counter', () =>
      eachPod((sandbox) => seconds(sandbox.cpuUsageNanos)),
    ),
    sampled('pod_memory_working_set_bytes', '[STABLE] Current working set of the pod in bytes', 'gauge', () =>
      eachPod((sandbox) => sandbox.memoryWorkingSetBytes),
    ),
    sampled('resource_scrape_error', '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise', 'gauge', () => [
      [{}, 0],
    ]),
    sampled('scrape_error', '[ALPHA] 1 if there was an error while getting container metrics, 0 otherwise', 'gauge', () => [[{}, 0]]),
  ]);
}

const podLabels = ({ metadata }: PodUsage['pod']): Labels => ({ namespace: metadata.namespace ?? '', pod: metadata.name ?? '' });
