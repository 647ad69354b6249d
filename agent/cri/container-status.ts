// ContainerStatus and ListContainers: the record, and the process as it is now.
import { type CriContext, matchesLabels, mustContainer } from './context.ts';
import type { ContainerFilter, ContainerStatus, Mount } from './cri.ts';
import type { ContainerRecord } from './records.ts';
import { logPathOf } from './start-container.ts';

export const containerStatus = (context: CriContext, id: string): ContainerStatus => statusOf(context, mustContainer(context, id));

export function listContainers(context: CriContext, filter: ContainerFilter = {}): ContainerStatus[] {
  return context.containers
    .all()
    .filter(
      (c) =>
        (!filter.id || c.id === filter.id) &&
        (!filter.sandboxId || c.sandboxId === filter.sandboxId) &&
        matchesLabels(c.config.labels, filter.labels),
    )
    .map((record) => statusOf(context, record))
    .filter(({ state }) => !filter.state || state === filter.state);
}

function statusOf(context: CriContext, record: ContainerRecord): ContainerStatus {
  const { id, config, exit } = record;
  return {
    id,
    sandboxId: record.sandboxId,
    podUid: context.sandboxes.get(record.sandboxId)?.config.metadata.uid ?? '',
    metadata: config.metadata,
    ...liveState(context, record),
    createdAtMs: record.createdAtMs,
    startedAtMs: record.startedAtMs ?? 0,
    finishedAtMs: exit?.finishedAtMs ?? 0,
    exitCode: exit?.code ?? 0,
    reason: exit?.reason ?? '',
    message: exit?.message ?? '',
    image: config.image,
    imageId: record.imageId,
    imageRef: record.imageRef,
    labels: config.labels ?? {},
    annotations: config.annotations ?? {},
    mounts: (config.mounts ?? []).map((mount) => ({ ...mount, ...imageIdOf(record, mount) })),
    logPath: logPathOf(context, record),
    user: record.user,
    stopSignal: record.stopSignal,
    tty: config.tty === true,
    stdin: config.stdin === true,
    resources: config.linux?.resources ?? {},
  };
}

function imageIdOf({ imageVolumes = [] }: ContainerRecord, { image, containerPath }: Mount): { imageId?: string } {
  const volume = image && imageVolumes.find((v) => v.containerPath === containerPath);
  return volume ? { imageId: volume.imageId } : {};
}

/** Between the end of a process and its recording it still counts as running: never exited without its code. */
function liveState(context: CriContext, record: ContainerRecord): { state: ContainerStatus['state']; pid: number } {
  if (record.exit) return { state: 'exited', pid: 0 };
  const live = context.runtime.state(record.id);
  if (live.status === 'none') return { state: record.startedAtMs === undefined ? 'created' : 'unknown', pid: 0 };
  return { state: live.status === 'created' ? 'created' : 'running', pid: live.status === 'exited' ? 0 : live.pid };
}
