// Which endpoints of a Service a node sends traffic to: readiness, termination, topology hints, traffic policies.

import type { Service, ServicePort } from '../../api/gen/types/core.v1.ts';
import type { Endpoint, EndpointSlice } from '../../api/gen/types/discovery.v1.ts';

/** One place that traffic of one Service port can go to. */
export interface Target {
  readonly ip: string;
  readonly port: number;
  readonly local: boolean;
  readonly ready: boolean;
  /** Takes connections though it is going away: used only when nothing is ready. */
  readonly draining: boolean;
  readonly zones: readonly string[] | undefined;
  readonly nodes: readonly string[] | undefined;
}

export interface Place {
  readonly nodeName: string;
  readonly zone?: string;
}

/** All IPv4 targets of one Service port, each once, in a fixed order. */
export function targetsOf(port: ServicePort, slices: readonly EndpointSlice[], place: Place): Target[] {
  const targets = new Map<string, Target>();
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue;
    const match = slice.ports?.find((p) => (p.name ?? '') === (port.name ?? '') && (p.protocol ?? 'TCP') === (port.protocol ?? 'TCP'));
    if (!match?.port) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const ip = endpoint.addresses[0];
      if (!ip) continue;
      const key = `${ip}:${match.port}`;
      const target = targetOf(endpoint, ip, match.port, place);
      // An endpoint that moves between slices is in both for a moment.
      if (!targets.has(key) || (target.ready && !targets.get(key)!.ready)) targets.set(key, target);
    }
  }
  return [...targets.values()].sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port));
}

function targetOf(endpoint: Endpoint, ip: string, port: number, place: Place): Target {
  const ready = endpoint.conditions?.ready ?? true;
  return {
    ip,
    port,
    local: endpoint.nodeName === place.nodeName,
    ready,
    draining: !ready && (endpoint.conditions?.serving ?? false) && (endpoint.conditions?.terminating ?? false),
    zones: endpoint.hints?.forZones?.map((z) => z.name),
    nodes: endpoint.hints?.forNodes?.map((n) => n.name),
  };
}

export interface Choice {
  /** For traffic with policy Cluster. */
  readonly cluster: readonly Target[];
  /** For traffic with policy Local. */
  readonly local: readonly Target[];
}

/** Ready ones, or while there are none those that still serve while terminating. */
const usable = (targets: readonly Target[]): readonly Target[] => {
  const ready = targets.filter((t) => t.ready);
  return ready.length > 0 ? ready : targets.filter((t) => t.draining);
};

export function choose(targets: readonly Target[], place: Place): Choice {
  return { cluster: nearest(usable(targets), place), local: usable(targets.filter((t) => t.local)) };
}

/** Hints count only when every endpoint has one and some endpoint is for here; for the node before for the zone. */
function nearest(targets: readonly Target[], place: Place): readonly Target[] {
  const byNode = targets.filter((t) => t.nodes?.includes(place.nodeName));
  if (byNode.length > 0 && targets.every((t) => t.nodes?.length)) return byNode;
  const { zone } = place;
  const byZone = zone === undefined ? [] : targets.filter((t) => t.zones?.includes(zone));
  return byZone.length > 0 && targets.every((t) => t.zones?.length) ? byZone : targets;
}

const LEFT_ALONE = ['service.kubernetes.io/service-proxy-name', 'service.kubernetes.io/headless'];

/** A Service or a slice that says it is not for this proxy. */
export const isLeftAlone = ({ metadata }: Service | EndpointSlice): boolean => LEFT_ALONE.some((label) => label in (metadata.labels ?? {}));

/** Services that get rules at all: not headless (by their address or a label), not ExternalName, not left to another proxy. */
export function isProxied(service: Service): boolean {
  const { clusterIP, type } = service.spec ?? {};
  if (type === 'ExternalName' || !clusterIP || clusterIP === 'None') return false;
  return !isLeftAlone(service);
}
