// Usage of containers and pods, from cgroups and the pod's interface.
import { cgroups, Netlink } from '../../kit/linux/index.ts';
import { systemClock } from '../../kit/run/index.ts';
import { type CriContext, containerCgroup, containersOf, IF_NAME, mustContainer, mustSandbox, podCgroup, sandboxFile } from './context.ts';
import type { ContainerStats, PodSandboxStats } from './cri.ts';
import type { ContainerRecord } from './records.ts';
import { usesPodNetwork } from './run-pod-sandbox.ts';
import { isSandboxReady } from './sandbox-status.ts';

export const containerStats = (context: CriContext, id: string): ContainerStats => statsOf(context, mustContainer(context, id));

export const listContainerStats = (context: CriContext): ContainerStats[] =>
  context.containers
    .all()
    .filter((record) => isRunning(context, record))
    .map((record) => statsOf(context, record));

export async function podSandboxStats(context: CriContext, id: string): Promise<PodSandboxStats> {
  const sandbox = mustSandbox(context, id);
  const { cpuUsageNanos, memoryUsageBytes, memoryWorkingSetBytes, pids } = cgroups().stats(podCgroup(context, sandbox));
  const stats: PodSandboxStats = {
    id,
    timestampMs: systemClock.nowMs(),
    cpuUsageNanos,
    memoryUsageBytes,
    memoryWorkingSetBytes,
    pids,
    containers: containersOf(context, id)
      .filter((record) => isRunning(context, record))
      .map((record) => statsOf(context, record)),
  };
  if (usesPodNetwork(sandbox.config) && isSandboxReady(context, sandbox)) {
    using pod = Netlink.open({ netns: sandboxFile(context, id, 'net') });
    const link = await pod.link(IF_NAME);
    if (link?.stats) stats.network = { name: IF_NAME, ...link.stats };
  }
  return stats;
}

const isRunning = (context: CriContext, record: ContainerRecord): boolean =>
  !record.exit && context.runtime.state(record.id).status === 'running';

function statsOf(context: CriContext, record: ContainerRecord): ContainerStats {
  return {
    id: record.id,
    sandboxId: record.sandboxId,
    name: record.config.metadata.name,
    labels: record.config.labels ?? {},
    timestampMs: systemClock.nowMs(),
    rootfsUsedBytes: 0,
    ...cgroups().stats(containerCgroup(context, record)),
  };
}
