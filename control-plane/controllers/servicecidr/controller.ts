// Keeps ServiceCIDRs as long as addresses of theirs are in use, and IPAddress objects in step with the Services.
import type { Service } from '../../../api/gen/types/core.v1.ts';
import type { IPAddress, ServiceCIDR } from '../../../api/gen/types/networking.v1.ts';
import { isStatusError } from '../../../api/meta/index.ts';
import { keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { done, type Outcome } from '../../../kit/queue/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import { ALLOCATOR, addressesOf, FINALIZER, MANAGED_BY, nextRepair, nextStep } from './plan.ts';

/** The server itself records an address right behind its Service and removes it right after: what differs for longer is repaired. */
const SETTLE_MS = 2000;

async function stepCidr(
  { client, clock }: ControllerContext,
  cidr: ServiceCIDR,
  cidrs: readonly ServiceCIDR[],
  addresses: readonly IPAddress[],
): Promise<Outcome> {
  const { name = '', uid, resourceVersion, finalizers = [] } = cidr.metadata;
  const step = nextStep(cidr, cidrs, addresses, clock.nowMs());
  const setFinalizers = (next: string[]) =>
    client.patch(RESOURCES.servicecidrs, name, 'merge', { metadata: { uid, resourceVersion, finalizers: next.length ? next : null } });
  if (step.do === 'wait') return { retryAfterMs: step.ms };
  if (step.do === 'hold') await setFinalizers([...finalizers, FINALIZER]);
  if (step.do === 'release') await setFinalizers(finalizers.filter((other) => other !== FINALIZER));
  if (step.do === 'tell') {
    const condition = { type: 'Ready', ...step.condition, lastTransitionTime: rfc3339(clock.nowMs()) };
    const status = { conditions: [...(cidr.status?.conditions ?? []).filter(({ type }) => type !== 'Ready'), condition] };
    await client.patch(RESOURCES.servicecidrs, name, 'merge', { metadata: { uid, resourceVersion }, status }, { subresource: 'status' });
  }
  return done;
}

const recordOf = (ip: string, service: Service): object => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IPAddress',
  metadata: { name: ip, labels: { 'ipaddress.kubernetes.io/ip-family': ip.includes(':') ? 'IPv6' : 'IPv4', [MANAGED_BY]: ALLOCATOR } },
  spec: {
    parentRef: { resource: 'services', namespace: service.metadata.namespace ?? '', name: service.metadata.name ?? '' },
  },
});

export const serviceCidrController: Controller = {
  name: 'servicecidr',
  start(context, signal, ready) {
    const { client, informers, clock } = context;
    const events = context.events('ipallocator-repair-controller');
    const cidrs = informers.of<ServiceCIDR>(RESOURCES.servicecidrs);
    const addresses = informers.of<IPAddress>(RESOURCES.ipaddresses);
    const services = informers.of<Service>(RESOURCES.services);
    /** Which Service holds an address, by `namespace/name`. */
    const holders = new Map<string, string>();

    const ranges = reconcilerOf('servicecidr', context, signal, ready, async (name) => {
      const cidr = cidrs.get(name);
      return cidr ? await stepCidr(context, cidr, cidrs.list(), addresses.list()) : done;
    });
    const repairs = reconcilerOf('ipaddress', context, signal, ready, async (ip) => {
      const record = addresses.get(ip);
      const holder = holders.get(ip);
      const step = nextRepair(record, holder, clock.nowMs());
      if (step.do === 'nothing') return done;
      if (step.do === 'wait') return { retryAfterMs: step.ms };
      const remove = () =>
        client.delete(RESOURCES.ipaddresses, ip, { preconditions: { uid: record?.metadata.uid ?? '' } }).catch((error: unknown) => {
          if (!isStatusError(error, 'NotFound')) throw error;
        });
      if (step.do === 'remove') {
        const target = { ...record, apiVersion: 'networking.k8s.io/v1', kind: 'IPAddress', metadata: record?.metadata ?? {} };
        const { namespace, name } = record?.spec?.parentRef ?? {};
        events.record(
          target,
          'Warning',
          'IPAddressNotAllocated',
          `IPAddress: ${ip} for Service ${namespace}/${name} appears to have leaked: cleaning up`,
        );
        await remove();
        return done;
      }
      const service = services.get(holder as string);
      if (!service) return done;
      const target = { ...service, apiVersion: 'v1', kind: 'Service' };
      if (step.do === 'replace') {
        events.record(
          target,
          'Warning',
          'ClusterIPAlreadyAllocated',
          `Cluster IP [IPv4]:${ip} was assigned to ${record?.spec?.parentRef.namespace}/${record?.spec?.parentRef.name}; please recreate service`,
        );
        return done;
      }
      const made = await client.create(RESOURCES.ipaddresses, recordOf(ip, service)).then(
        () => true,
        (error: unknown) => {
          if (!isStatusError(error, 'AlreadyExists')) throw error;
          return false;
        },
      );
      if (made) events.record(target, 'Warning', 'ClusterIPNotAllocated', `Cluster IP [IPv4]:${ip} is not allocated; repairing`);
      return done;
    });

    const hold = (service: Service, before?: Service) => {
      const key = keyOf(service);
      const now = addressesOf(service);
      for (const ip of before ? addressesOf(before) : []) if (!now.includes(ip)) letGo(ip, key);
      for (const ip of now) {
        if (holders.get(ip) === key) continue;
        holders.set(ip, key);
        repairs.addAfter(ip, SETTLE_MS);
      }
    };
    const letGo = (ip: string, key: string) => {
      if (holders.get(ip) === key) holders.delete(ip);
      repairs.addAfter(ip, SETTLE_MS);
    };
    services.on({
      added: (service) => hold(service),
      updated: (before, service) => hold(service, before),
      deleted: (service) => {
        for (const ip of addressesOf(service)) letGo(ip, keyOf(service));
      },
    });
    const leaving = () => {
      for (const cidr of cidrs.list()) if (cidr.metadata.deletionTimestamp) ranges.add(keyOf(cidr));
    };
    addresses.on({
      added: (address) => repairs.addAfter(keyOf(address), SETTLE_MS),
      deleted: (address) => {
        repairs.addAfter(keyOf(address), SETTLE_MS);
        leaving();
      },
    });
    cidrs.on({
      added: (cidr) => {
        ranges.add(keyOf(cidr));
        leaving();
      },
      updated: (_, cidr) => ranges.add(keyOf(cidr)),
      deleted: leaving,
    });
  },
};
