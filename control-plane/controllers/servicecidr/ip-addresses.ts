// Keeps an IPAddress object for each cluster IP of the Services: what is missing or leaked longer than the server needs is repaired.
import type { Service } from '../../../api/gen/types/core.v1.ts';
import type { IPAddress } from '../../../api/gen/types/networking.v1.ts';
import { isStatusError } from '../../../api/meta/index.ts';
import { keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { API_SERVER, type Controller, reconcilerOf } from '../controller.ts';
import { ALLOCATOR, addressesOf, MANAGED_BY, nextRepair } from './plan.ts';

/** The server itself records an address right behind its Service and removes it right after: what differs for longer is repaired. */
const SETTLE_MS = 2000;

const recordOf = (ip: string, service: Service): object => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IPAddress',
  metadata: { name: ip, labels: { 'ipaddress.kubernetes.io/ip-family': ip.includes(':') ? 'IPv6' : 'IPv4', [MANAGED_BY]: ALLOCATOR } },
  spec: {
    parentRef: { resource: 'services', namespace: service.metadata.namespace ?? '', name: service.metadata.name ?? '' },
  },
});

export const ipAddressController: Controller = {
  name: 'ipallocator-repair',
  user: API_SERVER,
  start(context, signal, ready) {
    const { client, informers, clock } = context;
    const events = context.events('ipallocator-repair-controller');
    const addresses = informers.of<IPAddress>(RESOURCES.ipaddresses);
    const services = informers.of<Service>(RESOURCES.services);
    /** Which Service holds an address, by `namespace/name`. */
    const holders = new Map<string, string>();

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
    const addressSeen = (address: IPAddress) => repairs.addAfter(keyOf(address), SETTLE_MS);
    addresses.on({ added: addressSeen, deleted: addressSeen });
  },
};
