// Service addresses and node ports at writes: taken before validation, given back when the write does not happen or the Service goes.
import type { Service } from '../../../api/gen/types/core.v1.ts';
import { invalid, type KubeObject } from '../../../api/meta/index.ts';
import type { Reservation, WriteHook } from '../write/hooks.ts';
import { Addresses, held } from './addresses.ts';
import { defaultFamilies } from './families.ts';
import { NodePorts, portsOf } from './node-ports.ts';

export interface ServiceHookOptions {
  /** IPv4, e.g. 10.0.0.0/16 */
  serviceCIDR: string;
  /** All present Services. */
  services(): readonly KubeObject[];
}

export interface ServiceHook extends WriteHook {
  /** Takes what the present Services hold; call it once the cache is filled. */
  load(): void;
  readonly firstAddress: string;
}

const serviceOf = (object: KubeObject): Service => object as unknown as Service;

export function serviceHook(options: ServiceHookOptions): ServiceHook {
  const addresses = new Addresses(options.serviceCIDR);
  const nodePorts = new NodePorts();

  function reserve(object: KubeObject, oldObject: KubeObject | undefined): Reservation {
    const service = serviceOf(object);
    const old = oldObject && serviceOf(oldObject);
    const ips: string[] = [];
    const ports: number[] = [];
    const release = () => {
      addresses.release(ips);
      nodePorts.release(ports);
    };
    const families = defaultFamilies(service);
    const problems = families.length ? families : [...addresses.allocate(service, old, ips), ...nodePorts.allocate(service, old, ports)];
    if (problems.length) {
      release();
      throw invalid({ group: '', kind: 'Service' }, object.metadata.name ?? '', problems);
    }
    const commit = () => {
      const kept = { ips: new Set(held(service.spec)), ports: new Set(portsOf(service.spec)) };
      addresses.release(held(old?.spec).filter((ip) => !kept.ips.has(ip)));
      nodePorts.release(portsOf(old?.spec).filter((port) => !kept.ports.has(port)));
    };
    return { commit, release };
  }

  return {
    firstAddress: addresses.first,
    load() {
      for (const object of options.services()) {
        addresses.hold(serviceOf(object));
        nodePorts.hold(serviceOf(object));
      }
    },
    beforeCreate: (object) => reserve(object, undefined),
    beforeUpdate: (object, old) => reserve(object, old),
    afterDelete(object) {
      addresses.release(held(serviceOf(object).spec));
      nodePorts.release(portsOf(serviceOf(object).spec));
    },
  };
}
