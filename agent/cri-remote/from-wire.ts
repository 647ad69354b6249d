// What a CRI runtime answers, in the words of the agent. Pure.
import type { ContainerStats, ContainerStatus, FsUsage, Image, PodSandboxStats, PodSandboxStatus } from '../cri/index.ts';
import type * as wire from '../cri-grpc/gen/types.ts';
import { containerState, fromMount, fromNamespaces, fromResources } from '../cri-grpc/words.ts';
import { containerNote, withoutNotes } from './notes.ts';

const ms = (nanos: wire.Int64 | undefined): number => Math.round(Number(nanos ?? 0) / 1e6);
const count = (value: wire.UInt64Value | null | undefined): number => Number(value?.value ?? 0);

export const podSandboxStatus = (s: wire.PodSandboxStatus): PodSandboxStatus => ({
  id: s.id ?? '',
  metadata: {
    name: s.metadata?.name ?? '',
    namespace: s.metadata?.namespace ?? '',
    uid: s.metadata?.uid ?? '',
    attempt: s.metadata?.attempt ?? 0,
  },
  state: s.state === 'SANDBOX_READY' ? 'ready' : 'notready',
  createdAtMs: ms(s.createdAt),
  ips: s.linux?.namespaces?.options?.network === 'NODE' ? [] : addresses(s.network),
  labels: s.labels ?? {},
  annotations: withoutNotes(s.annotations),
  namespaces: s.linux?.namespaces?.options ? fromNamespaces(s.linux.namespaces.options) : {},
  runtimeHandler: s.runtimeHandler ?? '',
});

const addresses = (network: wire.PodSandboxNetworkStatus | null | undefined): string[] =>
  [network?.ip ?? '', ...(network?.additionalIps ?? []).map(({ ip = '' }) => ip)].filter((ip) => ip !== '');

/** `sandboxId`: where the runtime's status does not name it, its list does. */
export function containerStatus(s: wire.ContainerStatus, sandboxId: string): ContainerStatus {
  const note = containerNote(s.annotations);
  const imageRef = s.imageRef ?? '';
  return {
    id: s.id ?? '',
    sandboxId: note?.sandboxId ?? sandboxId,
    podUid: note?.podUid ?? s.labels?.['io.kubernetes.pod.uid'] ?? '',
    metadata: { name: s.metadata?.name ?? '', attempt: s.metadata?.attempt ?? 0 },
    state: containerState(s.state),
    createdAtMs: ms(s.createdAt),
    startedAtMs: ms(s.startedAt),
    finishedAtMs: ms(s.finishedAt),
    exitCode: s.exitCode ?? 0,
    reason: s.reason === 'Unknown' ? 'ContainerStatusUnknown' : (s.reason ?? ''),
    message: s.message ?? '',
    image: note?.image ?? s.image?.image ?? '',
    imageId: s.imageId || imageRef,
    imageRef,
    labels: s.labels ?? {},
    annotations: withoutNotes(s.annotations),
    mounts: (s.mounts ?? []).map(fromMount),
    logPath: s.logPath ?? '',
    pid: 0, // CRI does not tell
    ...(s.user?.linux ? { user: userOf(s.user.linux) } : {}),
    stopSignal: note?.stopSignal ?? '',
    tty: note?.tty ?? false,
    stdin: note?.stdin ?? false,
    resources: s.resources?.linux ? fromResources(s.resources.linux) : (note?.resources ?? {}),
  };
}

const userOf = ({ uid = 0, gid = 0, supplementalGroups = [] }: wire.LinuxContainerUser): ContainerStatus['user'] => ({
  uid: Number(uid),
  gid: Number(gid),
  supplementalGroups: supplementalGroups.map(Number),
});

export function containerStats(s: wire.ContainerStats, sandboxId: string): ContainerStats {
  const { attributes, cpu, memory, writableLayer } = s;
  return {
    id: attributes?.id ?? '',
    sandboxId: containerNote(attributes?.annotations)?.sandboxId ?? sandboxId,
    name: attributes?.metadata?.name ?? '',
    attempt: attributes?.metadata?.attempt ?? 0,
    labels: attributes?.labels ?? {},
    annotations: withoutNotes(attributes?.annotations),
    timestampMs: ms(cpu?.timestamp ?? memory?.timestamp),
    cpuUsageNanos: count(cpu?.usageCoreNanoSeconds),
    memoryUsageBytes: count(memory?.usageBytes) || count(memory?.workingSetBytes),
    memoryWorkingSetBytes: count(memory?.workingSetBytes),
    memoryRssBytes: count(memory?.rssBytes),
    pids: 0, // CRI counts them by pod only
    rootfsUsedBytes: count(writableLayer?.usedBytes),
    rootfsInodesUsed: count(writableLayer?.inodesUsed),
  };
}

export function podSandboxStats(id: string, { linux }: wire.PodSandboxStats): PodSandboxStats {
  const network = linux?.network?.defaultInterface;
  return {
    id,
    timestampMs: ms(linux?.cpu?.timestamp),
    cpuUsageNanos: count(linux?.cpu?.usageCoreNanoSeconds),
    memoryUsageBytes: count(linux?.memory?.usageBytes) || count(linux?.memory?.workingSetBytes),
    memoryWorkingSetBytes: count(linux?.memory?.workingSetBytes),
    pids: count(linux?.process?.processCount),
    ...(network
      ? {
          network: {
            name: network.name ?? '',
            rxBytes: count(network.rxBytes),
            txBytes: count(network.txBytes),
            rxErrors: count(network.rxErrors),
            txErrors: count(network.txErrors),
          },
        }
      : {}),
    containers: (linux?.containers ?? []).map((c) => containerStats(c, id)),
  };
}

/** The part of an image's configuration that runtimes tell in a verbose answer. */
interface ImageConfig {
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  WorkingDir?: string;
  StopSignal?: string;
  ExposedPorts?: object;
  Volumes?: object;
  Labels?: Record<string, string>;
}

export function image(i: wire.Image, info: Record<string, string> = {}): Image {
  const config = imageConfig(info);
  return {
    id: i.id ?? '',
    repoTags: i.repoTags ?? [],
    repoDigests: i.repoDigests ?? [],
    sizeBytes: Number(i.size ?? 0),
    ...(i.pinned ? { pinned: true } : {}),
    ...(i.uid ? { uid: Number(i.uid.value ?? 0) } : {}),
    ...(i.username ? { username: i.username } : {}),
    env: config.Env ?? [],
    entrypoint: config.Entrypoint ?? [],
    cmd: config.Cmd ?? [],
    workingDir: config.WorkingDir ?? '',
    stopSignal: config.StopSignal ?? '',
    exposedPorts: Object.keys(config.ExposedPorts ?? {}),
    volumes: Object.keys(config.Volumes ?? {}),
    labels: config.Labels ?? {},
  };
}

function imageConfig({ info }: Record<string, string>): ImageConfig {
  try {
    return (JSON.parse(info ?? '{}') as { imageSpec?: { config?: ImageConfig } }).imageSpec?.config ?? {};
  } catch {
    return {}; // what a runtime puts there is its own affair
  }
}

export const fsUsage = (all: readonly wire.FilesystemUsage[] = []): FsUsage => ({
  path: all[0]?.fsId?.mountpoint ?? '',
  usedBytes: count(all[0]?.usedBytes),
  inodesUsed: count(all[0]?.inodesUsed),
});
