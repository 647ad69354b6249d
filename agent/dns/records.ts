// Pure: what the cluster's names are, as lookups over Services and EndpointSlices.
import type { Service } from '../../api/gen/types/core.v1.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/gen/types/discovery.v1.ts';

/** Where the zone's content comes from: caches in the server, plain lists in tests. */
export interface Directory {
  service(namespace: string, name: string): Service | undefined;
  slices(namespace: string, service: string): readonly EndpointSlice[];
  /** Services with this cluster IP. */
  servicesAt(ip: string): readonly Service[];
  /** Slices that name this address. */
  slicesAt(ip: string): readonly EndpointSlice[];
  /** Whether anything below `namespace.svc` can exist. */
  hasNamespace(namespace: string): boolean;
}

/** One endpoint as DNS tells it. */
export interface Host {
  /** First label of its name: the pod's hostname, else its address with dashes. */
  readonly label: string;
  readonly ip: string;
  readonly ports: readonly EndpointPort[];
}

export const isHeadless = (service: Service): boolean => service.spec?.clusterIP === 'None';

/** Ready endpoints (with publishNotReadyAddresses all are marked ready), each address once. */
export function hostsOf(slices: readonly EndpointSlice[]): Host[] {
  const hosts = new Map<string, Host>();
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue;
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions?.ready === false) continue;
      for (const ip of endpoint.addresses) {
        const known = hosts.get(ip);
        const ports = [...(known?.ports ?? []), ...(slice.ports ?? [])];
        hosts.set(ip, { label: labelOf(endpoint, ip), ip, ports });
      }
    }
  }
  return [...hosts.values()];
}

export const labelOf = (endpoint: Endpoint, ip: string): string => endpoint.hostname?.toLowerCase() ?? ip.replaceAll('.', '-');
