// What a node refuses although the scheduler (or spec.nodeName) sent it here: the pod fails at once, with upstream's reason. Pure.
import type { Node, Pod } from '../../api/gen/types/core.v1.ts';
import { isExtendedResource } from '../../api/meta/index.ts';
import { hostPortsOf, portsConflict, requiredOf, untolerated } from '../../kit/placement/index.ts';
import { isStatic, lastingContainers } from '../../kit/pods/index.ts';
import { amount, podAmount } from './amounts.ts';
import { forbiddenSysctl } from './sysctls.ts';

export interface Refusal {
  reason: string;
  message: string;
}

/** What not every node can do. */
export interface Abilities {
  /** Of the kernel. */
  appArmor: boolean;
  /** Of the runtime. */
  supplementalGroupsPolicy: boolean;
}

/** Of a pod that no node like this one can run, whoever else is here. Undefined: it can. */
export const impossible = (pod: Pod, can: Abilities): Refusal | undefined =>
  appArmor(pod, can.appArmor) ?? sysctl(pod) ?? otherSystem(pod) ?? strictGroups(pod, can.supplementalGroupsPolicy);

/** This node, as far as it is known. */
export interface NodeNow {
  /** What it has for pods; of devices it is known without it who gets them. */
  allocatable: Readonly<Record<string, string>>;
  /** As the API shows it: labels and taints may be changed there. Undefined: not seen yet. */
  object: Node | undefined;
}

/** `others`: pods of this node that have not ended. The first reason counts. Undefined: welcome. */
export const misfit = (pod: Pod, others: readonly Pod[], node: NodeNow): Refusal | undefined =>
  noRoom(pod, others, allocatableOf(node)) ?? misplaced(pod, others, node);

/** What stands against the pod wherever there is room for it. */
export const misplaced = (pod: Pod, others: readonly Pod[], node: NodeNow): Refusal | undefined =>
  wrongNode(pod, node.object) ?? portTaken(pod, others) ?? tainted(pod, node.object);

/** Of each resource that the node has too little of, how much is missing. */
export const shortageOf = (pod: Pod, others: readonly Pod[], node: NodeNow): ReadonlyMap<string, bigint> =>
  new Map(
    [...lacks(pod, others, allocatableOf(node))].map(({ resource, requested, used, capacity }) => [resource, used + requested - capacity]),
  );

const allocatableOf = (node: NodeNow): Record<string, string> => ({ ...counted(node.object), ...node.allocatable });

/** What others than the node itself count on it. */
const counted = (node: Node | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(node?.status?.allocatable ?? {}).filter(([name]) => isExtendedResource(name)));

const unfit = (predicate: string, why: string): Refusal => ({
  reason: predicate,
  message: `Predicate ${predicate} failed: ${why}`,
});

export const AFFINITY = 'NodeAffinity';

function wrongNode(pod: Pod, node: Node | undefined): Refusal | undefined {
  const isWrong = node !== undefined && requiredOf(pod)?.(node) === false;
  return isWrong ? unfit(AFFINITY, "node(s) didn't match Pod's node affinity/selector") : undefined;
}

/** Containers that run all the time hold their ports. */
const portsOf = (pod: Pod) => hostPortsOf(lastingContainers(pod));

function portTaken(pod: Pod, others: readonly Pod[]): Refusal | undefined {
  const wanted = portsOf(pod);
  if (wanted.length === 0) return undefined;
  const taken = others.flatMap(portsOf);
  const isTaken = wanted.some((port) => taken.some((other) => portsConflict(port, other)));
  return isTaken ? unfit('NodePorts', "node(s) didn't have free ports for the requested pod ports") : undefined;
}

/** Only taints that would drive the pod out again; nothing drives one of a file out. */
function tainted(pod: Pod, node: Node | undefined): Refusal | undefined {
  if (isStatic(pod)) return undefined;
  const taint = untolerated(node?.spec?.taints ?? [], pod.spec?.tolerations ?? [], ['NoExecute']);
  return taint ? unfit('TaintToleration', 'node(s) had untolerated taint(s)') : undefined;
}

function otherSystem({ metadata, spec }: Pod): Refusal | undefined {
  const label = metadata.labels?.['kubernetes.io/os'];
  if (label !== undefined && label !== 'linux')
    return {
      reason: 'PodOSSelectorNodeLabelDoesNotMatch',
      message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    };
  if (spec?.os && spec.os.name !== 'linux')
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  return undefined;
}

function strictGroups(pod: Pod, isSupported: boolean): Refusal | undefined {
  if (isSupported || pod.spec?.securityContext?.supplementalGroupsPolicy !== 'Strict') return undefined;
  return { reason: 'SupplementalGroupsPolicyNotSupported', message: 'SupplementalGroupsPolicy=Strict is not supported in this node' };
}

function appArmor(pod: Pod, hasAppArmor: boolean): Refusal | undefined {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const profiles = [
    pod.spec?.securityContext?.appArmorProfile,
    ...containers.map(({ securityContext }) => securityContext?.appArmorProfile),
  ];
  if (hasAppArmor || !profiles.some((profile) => profile && profile.type !== 'Unconfined')) return undefined;
  return { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' };
}

function sysctl(pod: Pod): Refusal | undefined {
  const why = forbiddenSysctl(pod);
  return why === undefined ? undefined : { reason: 'SysctlForbidden', message: `forbidden sysctl: ${why}` };
}

/** In this order; then what else the node has. */
const FIRST: readonly string[] = ['cpu', 'memory', 'ephemeral-storage'];

interface Lack {
  resource: string;
  requested: bigint;
  used: bigint;
  capacity: bigint;
}

/** Two pods bound at the same time may be too many together. */
export function noRoom(pod: Pod, others: readonly Pod[], allocatable: Readonly<Record<string, string>>): Refusal | undefined {
  const [lack] = lacks(pod, others, allocatable);
  if (!lack) return undefined;
  const { resource, requested, used, capacity } = lack;
  return {
    reason: `OutOf${resource}`,
    message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
  };
}

function* lacks(pod: Pod, others: readonly Pod[], allocatable: Readonly<Record<string, string>>): Generator<Lack> {
  const podsMax = Number(allocatable['pods'] ?? Number.POSITIVE_INFINITY);
  if (others.length + 1 > podsMax) yield { resource: 'pods', requested: 1n, used: BigInt(others.length), capacity: BigInt(podsMax) };
  const further = Object.keys(allocatable).filter((name) => name !== 'pods' && !FIRST.includes(name));
  for (const resource of [...FIRST, ...further]) {
    const requested = podAmount(pod, 'requests', resource);
    if (requested === 0n || allocatable[resource] === undefined) continue;
    const used = others.reduce((sum, other) => sum + podAmount(other, 'requests', resource), 0n);
    const capacity = amount(allocatable[resource], resource);
    if (used + requested > capacity) yield { resource, requested, used, capacity };
  }
}
