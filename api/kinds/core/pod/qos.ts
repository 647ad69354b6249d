// Quality of service of a pod, from its requests and limits; fixed at creation.
import type { PodSpec, ResourceRequirements } from '../../../gen/types/core.v1.ts';
import { compareQuantities, isZeroQuantity, type Quantity } from '../../../meta/index.ts';
import { addResources, type ResourceList } from '../resources.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const counted = (list: ResourceList | undefined): ResourceList =>
  Object.fromEntries(
    Object.entries(list ?? {}).filter(([name, amount]) => (name === 'cpu' || name === 'memory') && !isZeroQuantity(amount)),
  );

/** Requests must be filled from limits before (as defaults do). */
export function qosClass(spec: PodSpec): QosClass {
  const podLevel = counted(spec.resources?.limits);
  const hasPodLevel = Object.keys(podLevel).length > 0 || Object.keys(counted(spec.resources?.requests)).length > 0;
  const all: (ResourceRequirements | undefined)[] = hasPodLevel
    ? [spec.resources]
    : [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((container) => container.resources);
  const requests = new Map<string, Quantity>();
  const limits = new Map<string, Quantity>();
  let complete = true;
  for (const resources of all) {
    const limit = counted(resources?.limits);
    addResources(requests, counted(resources?.requests));
    addResources(limits, limit);
    if (!('cpu' in limit) || !('memory' in limit)) complete = false;
  }
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  const equal = [...requests].every(([name, amount]) => limits.has(name) && compareQuantities(limits.get(name)!, amount) === 0);
  return complete && equal && requests.size === limits.size ? 'Guaranteed' : 'Burstable';
}
