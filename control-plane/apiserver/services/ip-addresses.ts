// IPAddress objects: the visible record of which Service holds which cluster IP, and the ServiceCIDRs that addresses come from.
import { isIPv4 } from 'node:net';
import type { IPAddress, ServiceCIDR } from '../../../api/gen/types/networking.v1.ts';
import { isStatusError, type KubeObject } from '../../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../../kit/client/index.ts';

/** The ServiceCIDR of the configured range. */
export const DEFAULT_CIDR = 'kubernetes';

const parentOf = (service: KubeObject) => ({
  resource: 'services',
  namespace: service.metadata.namespace ?? '',
  name: service.metadata.name ?? '',
});

/** As upstream's allocator labels it. */
const addressFor = (ip: string, service: KubeObject): KubeObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IPAddress',
  metadata: {
    name: ip,
    labels: { 'ipaddress.kubernetes.io/ip-family': 'IPv4', 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' },
  },
  spec: { parentRef: parentOf(service) },
});

/** Says that `service` holds the addresses. What exists already is left to the repair of the controller. */
export async function record(client: Client, ips: readonly string[], service: KubeObject): Promise<void> {
  for (const ip of ips)
    await client.create(RESOURCES.ipaddresses, addressFor(ip, service)).catch((error: unknown) => {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    });
}

/** Removes the records of addresses that `service` held; those of others stay. */
export async function forget(client: Client, ips: readonly string[], service: KubeObject): Promise<void> {
  const { namespace, name } = parentOf(service);
  for (const ip of ips)
    try {
      const { metadata, spec } = await client.get<IPAddress>(RESOURCES.ipaddresses, ip);
      const parent = spec?.parentRef;
      if (parent?.resource !== 'services' || parent.namespace !== namespace || parent.name !== name) continue;
      await client.delete(RESOURCES.ipaddresses, ip, { preconditions: { uid: metadata.uid ?? '' } });
    } catch (error) {
      if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
    }
}

/** A range is used until it is being deleted or said to be not ready; one that nobody has looked at yet is. */
const isUsable = ({ metadata, status }: ServiceCIDR): boolean =>
  !metadata.deletionTimestamp && status?.conditions?.find(({ type }) => type === 'Ready')?.status !== 'False';

/** The IPv4 ranges to allocate from: the configured one first. */
export function rangesOf(configured: string, objects: readonly KubeObject[]): string[] {
  const cidrs = objects as readonly unknown[] as readonly ServiceCIDR[];
  const own = cidrs.find(({ metadata }) => metadata.name === DEFAULT_CIDR);
  const others = cidrs.filter((cidr) => cidr !== own && isUsable(cidr)).flatMap(({ spec }) => spec?.cidrs ?? []);
  const ranges = [...(own && !isUsable(own) ? [] : [configured]), ...others];
  return [...new Set(ranges)].filter((cidr) => isIPv4(cidr.split('/')[0] ?? ''));
}
