// Pure: what a node's Services mean as a list of ports with addresses and targets. Backends turn it into rules.
import type { Service } from '../../api/gen/types/core.v1.ts';
import type { EndpointSlice } from '../../api/gen/types/discovery.v1.ts';
import { choose, isLeftAlone, isProxied, type Place, type Target, targetsOf } from './endpoints.ts';

export interface PlanInput extends Place {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  /** Addresses of pods: traffic from elsewhere to a cluster IP gets the node's address. */
  readonly clusterCIDR: string;
}

/** What happens to new connections when `to` is empty: refuse when the Service has no endpoint anywhere, else drop. */
export type Empty = 'reject' | 'drop';

export interface Route {
  readonly to: readonly { readonly ip: string; readonly port: number }[];
  readonly empty: Empty;
}

/** One port of one Service as this node handles it. */
export interface PortPlan {
  /** `namespace/name:port-name`, or without the colon for an unnamed port; with the protocol it is unique. */
  readonly name: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly clusterIP: string;
  readonly port: number;
  readonly nodePort: number | undefined;
  /** externalIPs of the spec. */
  readonly externalIPs: readonly string[];
  /** Ingress IPs of the load balancer (mode VIP); `sourceRanges` restricts who may use them, empty: all. */
  readonly loadBalancerIPs: readonly string[];
  readonly sourceRanges: readonly string[];
  /** Seconds for which a client stays on its endpoint. */
  readonly affinitySeconds: number | undefined;
  /** For the cluster IP from pods and the node. */
  readonly internal: Route;
  /** For node ports, external and load balancer IPs from outside. */
  readonly external: Route;
  /** For the same when the client is a pod or the node itself: the Local policy is about keeping the source, which they have. */
  readonly externalFromInside: Route;
  /** externalTrafficPolicy Local: no masquerade for traffic from outside. */
  readonly keepsSource: boolean;
}

/** What a load balancer asks a Service's health check node port: has this node endpoints of it? */
export interface HealthCheck {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  /** Ready ones here. */
  readonly endpoints: number;
}

export interface Plan {
  readonly ports: readonly PortPlan[];
  readonly healthChecks: readonly HealthCheck[];
  readonly clusterCIDR: string;
}

export const makePlan = (input: PlanInput): Plan => createPlanner()(input);

/**
 * Plans again and again for one node: a Service whose object and slices are the same objects as before keeps its very
 * PortPlans, so that backends can tell by identity what has not changed.
 */
export function createPlanner(): (input: PlanInput) => Plan {
  const known = new WeakMap<Service, ServicePlan & { slices: readonly EndpointSlice[] }>();
  return (input) => {
    const slices = slicesByService(input.slices);
    const plans = input.services.filter(isProxied).map((service): ServicePlan => {
      const own = slices.get(`${service.metadata.namespace}/${service.metadata.name}`) ?? NONE;
      const before = known.get(service);
      if (before && before.slices.length === own.length && before.slices.every((slice, n) => slice === own[n])) return before;
      const made = { slices: own, ...planService(service, own, input) };
      known.set(service, made);
      return made;
    });
    return {
      ports: plans.flatMap(({ ports }) => ports),
      healthChecks: plans.flatMap(({ healthCheck }) => healthCheck ?? []),
      clusterCIDR: input.clusterCIDR,
    };
  };
}

interface ServicePlan {
  readonly ports: readonly PortPlan[];
  readonly healthCheck?: HealthCheck;
}

const NONE: readonly EndpointSlice[] = [];

function slicesByService(slices: readonly EndpointSlice[]): Map<string, EndpointSlice[]> {
  const groups = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    if (isLeftAlone(slice)) continue;
    const key = `${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name']}`;
    const group = groups.get(key);
    if (group) group.push(slice);
    else groups.set(key, [slice]);
  }
  return groups;
}

/** Name and protocol: unique in a plan. */
export const idOf = (port: Pick<PortPlan, 'name' | 'protocol'>): string => `${port.name}${port.protocol}`;

function planService(service: Service, slices: readonly EndpointSlice[], place: Place): ServicePlan {
  const targets = (service.spec?.ports ?? []).map((port) => targetsOf(port, slices, place));
  const ports = portsOf(service, targets, place);
  const { namespace = '', name = '' } = service.metadata;
  const port = service.spec?.healthCheckNodePort;
  if (!port) return { ports };
  const here = targets.flat().filter(({ local, ready }) => local && ready);
  return { ports, healthCheck: { namespace, name, port, endpoints: new Set(here.map(({ ip }) => ip)).size } };
}

function portsOf({ metadata, spec = {}, status }: Service, targets: readonly (readonly Target[])[], place: Place): PortPlan[] {
  const internalLocal = spec.internalTrafficPolicy === 'Local';
  const keepsSource = spec.externalTrafficPolicy === 'Local';
  return (spec.ports ?? []).map((port, index): PortPlan => {
    const choice = choose(targets[index]!, place);
    const cluster = routeTo(choice.cluster, 'reject');
    const local = routeTo(choice.local, choice.cluster.length > 0 ? 'drop' : 'reject');
    return {
      name: `${metadata.namespace}/${metadata.name}${port.name ? `:${port.name}` : ''}`,
      protocol: (port.protocol ?? 'TCP').toLowerCase() as PortPlan['protocol'],
      clusterIP: spec.clusterIP!,
      port: port.port,
      nodePort: port.nodePort || undefined,
      externalIPs: (spec.externalIPs ?? []).filter(isIPv4),
      loadBalancerIPs: (status?.loadBalancer?.ingress ?? [])
        .filter((i) => i.ipMode !== 'Proxy')
        .flatMap((i) => (i.ip && isIPv4(i.ip) ? [i.ip] : [])),
      sourceRanges: (spec.loadBalancerSourceRanges ?? []).map((range) => range.trim()),
      affinitySeconds: spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) : undefined,
      internal: internalLocal ? local : cluster,
      external: keepsSource ? local : cluster,
      externalFromInside: cluster,
      keepsSource,
    };
  });
}

const routeTo = (targets: readonly Target[], empty: Empty): Route => ({ to: targets.map(({ ip, port }) => ({ ip, port })), empty });

const isIPv4 = (ip: string): boolean => !ip.includes(':');
