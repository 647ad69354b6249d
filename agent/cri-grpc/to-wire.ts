// What the service knows, as CRI messages. Pure.
import type { ContainerStats, ContainerStatus, CriEvent, Image, PodSandboxStats, PodSandboxStatus } from '../cri/index.ts';
import type * as wire from './gen/types.ts';
import { CONTAINER_STATE, SANDBOX_STATE, toMount, toNamespaces, toResources, toSignal } from './words.ts';

/** CRI's times are nanoseconds, more than a JavaScript number holds exactly. */
export const nanos = (ms: number): string => (BigInt(Math.round(ms * 1000)) * 1000n).toString();

export const podSandbox = (s: PodSandboxStatus): wire.PodSandbox => ({
  id: s.id,
  metadata: s.metadata,
  state: SANDBOX_STATE[s.state],
  createdAt: nanos(s.createdAtMs),
  labels: s.labels,
  annotations: s.annotations,
  runtimeHandler: s.runtimeHandler,
});

export const podSandboxStatus = (s: PodSandboxStatus): wire.PodSandboxStatus => ({
  ...podSandbox(s),
  network: { ip: s.ips[0] ?? '', additionalIps: s.ips.slice(1).map((ip) => ({ ip })) },
  linux: { namespaces: { options: toNamespaces(s.namespaces) } },
});

export const container = (c: ContainerStatus): wire.Container => ({
  id: c.id,
  podSandboxId: c.sandboxId,
  metadata: c.metadata,
  image: { image: c.image, userSpecifiedImage: c.image },
  imageRef: c.imageId,
  imageId: c.imageId,
  state: CONTAINER_STATE[c.state],
  createdAt: nanos(c.createdAtMs),
  labels: c.labels,
  annotations: c.annotations,
});

export const containerStatus = (c: ContainerStatus): wire.ContainerStatus => ({
  id: c.id,
  metadata: c.metadata,
  state: CONTAINER_STATE[c.state],
  createdAt: nanos(c.createdAtMs),
  startedAt: nanos(c.startedAtMs),
  finishedAt: nanos(c.finishedAtMs),
  exitCode: c.exitCode,
  image: { image: c.image, userSpecifiedImage: c.image },
  imageRef: c.imageRef,
  imageId: c.imageId,
  reason: c.reason,
  message: c.message,
  labels: c.labels,
  annotations: c.annotations,
  mounts: c.mounts.map(toMount),
  logPath: c.logPath,
  resources: { linux: toResources(c.resources) },
  user: c.user ? { linux: c.user } : null,
  stopSignal: toSignal(c.stopSignal),
});

const count = (value: number): wire.UInt64Value => ({ value: Math.max(0, Math.round(value)) });

export function containerStats(s: ContainerStats, imagesFolder: string): wire.ContainerStats {
  const timestamp = nanos(s.timestampMs);
  return {
    attributes: { id: s.id, metadata: { name: s.name, attempt: s.attempt }, labels: s.labels, annotations: s.annotations },
    cpu: { timestamp, usageCoreNanoSeconds: count(s.cpuUsageNanos) },
    memory: {
      timestamp,
      workingSetBytes: count(s.memoryWorkingSetBytes),
      usageBytes: count(s.memoryUsageBytes),
      rssBytes: count(s.memoryRssBytes),
    },
    writableLayer: {
      timestamp,
      fsId: { mountpoint: imagesFolder },
      usedBytes: count(s.rootfsUsedBytes),
      inodesUsed: count(s.rootfsInodesUsed),
    },
  };
}

export function podSandboxStats(status: PodSandboxStatus, s: PodSandboxStats, imagesFolder: string): wire.PodSandboxStats {
  const timestamp = nanos(s.timestampMs);
  const { network } = s;
  const usage = network && {
    name: network.name,
    rxBytes: count(network.rxBytes),
    rxErrors: count(network.rxErrors),
    txBytes: count(network.txBytes),
    txErrors: count(network.txErrors),
  };
  return {
    attributes: { id: status.id, metadata: status.metadata, labels: status.labels, annotations: status.annotations },
    linux: {
      cpu: { timestamp, usageCoreNanoSeconds: count(s.cpuUsageNanos) },
      memory: { timestamp, workingSetBytes: count(s.memoryWorkingSetBytes), usageBytes: count(s.memoryUsageBytes) },
      ...(usage ? { network: { timestamp, defaultInterface: usage, interfaces: [] } } : {}),
      process: { timestamp, processCount: count(s.pids) },
      containers: s.containers.map((c) => containerStats(c, imagesFolder)),
    },
  };
}

export const image = (i: Image): wire.Image => ({
  id: i.id,
  repoTags: i.repoTags,
  repoDigests: i.repoDigests,
  size: i.sizeBytes,
  pinned: i.pinned === true,
  ...(i.uid === undefined ? {} : { uid: { value: i.uid } }),
  username: i.username ?? '',
  spec: { image: i.id },
});

export const EVENT = {
  created: 'CONTAINER_CREATED_EVENT',
  started: 'CONTAINER_STARTED_EVENT',
  exited: 'CONTAINER_STOPPED_EVENT',
  removed: 'CONTAINER_DELETED_EVENT',
} as const satisfies Record<CriEvent['type'], wire.ContainerEventType>;
