// What a ServiceCIDR needs next, and which IPAddress objects are missing or left over. Pure.
import type { Service } from '../../../api/gen/types/core.v1.ts';
import type { IPAddress, ServiceCIDR } from '../../../api/gen/types/networking.v1.ts';
import { type Cidr, cidrContains, isIPv4, parseCidr } from '../../../api/meta/index.ts';

export const FINALIZER = 'networking.k8s.io/service-cidr-finalizer';
/** Upstream's label of addresses that belong to Services. */
export const MANAGED_BY = 'ipaddress.kubernetes.io/managed-by';
export const ALLOCATOR = 'ipallocator.k8s.io';

/** A range stays so long after its deletion was asked for, so that allocations under way are seen. */
const GRACE_MS = 10_000;
/** An address without a Service may be one that is just being allocated. */
const ORPHAN_MS = 60_000;

type Condition = { status: 'True' | 'False'; reason: string; message: string };
export type Step =
  | { do: 'hold' }
  | { do: 'tell'; condition: Condition }
  | { do: 'wait'; ms: number }
  | { do: 'release' }
  | { do: 'nothing' };

const READY: Condition = { status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' };
const TERMINATING: Condition = {
  status: 'False',
  reason: 'Terminating',
  message: 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
};

/** One step a call; the change that it makes brings the range here again. */
export function nextStep(cidr: ServiceCIDR, others: readonly ServiceCIDR[], addresses: readonly IPAddress[], nowMs: number): Step {
  const { deletionTimestamp, finalizers = [] } = cidr.metadata;
  if (!deletionTimestamp) {
    if (!finalizers.includes(FINALIZER)) return { do: 'hold' };
    return tell(cidr, READY);
  }
  if (!finalizers.includes(FINALIZER)) return { do: 'nothing' };
  if (isNeeded(cidr, others, addresses)) return tell(cidr, TERMINATING);
  const ms = Date.parse(deletionTimestamp) + GRACE_MS - nowMs;
  return ms > 0 ? { do: 'wait', ms } : { do: 'release' };
}

function tell(cidr: ServiceCIDR, condition: Condition): Step {
  const told = cidr.status?.conditions?.find(({ type }) => type === 'Ready');
  return told?.status === condition.status && told.reason === condition.reason ? { do: 'nothing' } : { do: 'tell', condition };
}

const rangesOf = (cidr: ServiceCIDR): Cidr[] => (cidr.spec?.cidrs ?? []).flatMap((text) => parseCidr(text) ?? []);
const pointOf = (ip: string): Cidr | undefined => parseCidr(`${ip}/${isIPv4(ip) ? 32 : 128}`);

/** Whether an address of a Service lies in it and in no other range. */
function isNeeded(cidr: ServiceCIDR, others: readonly ServiceCIDR[], addresses: readonly IPAddress[]): boolean {
  const present = others
    .filter((other) => other.metadata.name !== cidr.metadata.name && !other.metadata.deletionTimestamp)
    .flatMap(rangesOf);
  const alone = rangesOf(cidr).filter((range) => !present.some((other) => cidrContains(other, range)));
  return addresses.some(({ metadata }) => {
    const point = metadata.labels?.[MANAGED_BY] === ALLOCATOR ? pointOf(metadata.name ?? '') : undefined;
    return point !== undefined && alone.some((range) => cidrContains(range, point)) && !present.some((other) => cidrContains(other, point));
  });
}

/** Cluster IPs that a Service holds. */
export const addressesOf = ({ spec }: Service): string[] =>
  spec?.type === 'ExternalName' ? [] : (spec?.clusterIPs ?? []).filter((ip) => ip !== '' && ip !== 'None');

/** Whether the record of an address says that `service` (`namespace/name`) holds it. */
const isHeldBy = ({ spec }: IPAddress, service: string): boolean =>
  (spec?.parentRef.group ?? '') === '' &&
  spec?.parentRef.resource === 'services' &&
  `${spec.parentRef.namespace}/${spec.parentRef.name}` === service;

export type Repair = { do: 'create' } | { do: 'replace' } | { do: 'remove' } | { do: 'wait'; ms: number } | { do: 'nothing' };

/** `holder` is the Service that has the address, `record` its IPAddress. Records that people make for other things stay. */
export function nextRepair(record: IPAddress | undefined, holder: string | undefined, nowMs: number): Repair {
  if (!record) return { do: holder === undefined ? 'nothing' : 'create' };
  if (record.metadata.deletionTimestamp) return { do: 'nothing' };
  if (holder !== undefined) return { do: isHeldBy(record, holder) ? 'nothing' : 'replace' };
  if (record.metadata.labels?.[MANAGED_BY] !== ALLOCATOR) return { do: 'nothing' };
  const ms = Date.parse(record.metadata.creationTimestamp ?? '') + ORPHAN_MS - nowMs;
  return ms > 0 ? { do: 'wait', ms } : { do: 'remove' };
}
