// The Node object as this agent wants it. Pure.
import type { Node, NodeCondition, NodeStatus, NodeSystemInfo } from '../../api/gen/types/core.v1.ts';
import { isExtendedResource } from '../../api/meta/index.ts';
import { rfc3339 } from '../../kit/run/index.ts';

export interface NodeFacts {
  name: string;
  ip: string;
  port: number;
  labels: Readonly<Record<string, string>>;
  capacity: Readonly<Record<string, string>>;
  /** What is left of it for pods. */
  allocatable: Readonly<Record<string, string>>;
  info: NodeSystemInfo;
  /** What its container runtime can do, once that has been asked. */
  runtime?: Pick<NodeStatus, 'runtimeHandlers' | 'features'>;
}

/** Handlers by name, as upstream orders them. */
export const runtimeFacts = (runtime: {
  handlers: readonly { name: string; recursiveReadOnlyMounts: boolean; userNamespaces: boolean }[];
  features: { supplementalGroupsPolicy: boolean };
}): NonNullable<NodeFacts['runtime']> => ({
  features: { supplementalGroupsPolicy: runtime.features.supplementalGroupsPolicy },
  runtimeHandlers: runtime.handlers
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, recursiveReadOnlyMounts, userNamespaces }) => ({ name, features: { recursiveReadOnlyMounts, userNamespaces } })),
});

export function nodeLabels(facts: NodeFacts): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': facts.info.architecture,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': facts.info.architecture,
    'kubernetes.io/hostname': facts.name,
    'kubernetes.io/os': 'linux',
    ...facts.labels,
  };
}

export const NODE_ANNOTATIONS = { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' };

/** As it is first registered: everything known, not ready. */
export function newNode(facts: NodeFacts, nowMs: number): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: facts.name, labels: nodeLabels(facts), annotations: NODE_ANNOTATIONS },
    spec: {},
    status: nodeStatus(facts, NO_NETWORK, [], nowMs),
  };
}

/** What the node is short of, by the name of its condition. */
export type Pressures = ReadonlySet<string>;

/** `notReady`: what is wrong; undefined: nothing. */
export function nodeStatus(
  facts: NodeFacts,
  notReady: string | undefined,
  before: readonly NodeCondition[],
  nowMs: number,
  pressures: Pressures = new Set(),
): NodeStatus {
  return {
    capacity: { ...facts.capacity },
    allocatable: { ...facts.allocatable },
    addresses: [
      { type: 'InternalIP', address: facts.ip },
      { type: 'Hostname', address: facts.name },
    ],
    conditions: nodeConditions(notReady, before, nowMs, pressures),
    daemonEndpoints: { kubeletEndpoint: { Port: facts.port } },
    nodeInfo: facts.info,
    ...facts.runtime,
  };
}

/**
 * What is allocatable of resources that somebody else has written into the capacity (an administrator, by a patch of the status): all of it;
 * null, which takes it away, where the capacity has gone again. `own` are the names that this agent knows. Pure.
 */
export function advertised(status: NodeStatus | undefined, own: Readonly<Record<string, string>>): Record<string, string> {
  const { capacity = {}, allocatable = {} } = status ?? {};
  const isForeign = (name: string) => !(name in own) && name.includes('/');
  const gone = Object.keys(allocatable).filter((name) => isForeign(name) && !(name in capacity));
  return {
    ...Object.fromEntries(Object.entries(capacity).filter(([name]) => isForeign(name))),
    ...(Object.fromEntries(gone.map((name) => [name, null])) as object),
  };
}

/** Of a machine that was made anew under an old name: it has nothing of what was counted on the old one. Pure. */
export const nothingAdvertised = (status: NodeStatus | undefined): Record<string, string> =>
  Object.fromEntries(
    Object.keys(status?.capacity ?? {})
      .filter(isExtendedResource)
      .map((name) => [name, '0']),
  );

/** The part of a status that this agent reports, without the times: two that read alike say the same. Pure. */
export function reportedPart(status: NodeStatus | undefined): string {
  const { capacity, allocatable, addresses, conditions = [], daemonEndpoints, nodeInfo, features, runtimeHandlers, images } = status ?? {};
  const own = conditions.filter(({ type }) => OWN_CONDITIONS.has(type));
  const states = own.map(({ type, status: state, reason, message }) => [type, state, reason, message].join(' ')).sort();
  return JSON.stringify([capacity, allocatable, addresses, states, daemonEndpoints, nodeInfo, features, runtimeHandlers, images]);
}

/** Until everything has been started. */
const NO_NETWORK =
  'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized';

/** Condition, what it says while all is well, and what otherwise. */
const PRESSURES: readonly [string, [string, string], [string, string]][] = [
  [
    'MemoryPressure',
    ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
  ],
  ['DiskPressure', ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'], ['KubeletHasDiskPressure', 'kubelet has disk pressure']],
  [
    'PIDPressure',
    ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
  ],
];

const OWN_CONDITIONS: ReadonlySet<string> = new Set([...PRESSURES.map(([type]) => type), 'Ready']);

/** Transition times change only with the status, heartbeats always. */
export function nodeConditions(
  notReady: string | undefined,
  before: readonly NodeCondition[],
  nowMs: number,
  pressures: Pressures = new Set(),
): NodeCondition[] {
  const wanted: [string, string, string, string][] = [
    ...PRESSURES.map(([type, well, ill]): [string, string, string, string] =>
      pressures.has(type) ? [type, 'True', ...ill] : [type, 'False', ...well],
    ),
    notReady === undefined
      ? ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status']
      : ['Ready', 'False', 'KubeletNotReady', notReady],
  ];
  const now = rfc3339(nowMs);
  return wanted.map(([type, status, reason, message]) => {
    const old = before.find((condition) => condition.type === type);
    const lastTransitionTime = old?.status === status && old.lastTransitionTime ? old.lastTransitionTime : now;
    return { type, status, reason, message, lastHeartbeatTime: now, lastTransitionTime };
  });
}
