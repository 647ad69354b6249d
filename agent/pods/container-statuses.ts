// What the API shows of each container: its state, the one before, counts and mounts. Pure.
import type {
  ContainerStatus as ApiStatus,
  Container,
  ContainerState,
  Pod,
  ResourceStatus,
  VolumeMountStatus,
} from '../../api/gen/types/core.v1.ts';
import { isSidecar } from '../../kit/pods/index.ts';
import { rfc3339 } from '../../kit/run/index.ts';
import type { ContainerStatus } from '../cri/index.ts';
import { restarts } from './restart.ts';
import { hasExited } from './step.ts';

/** Why a container is not started, in upstream's words. */
export interface Waiting {
  reason: string;
  message?: string;
}

export interface ContainerFacts {
  records: readonly ContainerStatus[];
  waiting(name: string): Waiting | undefined;
  /** By container id, of running ones. */
  hasStarted(containerId: string): boolean;
  isReady(containerId: string): boolean;
  /** Text left by a container that ended. */
  terminationMessage(containerId: string): string | undefined;
  /** Bytes of it at most, so that those of all of the pod's containers find room. */
  messageBytesMax: number;
  /** Ended by the node, to start anew whatever its exit code and the restart policy say. */
  comesBack(containerId: string): boolean;
  /** The container still runs with other resources than it was given. */
  isOutdated(record: ContainerStatus): boolean;
  /** Health of the devices that a container was given. */
  devices?(name: string): ResourceStatus[] | undefined;
  /** As shown before: a state never disappears. */
  before: readonly ApiStatus[];
  /** Scheme of container ids. */
  runtime: string;
}

/** One status a container, sorted by name except init containers, which keep the pod's order. */
export function containerStatuses(pod: Pod, containers: readonly Container[], isInit: boolean, facts: ContainerFacts): ApiStatus[] {
  const statuses = containers.map((container) => containerStatus(pod, container, isInit, facts));
  return isInit ? statuses : statuses.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function containerStatus(pod: Pod, container: Container, isInit: boolean, facts: ContainerFacts): ApiStatus {
  // A record that is made but not started yet shows nothing that is worth a write.
  const mine = facts.records
    .filter(({ metadata, state }) => metadata.name === container.name && state !== 'created')
    .sort((a, b) => b.metadata.attempt - a.metadata.attempt);
  const [now, earlier] = mine;
  const before = facts.before.find(({ name }) => name === container.name);
  const mounts = mountStatuses(container, mine[0]);
  const devices = facts.devices?.(container.name);
  const always = {
    name: container.name,
    ...(mounts.length > 0 ? { volumeMounts: mounts } : {}),
    ...(devices ? { allocatedResourcesStatus: devices } : {}),
  };
  const held = facts.waiting(container.name);
  if (!now) {
    const lost = before?.containerID
      ? { containerID: before.containerID, imageID: before.imageID, lastState: before.lastState ?? {} }
      : undefined;
    const defaultReason = (pod.spec?.initContainers ?? []).length > 0 ? 'PodInitializing' : 'ContainerCreating';
    return {
      ...always,
      image: container.image ?? '',
      imageID: lost?.imageID ?? '',
      ...(lost ? { containerID: lost.containerID } : {}),
      lastState: lost?.lastState ?? {},
      ready: false,
      restartCount: before?.restartCount ?? 0,
      started: false,
      state: before?.state?.terminated ? before.state : { waiting: { reason: defaultReason, ...held } },
    };
  }
  const ended = hasExited(now);
  const comesBack = ended && restarts(pod, container, now.exitCode, isInit);
  // Against its policy: the API lets no such container leave its end, so that is never told as its state.
  const isReplaced = ended && !comesBack && facts.comesBack(now.id);
  const state = stateOf(now, facts);
  const waits = isReplaced ? (held ?? { reason: 'ContainerCreating' }) : comesBack ? held : undefined;
  const last = waits && ended ? state : earlier ? stateOf(earlier, facts) : (before?.lastState ?? {});
  const running = now.state === 'running';
  const started = running && (isInit && !isSidecar(container) ? true : facts.hasStarted(now.id));
  const initDone = isInit && !isSidecar(container) && ended && now.exitCode === 0;
  return {
    ...always,
    ...userStatus(now),
    ...(container.resources?.requests ? { allocatedResources: container.resources.requests } : {}),
    containerID: `${facts.runtime}://${now.id}`,
    image: now.image,
    imageID: now.imageRef,
    lastState: last.terminated ? last : {},
    ready: initDone || (running && !(isInit && !isSidecar(container)) && started && facts.isReady(now.id)),
    resources: (running && facts.isOutdated(now) ? before?.resources : undefined) ?? container.resources ?? {},
    restartCount: now.metadata.attempt,
    started,
    state: waits ? { waiting: waits } : state,
  };
}

function stateOf(record: ContainerStatus, facts: ContainerFacts): ContainerState {
  if (record.state === 'running') return { running: { startedAt: rfc3339(record.startedAtMs) } };
  const message = cut(facts.terminationMessage(record.id) || record.message, facts.messageBytesMax);
  return {
    terminated: {
      containerID: `${facts.runtime}://${record.id}`,
      exitCode: record.state === 'unknown' ? 255 : record.exitCode,
      reason: record.reason || (record.exitCode === 0 ? 'Completed' : 'Error'),
      ...(message ? { message } : {}),
      // The epoch where there was no start, as upstream shows it.
      startedAt: rfc3339(record.startedAtMs),
      finishedAt: rfc3339(record.finishedAtMs),
    },
  };
}

const cut = (text: string, bytes: number): string =>
  Buffer.byteLength(text) > bytes ? Buffer.from(text).subarray(0, bytes).toString() : text;

function userStatus({ user }: ContainerStatus): Pick<ApiStatus, 'user'> {
  if (!user) return {};
  const { uid, gid, supplementalGroups } = user;
  return { user: { linux: { uid, gid, ...(supplementalGroups.length > 0 ? { supplementalGroups } : {}) } } };
}

function mountStatuses(container: Container, record: ContainerStatus | undefined): VolumeMountStatus[] {
  const isRecursive = (path: string) => record?.mounts.some((mount) => mount.containerPath === path && mount.recursiveReadOnly);
  return (container.volumeMounts ?? []).map(({ name, mountPath, readOnly }) => ({
    name,
    mountPath,
    ...(readOnly ? { readOnly, recursiveReadOnly: isRecursive(mountPath) ? 'Enabled' : 'Disabled' } : {}),
  }));
}
