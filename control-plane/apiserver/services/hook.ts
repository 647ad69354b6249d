// Service addresses and node ports at writes: taken before validation, given back when the write does not happen or the Service goes.
import type { Service } from '../../../api/gen/types/core.v1.ts';
import { invalid, invalidValue, type KubeObject, type Problem } from '../../../api/meta/index.ts';
import type { Client } from '../../../kit/client/index.ts';
import type { Reservation, WriteHook } from '../write/hooks.ts';
import { Addresses, firstAddress, held } from './addresses.ts';
import { defaultFamilies } from './families.ts';
import { forget, rangesOf, record } from './ip-addresses.ts';
import { NodePorts, portsOf } from './node-ports.ts';

export interface ServiceHookOptions {
  /** IPv4, e.g. 10.0.0.0/16 */
  serviceCIDR: string;
  /** All present Services. */
  services(): readonly KubeObject[];
  /** All present ServiceCIDRs. */
  serviceCIDRs(): readonly KubeObject[];
  /** Whether there is an IPAddress of that name. */
  isRecorded(ip: string): boolean;
  /** Writes IPAddress objects. */
  client: Client;
}

export interface ServiceHook extends WriteHook {
  /** Takes what the present Services hold; call it once the cache is filled. */
  load(): void;
  readonly firstAddress: string;
}

/** An address is recorded under its Service's name, so a Service without one gets none. */
const unnamedAddress = (ip: string): string => `IPAddress.networking.k8s.io "${ip}" is invalid: spec.parentRef.name: Required value`;

const serviceOf = (object: KubeObject): Service => object as unknown as Service;

export function serviceHook(options: ServiceHookOptions): ServiceHook {
  const { client, isRecorded } = options;
  const addresses = new Addresses({ ranges: () => rangesOf(options.serviceCIDR, options.serviceCIDRs()), isRecorded });
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
    const allocate = (): Problem[] => {
      const found = [...addresses.allocate(service, old, ips), ...nodePorts.allocate(service, old, ports)];
      const [unnamed] = ips;
      if (unnamed !== undefined && !object.metadata.name)
        found.unshift(invalidValue('spec.clusterIPs', [''], `failed to allocate IP: ${unnamedAddress(unnamed)}`));
      return found;
    };
    let problems = defaultFamilies(service);
    try {
      if (problems.length === 0) problems = allocate();
    } catch (error) {
      release();
      throw error;
    }
    if (problems.length) {
      release();
      throw invalid({ group: '', kind: 'Service' }, object.metadata.name ?? '', problems);
    }
    const commit = async () => {
      const kept = { ips: new Set(held(service.spec)), ports: new Set(portsOf(service.spec)) };
      nodePorts.release(portsOf(old?.spec).filter((port) => !kept.ports.has(port)));
      const dropped = held(old?.spec).filter((ip) => !kept.ips.has(ip));
      addresses.release(dropped);
      await record(client, ips, object);
      await forget(client, dropped, object);
    };
    return { commit, release };
  }

  return {
    firstAddress: firstAddress(options.serviceCIDR),
    load() {
      for (const object of options.services()) {
        addresses.hold(serviceOf(object));
        nodePorts.hold(serviceOf(object));
      }
    },
    beforeCreate: (object) => reserve(object, undefined),
    beforeUpdate: (object, old) => reserve(object, old),
    async afterDelete(object) {
      const ips = held(serviceOf(object).spec);
      addresses.release(ips);
      nodePorts.release(portsOf(serviceOf(object).spec));
      await forget(client, ips, object);
    },
  };
}
