// What a node refuses although the scheduler (or spec.nodeName) sent it here: the pod fails at once, with upstream's reason. Pure.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { amount, podAmount } from './amounts.ts';
import { forbiddenSysctl } from './sysctls.ts';

export interface Refusal {
  reason: string;
  message: string;
}

/** What this machine lacks or has. */
export interface NodeAbilities {
  allocatable: Readonly<Record<string, string>>;
  appArmor: boolean;
}

/** `others`: pods of this node that have not ended. Undefined: welcome. */
export const refusal = (pod: Pod, others: readonly Pod[], node: NodeAbilities): Refusal | undefined =>
  appArmor(pod, node) ?? sysctl(pod) ?? noRoom(pod, others, node.allocatable);

function appArmor(pod: Pod, node: NodeAbilities): Refusal | undefined {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const profiles = [
    pod.spec?.securityContext?.appArmorProfile,
    ...containers.map(({ securityContext }) => securityContext?.appArmorProfile),
  ];
  if (node.appArmor || !profiles.some((profile) => profile && profile.type !== 'Unconfined')) return undefined;
  return { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' };
}

function sysctl(pod: Pod): Refusal | undefined {
  const why = forbiddenSysctl(pod);
  return why === undefined ? undefined : { reason: 'SysctlForbidden', message: `forbidden sysctl: ${why}` };
}

/** Two pods bound at the same time may be too many together. */
export function noRoom(pod: Pod, others: readonly Pod[], allocatable: Readonly<Record<string, string>>): Refusal | undefined {
  const podsMax = Number(allocatable['pods'] ?? Number.POSITIVE_INFINITY);
  if (others.length + 1 > podsMax) return lacking('pods', 1n, BigInt(others.length), BigInt(podsMax));
  for (const resource of ['cpu', 'memory', 'ephemeral-storage']) {
    const wanted = podAmount(pod, 'requests', resource);
    if (wanted === 0n || allocatable[resource] === undefined) continue;
    const used = others.reduce((sum, other) => sum + podAmount(other, 'requests', resource), 0n);
    const capacity = amount(allocatable[resource], resource);
    if (used + wanted > capacity) return lacking(resource, wanted, used, capacity);
  }
  return undefined;
}

const lacking = (resource: string, requested: bigint, used: bigint, capacity: bigint): Refusal => ({
  reason: `OutOf${resource}`,
  message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
});
