// What a node has set aside for a pod, which a resize asks to change: whether the new amounts fit, now or ever. Pure.
import type { Container, Pod, ResourceRequirements } from '../../api/gen/types/core.v1.ts';
import { deepEqual, inOrder } from '../../api/meta/index.ts';
import { sidecarsOf } from '../../kit/pods/index.ts';
import type { LinuxResources } from '../cri/index.ts';
import { noRoom } from './admission.ts';
import { amount, podAmount } from './amounts.ts';

/** Resources by container (init containers too), and those of the pod as a whole. */
export interface Allocation {
  containers: Record<string, ResourceRequirements>;
  pod?: ResourceRequirements;
}

/** Why a resize waits: `Deferred` until others leave, `Infeasible` for ever on this node. */
export interface Pending {
  reason: 'Deferred' | 'Infeasible';
  message: string;
}

const all = (pod: Pod): Container[] => [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];

export const allocationOf = (pod: Pod): Allocation => ({
  containers: Object.fromEntries(all(pod).map(({ name, resources }) => [name, resources ?? {}])),
  ...(pod.spec?.resources ? { pod: pod.spec.resources } : {}),
});

/** The pod as it is to run: its spec with the amounts that were set aside. */
export function withAllocation(pod: Pod, allocation: Allocation): Pod {
  if (!pod.spec || deepEqual(allocationOf(pod), allocation)) return pod;
  const given = <T extends Container>(container: T): T => {
    const resources = allocation.containers[container.name];
    return resources ? { ...container, resources } : container;
  };
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: pod.spec.containers.map(given),
      ...(pod.spec.initContainers ? { initContainers: pod.spec.initContainers.map(given) } : {}),
      ...(allocation.pod ? { resources: allocation.pod } : {}),
    },
  };
}

/** What stands against running the pod with the resources it now asks for. `others`: pods of the node, with what they were given. */
export function judgeResize(pod: Pod, others: readonly Pod[], allocatable: Readonly<Record<string, string>>): Pending | undefined {
  for (const resource of ['memory', 'cpu']) {
    const capacity = allocatable[resource];
    if (capacity === undefined) continue;
    const requested = podAmount(pod, 'requests', resource);
    if (requested > amount(capacity, resource))
      return {
        reason: 'Infeasible',
        message: `Node didn't have enough capacity: ${resource}, requested: ${requested}, capacity: ${amount(capacity, resource)}`,
      };
  }
  const lacking = noRoom(pod, others, allocatable);
  return lacking && { reason: 'Deferred', message: lacking.message };
}

/** Which of the two resources of a running container are not as they should be. */
export function outdated(has: LinuxResources, wanted: LinuxResources): ('cpu' | 'memory')[] {
  const out: ('cpu' | 'memory')[] = [];
  if (has.cpuShares !== wanted.cpuShares || limitOf(has.cpuQuota) !== limitOf(wanted.cpuQuota)) out.push('cpu');
  if ((has.memoryLimitBytes ?? 0) !== (wanted.memoryLimitBytes ?? 0)) out.push('memory');
  return out;
}

/** Memory that is asked for is not told to the kernel, but a container may want to be made anew for it. `made`: what it was made with. */
export function memoryRequestDiffers(made: ResourceRequirements, wanted: ResourceRequirements | undefined): boolean {
  const bytes = ({ requests }: ResourceRequirements): bigint => amount(requests?.['memory'] ?? '0', 'memory');
  return bytes(made) !== bytes(wanted ?? {});
}

/** -1 and nothing both mean: no limit. */
const limitOf = (quota: number | undefined): number => Math.max(0, quota ?? 0);

/** A container asks to be started anew when one of these resources changes. */
export const restartsFor = (container: Container, changed: readonly string[]): boolean =>
  (container.resizePolicy ?? []).some(
    ({ resourceName, restartPolicy }) => changed.includes(resourceName) && restartPolicy === 'RestartContainer',
  );

/** Bounds that hold the old and the new amounts: a parent group may never be smaller than its children are at that moment. */
export function wider(a: LinuxResources, b: LinuxResources): LinuxResources {
  const { cpuQuota: quotaA, memoryLimitBytes: memoryA } = a;
  const { cpuQuota: quotaB, memoryLimitBytes: memoryB } = b;
  return {
    ...b,
    cpuQuota: limitOf(quotaA) && limitOf(quotaB) ? Math.max(limitOf(quotaA), limitOf(quotaB)) : -1,
    memoryLimitBytes: memoryA && memoryB ? Math.max(memoryA, memoryB) : -1,
  };
}

/** For events, as upstream writes it: `{"containers":[{"name":"c","resources":{...}}],"generation":2}`. */
export function resizeText(pod: Pod, what: string, error?: string): string {
  const shown = (containers: readonly Container[]) =>
    containers.map(({ name, resources: { limits, requests } = {} }) => ({ name, resources: inOrder({ limits, requests }) }));
  const sidecars = sidecarsOf(pod);
  return `Pod resize ${what}: ${JSON.stringify({
    ...(sidecars.length > 0 ? { initContainers: shown(sidecars) } : {}),
    containers: shown(pod.spec?.containers ?? []),
    generation: pod.metadata.generation ?? 0,
    ...(error ? { error } : {}),
  })}`;
}
