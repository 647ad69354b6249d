// From requests and limits to what the kernel is told: QoS class, cgroup, cpu shares and quota, memory limit, OOM score.
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import { toInteger, toMilli } from '../../api/meta/index.ts';
import { hugePageName } from '../../kit/linux/index.ts';
import { SYSTEM_CRITICAL } from '../../kit/pods/index.ts';
import type { LinuxResources } from '../cri/index.ts';
import { podAmount } from './amounts.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** The class of the pod, by the requests and limits for cpu and memory of all containers, init ones too. */
export function qosClass(pod: Pod): QosClass {
  const whole = pod.spec?.resources;
  const parts = whole?.requests || whole?.limits ? [whole] : allContainers(pod).map((container) => container.resources ?? {});
  let any = false;
  let guaranteed = true;
  for (const { requests = {}, limits = {} } of parts) {
    for (const resource of ['cpu', 'memory']) {
      const limit = limits[resource];
      const request = requests[resource] ?? limit;
      if (isPositive(limit) || isPositive(request)) any = true;
      if (!isPositive(limit) || toMilli(limit as string) !== toMilli(request ?? '0')) guaranteed = false;
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

/** Below the node's cgroup. */
export function podCgroup(pod: Pod): string {
  const qos = (pod.status?.qosClass as QosClass | undefined) ?? qosClass(pod);
  const folder = qos === 'Guaranteed' ? 'kubepods' : `kubepods/${qos.toLowerCase()}`;
  return `${folder}/pod${pod.metadata.uid}`;
}

const PERIOD_US = 100_000;

/** Limits of one container. `memoryCapacity` of the node, bytes, for the OOM score. */
export function containerResources(pod: Pod, container: Container, memoryCapacity: number): LinuxResources {
  const { requests = {}, limits: own = {} } = container.resources ?? {};
  // What the pod as a whole is given bounds a container that has no bound of its own.
  const limits = { ...pod.spec?.resources?.limits, ...own };
  const cpu = requests['cpu'] ?? limits['cpu'];
  return {
    ...cpuResources(cpu === undefined ? 0 : milli(cpu), limits['cpu'] === undefined ? 0 : milli(limits['cpu'])),
    ...(isPositive(limits['memory']) ? { memoryLimitBytes: bytes(limits['memory'] as string) } : {}),
    ...hugepages({ ...noneOfOthers(pod), ...limits }),
    oomScoreAdj: oomScoreAdj(pod, container, memoryCapacity),
  };
}

/** `hugepages-2Mi: 4Mi` as the kernel's controller names it: pages of `2MB`. */
function hugepages(limits: Record<string, string>): Pick<LinuxResources, 'hugepageLimits'> {
  const hugepageLimits = Object.entries(limits).flatMap(([name, quantity]) =>
    isHugePages(name) ? [{ pageSize: hugePageName(bytes(name.slice(HUGE.length))), limit: bytes(quantity) }] : [],
  );
  return hugepageLimits.length > 0 ? { hugepageLimits } : {};
}

/** What a container's neighbours in the pod have asked for is not its own: kubelet gives it none of each size that it does not name. */
const noneOfOthers = (pod: Pod): Record<string, string> =>
  Object.fromEntries(
    allContainers(pod).flatMap(({ resources }) =>
      Object.keys(resources?.limits ?? {}).flatMap((name) => (isHugePages(name) ? [[name, '0']] : [])),
    ),
  );

/** Of the pod's own group, for each size that the node has: who has not asked for pages of a size gets none. Pure. */
export const podHugepages = (pod: Pod, allocatable: Readonly<Record<string, string>>): Pick<LinuxResources, 'hugepageLimits'> =>
  hugepages(
    Object.fromEntries(
      Object.keys(allocatable)
        .filter(isHugePages)
        .map((name) => [name, String(podAmount(pod, 'limits', name))]),
    ),
  );

const HUGE = 'hugepages-';
const isHugePages = (name: string): boolean => name.startsWith(HUGE);

/** Limits of the pod's own cgroup: shares always, quota and memory only where the pod or every container of it is limited. */
export function podResources(pod: Pod): LinuxResources {
  const isLimited = (resource: string) =>
    pod.spec?.resources?.limits?.[resource] !== undefined ||
    allContainers(pod).every(({ resources }) => isPositive(resources?.limits?.[resource]));
  const request = Number(podAmount(pod, 'requests', 'cpu')) || Number(podAmount(pod, 'limits', 'cpu'));
  const memory = isLimited('memory') ? Number(podAmount(pod, 'limits', 'memory')) : 0;
  return {
    ...cpuResources(request, isLimited('cpu') ? Number(podAmount(pod, 'limits', 'cpu')) : 0),
    ...(memory > 0 ? { memoryLimitBytes: memory } : {}),
  };
}

/** The most that the pod can have in memory, with what its volumes hold there: its limit, or all that the node gives to pods. */
export function memoryBytesOf(pod: Pod, allocatable: Readonly<Record<string, string>>): number | undefined {
  const limit = podResources(pod).memoryLimitBytes;
  const all = allocatable['memory'] === undefined ? undefined : bytes(allocatable['memory']);
  return limit !== undefined && all !== undefined ? Math.min(limit, all) : (limit ?? all);
}

/** Of a processor's 1024; the kernel takes no less than 2 and no more than 262144. */
export const cpuShares = (milli: number): number => Math.min(262_144, Math.max(2, Math.floor((milli * 1024) / 1000)));

function cpuResources(requestMilli: number, limitMilli: number): LinuxResources {
  return {
    cpuShares: cpuShares(requestMilli),
    ...(limitMilli > 0 ? { cpuPeriod: PERIOD_US, cpuQuota: Math.max(1000, (limitMilli * PERIOD_US) / 1000) } : {}),
  };
}

/** -997 Guaranteed and critical, 1000 BestEffort, between 3 and 999 by the share of the node's memory that is asked for. */
export function oomScoreAdj(pod: Pod, container: Container, memoryCapacity: number): number {
  if ((pod.spec?.priority ?? 0) >= SYSTEM_CRITICAL) return -997;
  const qos = (pod.status?.qosClass as QosClass | undefined) ?? qosClass(pod);
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const request = container.resources?.requests?.['memory'] ?? container.resources?.limits?.['memory'];
  const score = 1000 - Math.floor((1000 * (request === undefined ? 0 : bytes(request))) / memoryCapacity);
  return Math.min(999, Math.max(3, score));
}

const allContainers = (pod: Pod): Container[] => [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
const isPositive = (quantity: string | undefined): boolean => quantity !== undefined && toMilli(quantity) > 0n;
const milli = (quantity: string): number => Number(toMilli(quantity));
const bytes = (quantity: string): number => Number(toInteger(quantity));
