// Which pods make room for one that must run on this node: kubelet's choice (pkg/kubelet/preemption). Those of a better QoS class go only
// where the worse ones are not enough; of each class as few as possible. Pure.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { isCritical } from '../../kit/pods/index.ts';
import { podAmount } from './amounts.ts';
import { type QosClass, qosClass } from './qos.ts';

/** Of each resource, how much is missing; more than nothing. */
export type Shortage = ReadonlyMap<string, bigint>;

/** In whose favour pods end. */
export const PREEMPTING = { reason: 'Preempting', message: 'Preempted in order to admit critical pod' };

/** As the pod's condition tells it. */
export const PREEMPTED = 'Pod was preempted by Kubelet to accommodate a critical pod.';

/** `others`: all pods that run here. Undefined: no set of them is enough. */
export function victimsFor(pod: Pod, others: readonly Pod[], shortage: Shortage): Pod[] | undefined {
  const candidates = others.filter((other) => yields(other, pod));
  const of = (wanted: QosClass) => candidates.filter((other) => qosClass(other) === wanted);
  const [bestEffort, burstable, guaranteed] = [of('BestEffort'), of('Burstable'), of('Guaranteed')];
  if (without(shortage, candidates).size > 0) return undefined;
  const best = fewest(guaranteed, without(shortage, [...bestEffort, ...burstable]));
  const middle = fewest(burstable, without(shortage, [...bestEffort, ...best]));
  const least = fewest(bestEffort, without(shortage, [...middle, ...best]));
  return [...least, ...middle, ...best];
}

const yields = (other: Pod, pod: Pod): boolean =>
  (isCritical(pod) && !isCritical(other)) || (pod.spec?.priority ?? 0) > (other.spec?.priority ?? 0);

/** They are enough together. The one that meets most of what is missing goes first; of equals the smaller. */
function fewest(pods: readonly Pod[], shortage: Shortage): Pod[] {
  const chosen: Pod[] = [];
  const left = new Set(pods);
  for (let missing = shortage; missing.size > 0; ) {
    let best: Pod | undefined;
    for (const pod of left) if (!best || compare(pod, best, missing) < 0) best = pod;
    if (!best) break;
    left.delete(best);
    chosen.push(best);
    missing = without(missing, [best]);
  }
  return chosen;
}

/** What is still missing once they are gone. */
function without(shortage: Shortage, pods: readonly Pod[]): Shortage {
  const after = [...shortage].map(
    ([resource, quantity]) => [resource, pods.reduce((left, pod) => left - requestOf(pod, resource), quantity)] as const,
  );
  return new Map(after.filter(([, quantity]) => quantity > 0n));
}

function compare(a: Pod, b: Pod, shortage: Shortage): number {
  return (
    distance(a, shortage) - distance(b, shortage) ||
    Number(request(a, 'memory') - request(b, 'memory')) ||
    Number(request(a, 'cpu') - request(b, 'cpu'))
  );
}

/** 0: the pod is enough alone; up to 1 for each resource of which it has nothing. */
function distance(pod: Pod, shortage: Shortage): number {
  let sum = 0;
  for (const [resource, quantity] of shortage) {
    const left = Number(quantity - requestOf(pod, resource));
    if (left > 0) sum += (left / Number(quantity)) ** 2;
  }
  return sum;
}

/** Every pod takes one place. */
const requestOf = (pod: Pod, resource: string): bigint => (resource === 'pods' ? 1n : request(pod, resource));
const request = (pod: Pod, resource: string): bigint => podAmount(pod, 'requests', resource);

/** The sentence of a pod that cannot be helped. */
export const notEnough = (shortage: Shortage): string => {
  const parts = [...shortage].map(([resource, quantity]) => `(res: ${resource}, q: ${quantity}), `);
  return `preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [${parts.join('')}]`;
};
