// How much of a resource a pod asks for or may use as a whole, by the rule that schedulers and nodes share. Pure.
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import { toInteger, toMilli } from '../../api/meta/index.ts';
import { isSidecar } from '../../kit/pods/index.ts';

/** Of cpu in thousandths, of everything else whole units. */
export const amount = (quantity: string, resource: string): bigint => (resource === 'cpu' ? toMilli(quantity) : toInteger(quantity));

/**
 * The bigger of all containers together and any init container with the sidecars before it, and the pod's overhead. What the pod as a
 * whole is given comes in place of that.
 */
export function podAmount(pod: Pod, list: 'requests' | 'limits', resource: string): bigint {
  const overhead = amount(pod.spec?.overhead?.[resource] ?? '0', resource);
  const whole = pod.spec?.resources?.[list]?.[resource];
  if (whole !== undefined) return amount(whole, resource) + overhead;
  const of = ({ resources }: Container) => amount(resources?.[list]?.[resource] ?? '0', resource);
  let sidecars = 0n;
  let most = 0n;
  for (const container of pod.spec?.initContainers ?? []) {
    const sum = sidecars + of(container);
    if (sum > most) most = sum;
    if (isSidecar(container)) sidecars = sum;
  }
  const mains = (pod.spec?.containers ?? []).reduce((sum, container) => sum + of(container), sidecars);
  const total = mains > most ? mains : most;
  return total === 0n && list === 'limits' ? 0n : total + overhead;
}
