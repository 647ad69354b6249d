// What the agent and CRI call the same things, both ways: for those who answer CRI (here) and those who ask it (agent/cri-remote). Pure.
import {
  type ContainerStatus,
  CriError,
  type LinuxResources,
  type Mount,
  type NamespaceOptions,
  type PodSandboxStatus,
  type UserIds,
} from '../cri/index.ts';
import type * as wire from './gen/types.ts';

export const SANDBOX_STATE = { ready: 'SANDBOX_READY', notready: 'SANDBOX_NOTREADY' } as const satisfies Record<
  PodSandboxStatus['state'],
  wire.PodSandboxState
>;

export const CONTAINER_STATE = {
  created: 'CONTAINER_CREATED',
  running: 'CONTAINER_RUNNING',
  exited: 'CONTAINER_EXITED',
  unknown: 'CONTAINER_UNKNOWN',
} as const satisfies Record<ContainerStatus['state'], wire.ContainerState>;
const CONTAINER_STATES = inverse(CONTAINER_STATE);

export const containerState = (state: wire.ContainerState | null | undefined): ContainerStatus['state'] =>
  CONTAINER_STATES[state ?? 'CONTAINER_UNKNOWN'];

type Propagation = NonNullable<Mount['propagation']>;
const TO_PROPAGATION = {
  private: 'PROPAGATION_PRIVATE',
  'host-to-container': 'PROPAGATION_HOST_TO_CONTAINER',
  bidirectional: 'PROPAGATION_BIDIRECTIONAL',
} as const satisfies Record<Propagation, wire.MountPropagation>;
const FROM_PROPAGATION = inverse(TO_PROPAGATION);
export const PROPAGATIONS = Object.values(TO_PROPAGATION);

function inverse<K extends string, V extends string>(words: Record<K, V>): Record<V, K> {
  return Object.fromEntries(Object.entries(words).map(([ours, theirs]) => [theirs, ours])) as Record<V, K>;
}

export const toMount = (m: ContainerStatus['mounts'][number]): wire.Mount => ({
  hostPath: m.hostPath,
  ...(m.image ? { image: { image: m.image, imageRef: m.imageId ?? '' }, imageSubPath: m.imageSubPath ?? '' } : {}),
  containerPath: m.containerPath,
  readonly: m.readonly === true,
  recursiveReadOnly: m.recursiveReadOnly === true,
  propagation: TO_PROPAGATION[m.propagation ?? 'private'],
  ...(m.owners ? { uidMappings: [toMapping(m.owners.uids)], gidMappings: [toMapping(m.owners.gids)] } : {}),
});

export const fromMount = (m: wire.Mount): ContainerStatus['mounts'][number] => ({
  hostPath: m.hostPath ?? '',
  ...(m.image?.image ? { image: m.image.image } : {}),
  ...(m.image?.imageRef ? { imageId: m.image.imageRef } : {}),
  ...(m.imageSubPath ? { imageSubPath: m.imageSubPath } : {}),
  containerPath: m.containerPath ?? '',
  readonly: m.readonly === true,
  ...(m.recursiveReadOnly ? { recursiveReadOnly: true } : {}),
  propagation: FROM_PROPAGATION[m.propagation ?? 'PROPAGATION_PRIVATE'],
  ...(m.uidMappings?.length || m.gidMappings?.length
    ? { owners: { uids: fromMappings(m.uidMappings), gids: fromMappings(m.gidMappings) } }
    : {}),
});

const toMapping = ({ hostId, length }: UserIds['uids']): wire.IDMapping => ({ hostId, containerId: 0, length });

/** As other runtimes take them: one range, from the container's 0 on. @throws CriError InvalidArgument */
function fromMappings(mappings: readonly wire.IDMapping[] | null | undefined): UserIds['uids'] {
  const [mapping, more] = mappings ?? [];
  if (!mapping?.length || more || (mapping.containerId ?? 0) !== 0)
    throw new CriError('InvalidArgument', 'the ids of a user namespace must be one mapping, of the container ids from 0 on');
  return { hostId: mapping.hostId ?? 0, length: mapping.length };
}

const NAMESPACE = { pod: 'POD', container: 'CONTAINER', node: 'NODE' } as const;

export const toNamespaces = ({ network = 'pod', pid = 'container', ipc = 'pod', user }: NamespaceOptions = {}): wire.NamespaceOption => ({
  network: NAMESPACE[network],
  pid: NAMESPACE[pid],
  ipc: NAMESPACE[ipc],
  ...(user ? { usernsOptions: { mode: 'POD' as const, uids: [toMapping(user.uids)], gids: [toMapping(user.gids)] } } : {}),
});

/** A mode that is not given is CRI's first: the pod's. */
export const fromNamespaces = ({ network, pid, ipc, usernsOptions: users }: wire.NamespaceOption): NamespaceOptions => ({
  network: network === 'NODE' ? 'node' : 'pod',
  pid: pid === 'NODE' ? 'node' : (pid ?? 'POD') === 'POD' ? 'pod' : 'container',
  ipc: ipc === 'NODE' ? 'node' : 'pod',
  ...(users && users.mode !== 'NODE' ? { user: { uids: fromMappings(users.uids), gids: fromMappings(users.gids) } } : {}),
});

/** CRI has no field of its own for this limit. */
const PIDS = 'pids.max';

export const toResources = (r: LinuxResources): wire.LinuxContainerResources => ({
  cpuPeriod: r.cpuPeriod ?? 0,
  cpuQuota: r.cpuQuota ?? 0,
  cpuShares: r.cpuShares ?? 0,
  memoryLimitInBytes: r.memoryLimitBytes ?? 0,
  oomScoreAdj: r.oomScoreAdj ?? 0,
  cpusetCpus: r.cpusetCpus ?? '',
  cpusetMems: r.cpusetMems ?? '',
  hugepageLimits: r.hugepageLimits ?? [],
  unified: { ...r.unified, ...(r.pidsLimit ? { [PIDS]: String(r.pidsLimit) } : {}) },
});

/** Zero is how CRI says nothing. */
export function fromResources(r: wire.LinuxContainerResources): LinuxResources {
  const { [PIDS]: pidsMax, ...unified } = r.unified ?? {};
  const pids = Number(pidsMax ?? 0);
  const numbers = {
    cpuPeriod: Number(r.cpuPeriod ?? 0),
    cpuQuota: Number(r.cpuQuota ?? 0),
    cpuShares: Number(r.cpuShares ?? 0),
    memoryLimitBytes: Number(r.memoryLimitInBytes ?? 0),
    oomScoreAdj: Number(r.oomScoreAdj ?? 0),
  };
  return {
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== 0)),
    ...(r.cpusetCpus ? { cpusetCpus: r.cpusetCpus } : {}),
    ...(r.cpusetMems ? { cpusetMems: r.cpusetMems } : {}),
    ...(pids > 0 ? { pidsLimit: pids } : {}),
    ...(r.hugepageLimits?.length
      ? { hugepageLimits: r.hugepageLimits.map(({ pageSize = '', limit = 0 }) => ({ pageSize, limit: Number(limit) })) }
      : {}),
    ...(Object.keys(unified).length > 0 ? { unified } : {}),
  };
}

/** `SIGRTMIN+1` is CRI's `SIGRTMINPLUS1`; the default where CRI has no word for it (a number, for example). */
export const toSignal = (name: string): wire.Signal =>
  (/^SIG[A-Z]+[0-9+-]*$/.test(name) ? name.replace('+', 'PLUS').replace('-', 'MINUS') : 'RUNTIME_DEFAULT') as wire.Signal;

export const fromSignal = (signal: wire.Signal | null | undefined): string | undefined =>
  !signal || signal === 'RUNTIME_DEFAULT' ? undefined : signal.replace('PLUS', '+').replace('MINUS', '-');
