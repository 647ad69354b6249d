// What a node refuses although the scheduler (or spec.nodeName) sent it here: the pod fails at once, with upstream's reason. Pure.
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import { toInteger, toMilli } from '../../api/meta/index.ts';

export interface Refusal {
  reason: string;
  message: string;
}

/** `others`: pods of this node that have not ended. Undefined: welcome. */
export function refusal(pod: Pod, others: readonly Pod[], allocatable: Readonly<Record<string, string>>): Refusal | undefined {
  const found = appArmor(pod) ?? room(pod, others, allocatable);
  return found && { reason: found.reason, message: `Pod was rejected: ${found.message}` };
}

function appArmor(pod: Pod): Refusal | undefined {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const profiles = [
    pod.spec?.securityContext?.appArmorProfile,
    ...containers.map(({ securityContext }) => securityContext?.appArmorProfile),
  ];
  if (!profiles.some((profile) => profile && profile.type !== 'Unconfined')) return undefined;
  return { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' };
}

/** Two pods bound at the same time may be too many together. */
function room(pod: Pod, others: readonly Pod[], allocatable: Readonly<Record<string, string>>): Refusal | undefined {
  const podsMax = Number(allocatable['pods'] ?? Number.POSITIVE_INFINITY);
  if (others.length + 1 > podsMax) return lacking('pods', 1n, BigInt(others.length), BigInt(podsMax));
  for (const resource of ['cpu', 'memory', 'ephemeral-storage']) {
    const wanted = requestOf(pod, resource);
    if (wanted === 0n || allocatable[resource] === undefined) continue;
    const used = others.reduce((sum, other) => sum + requestOf(other, resource), 0n);
    const capacity = amount(allocatable[resource], resource);
    if (used + wanted > capacity) return lacking(resource, wanted, used, capacity);
  }
  return undefined;
}

const lacking = (resource: string, requested: bigint, used: bigint, capacity: bigint): Refusal => ({
  reason: `OutOf${resource}`,
  message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
});

/** The bigger of all containers together and any init container, with the sidecars before it; cpu in thousandths. */
export function requestOf(pod: Pod, resource: string): bigint {
  const whole = pod.spec?.resources?.requests?.[resource];
  if (whole !== undefined) return amount(whole, resource);
  const of = ({ resources }: Container) => amount(resources?.requests?.[resource] ?? '0', resource);
  let sidecars = 0n;
  let most = 0n;
  for (const container of pod.spec?.initContainers ?? []) {
    const sum = sidecars + of(container);
    if (sum > most) most = sum;
    if (container.restartPolicy === 'Always') sidecars = sum;
  }
  const mains = (pod.spec?.containers ?? []).reduce((sum, container) => sum + of(container), sidecars);
  const overhead = amount(pod.spec?.overhead?.[resource] ?? '0', resource);
  return (mains > most ? mains : most) + overhead;
}

export const amount = (quantity: string, resource: string): bigint => (resource === 'cpu' ? toMilli(quantity) : toInteger(quantity));
