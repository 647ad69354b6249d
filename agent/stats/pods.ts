// What each pod uses: its containers by the runtime's figures, its logs and volumes by what is on the disk.
import { stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Pod, Volume } from '../../api/gen/types/core.v1.ts';
import { type DiskUsage, diskUsage, type FsUsage, fsUsage } from '../../kit/fs/index.ts';
import type { ContainerStats, ContainerStatus, Cri, PodSandboxStats } from '../cri/index.ts';

export interface UsageSources {
  cri: Pick<Cri, 'listPodSandbox' | 'podSandboxStats' | 'listContainers'>;
  /** Of this node. */
  pods(): readonly Pod[];
  /** One folder a pod, by uid. */
  podsDir: string;
  /** A pod's volumes that belong to drivers, by name, as these count them; undefined: one that does not. They are not looked into. */
  drivenVolumes(podUid: string): Promise<ReadonlyMap<string, FsUsage | undefined>>;
}

export interface ContainerUsage {
  stats: ContainerStats;
  record: ContainerStatus;
  logs: DiskUsage;
}

export interface VolumeUsage {
  volume: Volume;
  /** It takes nothing of the node's disk. */
  isDriven: boolean;
  /** Kept in memory: counts as that, not as disk. */
  inMemory: boolean;
  used: DiskUsage;
  /** Of the file system it is on. */
  fs: FsUsage;
}

export interface PodUsage {
  pod: Pod;
  /** Undefined while nothing runs. */
  sandbox?: PodSandboxStats;
  containers: ContainerUsage[];
  volumes: VolumeUsage[];
}

/** Of the pods that have a sandbox; one that goes meanwhile is left out. */
export async function podUsages({ cri, pods, podsDir, drivenVolumes }: UsageSources): Promise<PodUsage[]> {
  const [sandboxes, records] = await Promise.all([cri.listPodSandbox({ state: 'ready' }), cri.listContainers()]);
  const sandboxOf = new Map(sandboxes.map((sandbox) => [sandbox.metadata.uid, sandbox.id]));
  const recordOf = new Map(records.map((record) => [record.id, record]));
  const found = pods().map(async (pod): Promise<PodUsage[]> => {
    const uid = pod.metadata.uid ?? '';
    const sandboxId = sandboxOf.get(uid);
    if (sandboxId === undefined) return [];
    const [sandbox, volumes] = await Promise.all([
      cri.podSandboxStats(sandboxId).catch(() => undefined),
      volumesOf(pod, join(podsDir, uid), await drivenVolumes(uid)),
    ]);
    const containers = (sandbox?.containers ?? []).map(async (stats): Promise<ContainerUsage[]> => {
      const record = recordOf.get(stats.id);
      return record ? [{ stats, record, logs: await diskUsage(dirname(record.logPath)) }] : [];
    });
    return [{ pod, ...(sandbox ? { sandbox } : {}), containers: (await Promise.all(containers)).flat(), volumes }];
  });
  return (await Promise.all(found)).flat();
}

const TMPFS_MAGIC = 0x01021994;

/** Those that live in the pod's own folder, and claims. */
async function volumesOf(pod: Pod, folder: string, driven: ReadonlyMap<string, FsUsage | undefined>): Promise<VolumeUsage[]> {
  const found = (pod.spec?.volumes ?? []).map(async (volume): Promise<VolumeUsage[]> => {
    const counted = driven.get(volume.name);
    if (counted)
      return [{ volume, isDriven: true, inMemory: false, used: { bytes: counted.usedBytes, inodes: counted.inodesUsed }, fs: counted }];
    if (driven.has(volume.name)) return [];
    const path = join(folder, 'volumes', volume.name);
    if (!(await stat(path).catch(() => undefined))) return [];
    const [{ type }, fs] = await Promise.all([statfs(path), fsUsage(path)]);
    const inMemory = type === TMPFS_MAGIC;
    const used = inMemory ? { bytes: fs.usedBytes, inodes: fs.inodesUsed } : await diskUsage(path);
    return [{ volume, isDriven: false, inMemory, used, fs }];
  });
  return (await Promise.all(found.map((one) => one.catch(() => [])))).flat(); // unmounted meanwhile
}

/** Writable layers, logs and volumes on the node's disk. */
export const ephemeralBytes = (usage: PodUsage): number => ephemeral(usage, ({ bytes }) => bytes);
export const ephemeralInodes = (usage: PodUsage): number => ephemeral(usage, ({ inodes }) => inodes);

function ephemeral({ containers, volumes }: PodUsage, of: (usage: DiskUsage) => number): number {
  let total = 0;
  for (const { stats, logs } of containers) total += of({ bytes: stats.rootfsUsedBytes, inodes: stats.rootfsInodesUsed }) + of(logs);
  for (const { volume, isDriven, inMemory, used } of volumes)
    if (!isDriven && !inMemory && !volume.persistentVolumeClaim && !volume.hostPath) total += of(used);
  return total;
}
