// Which routes a host without pods of its own needs to reach the pods: one a node. Pure.
import type { Node } from '../../../api/gen/types/core.v1.ts';

export interface PodRoute {
  /** The node's pod range. */
  destination: string;
  /** The node's address. */
  gateway: string;
}

/** Routes to the pods of all nodes that have a range and an InternalIP. */
export function podRoutes(nodes: readonly Node[]): PodRoute[] {
  return nodes.flatMap((node) => {
    const gateway = node.status?.addresses?.find((a) => a.type === 'InternalIP')?.address;
    return gateway && node.spec?.podCIDR ? [{ destination: node.spec.podCIDR, gateway }] : [];
  });
}

/** What to add and what to take away; `present` are routes made earlier, in this range of all pods. */
export function routeChanges(wanted: readonly PodRoute[], present: readonly PodRoute[]): { add: PodRoute[]; remove: PodRoute[] } {
  const same = (a: PodRoute) => (b: PodRoute) => a.destination === b.destination && a.gateway === b.gateway;
  return {
    add: wanted.filter((route) => !present.some(same(route))),
    remove: present.filter((route) => !wanted.some((w) => w.destination === route.destination)),
  };
}
