// The subsets of a v1 Endpoints object: addresses with the same ports together, ready and not. Pure.
import type { EndpointAddress, EndpointSubset, Pod, Service } from '../../../api/gen/types/core.v1.ts';
import { isReady } from '../../../kit/pods/index.ts';
import { addressesOf, hostnameOf, isPublished, portsFor, portsKey } from './desired.ts';

/** More addresses than this are cut off, ready ones kept first (upstream's maxCapacity). */
const ADDRESSES_MAX = 1000;

export function subsetsOf(service: Service, pods: readonly Pod[]): { subsets: EndpointSubset[]; truncated: boolean } {
  const subsets = new Map<string, EndpointSubset>();
  const publishAll = service.spec?.publishNotReadyAddresses === true;
  const headless = service.spec?.clusterIP === 'None';
  const family = service.spec?.ipFamilies?.[0] ?? 'IPv4';
  const published = pods
    .filter((pod) => isPublished(pod) && (publishAll || !pod.metadata.deletionTimestamp))
    .sort((a, b) => Number(isReady(b)) - Number(isReady(a)));
  let count = 0;
  for (const pod of published) {
    const ip = addressesOf(pod).find((address) => address.includes(':') === (family === 'IPv6'));
    const ports = portsFor(service, pod);
    if (ip === undefined || (ports.length === 0 && !(headless && !service.spec?.ports?.length)) || ++count > ADDRESSES_MAX) continue;
    const { name = '', namespace = '', uid = '' } = pod.metadata;
    const address: EndpointAddress = {
      ip,
      ...hostnameOf(service, pod),
      ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
      targetRef: { kind: 'Pod', name, namespace, uid },
    };
    const key = portsKey(ports);
    const subset: EndpointSubset =
      subsets.get(key) ??
      (ports.length > 0
        ? {
            ports: ports.map(({ name: portName, ...port }) => ({ ...(portName ? { name: portName } : {}), ...port, port: port.port ?? 0 })),
          }
        : {});
    subsets.set(key, subset);
    if (publishAll || isReady(pod)) subset.addresses = [...(subset.addresses ?? []), address];
    else subset.notReadyAddresses = [...(subset.notReadyAddresses ?? []), address];
  }
  return { subsets: sorted([...subsets.values()]), truncated: count > ADDRESSES_MAX };
}

/** One order for one content, so that nothing is written when nothing changed. */
function sorted(subsets: EndpointSubset[]): EndpointSubset[] {
  const byAddress = (a: EndpointAddress, b: EndpointAddress) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : 0);
  for (const subset of subsets) {
    subset.addresses?.sort(byAddress);
    subset.notReadyAddresses?.sort(byAddress);
  }
  return subsets.sort((a, b) => (a.ports?.[0]?.port ?? 0) - (b.ports?.[0]?.port ?? 0));
}
