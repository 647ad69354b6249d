// GET /stats/summary: what the node and its pods use, from the runtime's figures.

import { cpus, freemem, totalmem } from 'node:os';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { type Clock, rfc3339 } from '../../kit/run/index.ts';
import type { ContainerStats, Cri } from '../cri/index.ts';

export async function statsSummary(cri: Cri, pods: readonly Pod[], nodeName: string, clock: Clock): Promise<object> {
  const time = rfc3339(clock.nowMs());
  const byPod = Map.groupBy(await cri.listContainerStats(), (stats) => stats.labels['io.kubernetes.pod.uid'] ?? '');
  return {
    node: {
      nodeName,
      startTime: rfc3339(clock.nowMs() - performance.now()),
      cpu: { time, usageCoreNanoSeconds: busyNanos() },
      memory: { time, availableBytes: freemem(), usageBytes: totalmem() - freemem(), workingSetBytes: totalmem() - freemem() },
    },
    pods: pods.flatMap((pod) => {
      const containers = byPod.get(pod.metadata.uid ?? '');
      return containers ? [podSummary(pod, containers)] : [];
    }),
  };
}

function podSummary(pod: Pod, containers: readonly ContainerStats[]): object {
  const sum = (of: (stats: ContainerStats) => number) => containers.reduce((total, stats) => total + of(stats), 0);
  const time = rfc3339(Math.max(...containers.map(({ timestampMs }) => timestampMs)));
  const { name, namespace, uid } = pod.metadata;
  return {
    podRef: { name, namespace, uid },
    startTime: pod.status?.startTime ?? null,
    cpu: { time, usageCoreNanoSeconds: sum((s) => s.cpuUsageNanos) },
    memory: {
      time,
      usageBytes: sum((s) => s.memoryUsageBytes),
      workingSetBytes: sum((s) => s.memoryWorkingSetBytes),
      rssBytes: sum((s) => s.memoryRssBytes),
    },
    containers: containers.map((stats) => ({
      name: stats.name,
      startTime: pod.status?.startTime ?? null,
      cpu: { time: rfc3339(stats.timestampMs), usageCoreNanoSeconds: stats.cpuUsageNanos },
      memory: {
        time: rfc3339(stats.timestampMs),
        usageBytes: stats.memoryUsageBytes,
        workingSetBytes: stats.memoryWorkingSetBytes,
        rssBytes: stats.memoryRssBytes,
      },
      rootfs: { time: rfc3339(stats.timestampMs), usedBytes: stats.rootfsUsedBytes },
    })),
  };
}

/** Of all processors together, since the machine started. */
function busyNanos(): number {
  const busyMs = cpus().reduce((total, { times }) => total + times.user + times.nice + times.sys + times.irq, 0);
  return busyMs * 1_000_000;
}
