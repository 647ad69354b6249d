// Usage of containers and pods, from cgroups and the pod's interface.
import { diskUsage } from '../../kit/fs/index.ts';
import { cgroups, Netlink } from '../../kit/linux/index.ts';
import { systemClock } from '../../kit/run/index.ts';
import {
  type CriContext,
  containerCgroup,
  containersOf,
  IF_NAME,
  mustContainer,
  mustSandbox,
  podCgroup,
  sandboxFile,
  usesPodNetwork,
} from './context.ts';
import type { ContainerStats, PodSandboxStats } from './cri.ts';
import type { ContainerRecord } from './records.ts';
import { isSandboxReady } from './sandbox-status.ts';

export const containerStats = (context: CriContext, id: string): Promise<ContainerStats> => statsOf(context, mustContainer(context, id));

export const listContainerStats = (context: CriContext): Promise<ContainerStats[]> => statsOfRunning(context, context.containers.all());

const statsOfRunning = (context: CriContext, records: readonly ContainerRecord[]): Promise<ContainerStats[]> =>
  Promise.all(records.filter((record) => isRunning(context, record)).map((record) => statsOf(context, record)));

export async function podSandboxStats(context: CriContext, id: string): Promise<PodSandboxStats> {
  const sandbox = mustSandbox(context, id);
  const { memoryRssBytes: _, ...usage } = cgroups().stats(podCgroup(context, sandbox));
  const stats: PodSandboxStats = {
    id,
    timestampMs: systemClock.nowMs(),
    ...usage,
    containers: await statsOfRunning(context, containersOf(context, id)),
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

async function statsOf(context: CriContext, record: ContainerRecord): Promise<ContainerStats> {
  const { metadata, labels = {}, annotations = {} } = record.config;
  const usage = record.exit ? NO_USAGE : cgroups().stats(containerCgroup(context, record));
  const rootfs = await diskUsage(`${context.containers.folder(record.id)}/upper`);
  return {
    id: record.id,
    sandboxId: record.sandboxId,
    name: metadata.name,
    attempt: metadata.attempt,
    labels,
    annotations,
    timestampMs: systemClock.nowMs(),
    rootfsUsedBytes: rootfs.bytes,
    rootfsInodesUsed: rootfs.inodes,
    ...usage,
  };
}

/** Of what has ended only its files are left. */
const NO_USAGE = { cpuUsageNanos: 0, memoryUsageBytes: 0, memoryWorkingSetBytes: 0, memoryRssBytes: 0, pids: 0 };
