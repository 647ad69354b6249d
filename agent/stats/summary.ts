// /stats/summary: what the node and its pods use, by upstream's names.
import type { Pod, Volume } from '../../api/gen/types/core.v1.ts';
import { type FsUsage, fsUsage } from '../../kit/fs/index.ts';
import { type Clock, rfc3339 } from '../../kit/run/index.ts';
import type { ContainerStats, Cri, NetworkStats } from '../cri/index.ts';
import { busyNanos, memoryUsage, nodeLinks, nodePressures, pidUsage } from './machine.ts';
import { type ContainerUsage, ephemeralBytes, ephemeralInodes, type PodUsage, podUsages, type UsageSources } from './pods.ts';
import { ioText, psiText } from './psi.ts';
import { Rates } from './rates.ts';

export interface SummarySources extends UsageSources {
  cri: Pick<Cri, 'listPodSandbox' | 'podSandboxStats' | 'listContainers' | 'imageFsInfo'>;
  nodeName: string;
  /** That the node's pods live below. */
  cgroup: string;
  clock: Clock;
}

/** Makes one summary after the other; rates are counted from the one before. */
export class SummaryMaker {
  readonly #sources: SummarySources;
  readonly #rates = new Rates();
  readonly #startTime: string;

  constructor(sources: SummarySources) {
    this.#sources = sources;
    this.#startTime = rfc3339(sources.clock.nowMs());
  }

  /** `onlyCpuAndMemory`: without what must be looked for on disks. */
  async make(onlyCpuAndMemory = false): Promise<object> {
    const pods = await podUsages(this.#sources);
    const summary = {
      node: await this.#node(onlyCpuAndMemory),
      pods: pods.map((usage) => this.#pod(usage, onlyCpuAndMemory)),
    };
    this.#rates.forgetOld();
    return summary;
  }

  async #node(short: boolean): Promise<object> {
    const { clock, nodeName, cgroup, podsDir, cri } = this.#sources;
    const time = rfc3339(clock.nowMs());
    const { capacityBytes: _, ...memory } = memoryUsage(cgroup);
    const pressures = nodePressures();
    const common = {
      nodeName,
      systemContainers: [],
      startTime: this.#startTime,
      cpu: { ...this.#cpu('node', busyNanos(), clock.nowMs()), ...psiText(pressures.cpu) },
      memory: { time, ...memory, ...psiText(pressures.memory) },
      ...ioText(time, pressures.io),
    };
    if (short) return common;
    const [fs, images, { images: ofImages, containers }] = await Promise.all([
      fsUsage(podsDir),
      cri.imageFsInfo().then(({ images: { path } }) => fsUsage(path)),
      cri.imageFsInfo(),
    ]);
    const pids = pidUsage();
    const links = nodeLinks();
    return {
      ...common,
      network: network(time, links.find(({ name }) => name === 'eth0') ?? links[0], links),
      fs: { time, ...fsText(fs) },
      runtime: {
        imageFs: { time, ...fsText(images), usedBytes: ofImages.usedBytes, inodesUsed: ofImages.inodesUsed },
        containerFs: { time, ...fsText(fs), usedBytes: containers.usedBytes, inodesUsed: containers.inodesUsed },
      },
      rlimit: { time, maxpid: pids.max, curproc: pids.current },
    };
  }

  #pod(usage: PodUsage, short: boolean): object {
    const { pod, sandbox, containers, volumes } = usage;
    const { name, namespace, uid } = pod.metadata;
    const atMs = sandbox?.timestampMs ?? this.#sources.clock.nowMs();
    const time = rfc3339(atMs);
    const rssBytes = containers.reduce((sum, { stats }) => sum + stats.memoryRssBytes, 0);
    const common = {
      podRef: { name, namespace, uid },
      startTime: pod.status?.startTime ?? null,
      containers: containers.map((one) => this.#container(pod, one, short)),
      ...(sandbox
        ? {
            cpu: { ...this.#cpu(`pod ${uid}`, sandbox.cpuUsageNanos, atMs), ...psiText(sandbox.pressure?.cpu) },
            memory: { time, ...memoryText({ ...sandbox, memoryRssBytes: rssBytes }), ...psiText(sandbox.pressure?.memory) },
            ...ioText(time, sandbox.pressure?.io),
          }
        : {}),
    };
    if (short) return common;
    return {
      ...common,
      ...(sandbox?.network ? { network: network(time, sandbox.network, [sandbox.network]) } : {}),
      volume: volumes.map(({ volume, used, fs }) => ({
        time,
        ...fsText(fs),
        usedBytes: used.bytes,
        inodesUsed: used.inodes,
        name: volume.name,
        ...claimRef(pod, volume),
      })),
      'ephemeral-storage': { time, usedBytes: ephemeralBytes(usage), inodesUsed: ephemeralInodes(usage) },
      ...(sandbox ? { process_stats: { process_count: sandbox.pids } } : {}),
    };
  }

  #container(pod: Pod, { stats, record, logs }: ContainerUsage, short: boolean): object {
    const time = rfc3339(stats.timestampMs);
    const common = {
      name: stats.name,
      startTime: rfc3339(record.startedAtMs || Date.parse(pod.status?.startTime ?? '') || stats.timestampMs),
      cpu: { ...this.#cpu(stats.id, stats.cpuUsageNanos, stats.timestampMs), ...psiText(stats.pressure?.cpu) },
      memory: { time, ...memoryText(stats), ...psiText(stats.pressure?.memory) },
      ...ioText(time, stats.pressure?.io),
    };
    if (short) return common;
    return {
      ...common,
      rootfs: { time, usedBytes: stats.rootfsUsedBytes, inodesUsed: stats.rootfsInodesUsed },
      logs: { time, usedBytes: logs.bytes, inodesUsed: logs.inodes },
    };
  }

  /** The rate is there from the second summary on. */
  #cpu(key: string, nanos: number, atMs: number): object {
    const usageNanoCores = this.#rates.perSecond(key, nanos, atMs);
    return { time: rfc3339(atMs), ...(usageNanoCores === undefined ? {} : { usageNanoCores }), usageCoreNanoSeconds: nanos };
  }
}

const memoryText = (stats: Pick<ContainerStats, 'memoryUsageBytes' | 'memoryWorkingSetBytes' | 'memoryRssBytes'>) => ({
  usageBytes: stats.memoryUsageBytes,
  workingSetBytes: stats.memoryWorkingSetBytes,
  rssBytes: stats.memoryRssBytes,
});

/** The claim behind the volume, also one made from the template in the pod. */
function claimRef({ metadata: { name, namespace } }: Pod, volume: Volume): { pvcRef?: { name: string; namespace: string | undefined } } {
  const claim = volume.ephemeral ? `${name}-${volume.name}` : volume.persistentVolumeClaim?.claimName;
  return claim === undefined ? {} : { pvcRef: { name: claim, namespace } };
}

const fsText = ({ availableBytes, capacityBytes, usedBytes, inodesFree, inodes, inodesUsed }: FsUsage) => ({
  availableBytes,
  capacityBytes,
  usedBytes,
  inodesFree,
  inodes,
  inodesUsed,
});

function network(time: string, main: NetworkStats | undefined, all: readonly NetworkStats[]): object {
  const figures = ({ name, rxBytes, rxErrors, txBytes, txErrors }: NetworkStats) => ({ name, rxBytes, rxErrors, txBytes, txErrors });
  return { time, ...(main ? figures(main) : {}), interfaces: all.map(figures) };
}
