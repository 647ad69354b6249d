// Which endpoints a Service has, from its pods: conditions, ports resolved by name for each pod, grouped by their ports. Pure.
import type { Node, Pod, Service, ServicePort } from '../../../api/gen/types/core.v1.ts';
import type { Endpoint, EndpointPort } from '../../../api/gen/types/discovery.v1.ts';
import { isFinished, isReady, lastingContainers } from '../../../kit/pods/index.ts';

export type AddressType = 'IPv4' | 'IPv6';

/** Endpoints with the same ports: they share slices. */
export interface Group {
  ports: EndpointPort[];
  endpoints: Endpoint[];
}

export const addressTypesOf = (service: Service): AddressType[] => {
  const families = service.spec?.ipFamilies ?? [];
  return families.length > 0 ? (families as AddressType[]) : ['IPv4'];
};

/** The pod's number for a target port: by name among its containers' ports, sidecars included. Undefined: it has none. */
function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target || port.port;
  for (const container of lastingContainers(pod))
    for (const { name, protocol, containerPort } of container.ports ?? [])
      if (name === target && (protocol ?? 'TCP') === (port.protocol ?? 'TCP')) return containerPort;
  return undefined;
}

export function portsFor(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((port) => {
    const number = targetPort(port, pod);
    if (number === undefined) return [];
    return [
      {
        name: port.name ?? '',
        port: number,
        protocol: port.protocol ?? 'TCP',
        ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}),
      },
    ];
  });
}

/** Whether the pod has addresses to be published at all. */
export const isPublished = (pod: Pod): boolean => !isFinished(pod) && addressesOf(pod).length > 0;

export const addressesOf = (pod: Pod): string[] => {
  const { podIP, podIPs = [] } = pod.status ?? {};
  return podIPs.length > 0 ? podIPs.flatMap(({ ip }) => (ip ? [ip] : [])) : podIP ? [podIP] : [];
};

const familyOf = (address: string): AddressType => (address.includes(':') ? 'IPv6' : 'IPv4');

export const hostnameOf = (service: Service, pod: Pod): { hostname?: string } =>
  pod.spec?.hostname && pod.spec.subdomain === service.metadata.name ? { hostname: pod.spec.hostname } : {};

/** Whom the endpoint is for, by the Service's trafficDistribution; without a zone (or node) it is for all. */
function hintsOf({ spec }: Service, nodeName: string | undefined, zone: string | undefined): Pick<Endpoint, 'hints'> {
  const forZones = zone ? { forZones: [{ name: zone }] } : {};
  switch (spec?.trafficDistribution) {
    case 'PreferClose':
    case 'PreferSameZone':
      return zone ? { hints: forZones } : {};
    case 'PreferSameNode':
      return nodeName ? { hints: { ...forZones, forNodes: [{ name: nodeName }] } } : {};
    default:
      return {};
  }
}

function endpointOf(service: Service, pod: Pod, node: Node | undefined, type: AddressType): Endpoint {
  const serving = isReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const zone = node?.metadata.labels?.['topology.kubernetes.io/zone'];
  const { name = '', namespace = '', uid = '' } = pod.metadata;
  return {
    addresses: addressesOf(pod).filter((address) => familyOf(address) === type),
    conditions: { ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating), serving, terminating },
    ...hostnameOf(service, pod),
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    ...(zone ? { zone } : {}),
    ...hintsOf(service, pod.spec?.nodeName, zone),
    targetRef: { kind: 'Pod', name, namespace, uid },
  };
}

/** A pod on a node that is not there is left out; so is one without an address of the type. */
export function groupsOf(service: Service, pods: readonly Pod[], nodeOf: (name: string) => Node | undefined, type: AddressType): Group[] {
  const groups = new Map<string, Group>();
  for (const pod of pods) {
    if (!isPublished(pod)) continue;
    const node = pod.spec?.nodeName ? nodeOf(pod.spec.nodeName) : undefined;
    if (pod.spec?.nodeName && !node) continue;
    const endpoint = endpointOf(service, pod, node, type);
    if (endpoint.addresses.length === 0) continue;
    const ports = portsFor(service, pod);
    const key = portsKey(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpoint);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** The same for the same ports, whatever their order. */
export const portsKey = (ports: readonly EndpointPort[] | null | undefined): string =>
  (ports ?? [])
    .map(({ name, port, protocol, appProtocol }) => `${name ?? ''}/${protocol}/${port}/${appProtocol ?? ''}`)
    .sort()
    .join(',');
