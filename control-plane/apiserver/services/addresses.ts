// ClusterIPs: which address a Service gets, out of the service range.
import { randomInt } from 'node:crypto';
import { isIPv4 } from 'node:net';
import type { Service, ServiceSpec } from '../../../api/gen/types/core.v1.ts';
import { invalidValue, type Problem } from '../../../api/meta/index.ts';
import { isHeadless } from './families.ts';
import { bandOf, Pool } from './pool.ts';

export const toNumber = (ip: string): number => ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
export const toAddress = (value: number): string => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');

export class Addresses {
  /** The API's own. */
  readonly first: string;
  readonly #pool: Pool;

  /** `cidr` is IPv4; its network and broadcast addresses are never given. */
  constructor(cidr: string) {
    const [base = '', bits = '16'] = cidr.split('/');
    if (!isIPv4(base)) throw new Error(`service range ${cidr}: must be an IPv4 network`);
    const all = 2 ** (32 - Number(bits));
    const network = Math.floor(toNumber(base) / all) * all;
    this.first = toAddress(network + 1);
    this.#pool = new Pool(network + 1, all - 2, bandOf(all - 2, 16, 256), randomInt);
  }

  /** What a Service holds now; used when the server starts. */
  hold(service: Service): void {
    for (const ip of held(service.spec)) this.#pool.take(toNumber(ip));
  }

  /** Gives the Service its address when it needs one. `taken` gets what was newly taken. */
  allocate(service: Service, old: Service | undefined, taken: string[]): Problem[] {
    const spec = service.spec!;
    if (spec.type === 'ExternalName' || isHeadless(spec)) return [];
    const before = held(old?.spec);
    if (before.length > 0) return []; // kept; that it may not change is a matter of validation
    const wanted = spec.clusterIP ?? '';
    if (wanted === '') {
      if (spec.clusterIPs?.length) return []; // validation refuses it
      const any = this.#pool.any();
      if (any === undefined) return [invalidValue('spec.clusterIPs', [], 'failed to allocate a serviceIP: range is full')];
      spec.clusterIP = toAddress(any);
      spec.clusterIPs = [spec.clusterIP];
      taken.push(spec.clusterIP);
      return [];
    }
    const asked = spec.clusterIPs?.length ? spec.clusterIPs : [wanted];
    if (!isIPv4(wanted) || asked.length > 1 || asked[0] !== wanted || toAddress(toNumber(wanted)) !== wanted) return [];
    const refuse = (why: string) => [invalidValue('spec.clusterIPs', asked, `failed to allocate IP ${wanted}: ${why}`)];
    if (!this.#pool.contains(toNumber(wanted))) return refuse('the provided network does not match the current range');
    if (!this.#pool.take(toNumber(wanted))) return refuse('provided IP is already allocated');
    spec.clusterIPs = [wanted];
    taken.push(wanted);
    return [];
  }

  release(ips: readonly string[]): void {
    for (const ip of ips) this.#pool.release(toNumber(ip));
  }
}

/** Allocated addresses of a Service. */
export const held = (spec: ServiceSpec | undefined): string[] =>
  spec === undefined || spec.type === 'ExternalName'
    ? []
    : (spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? '']).filter((ip) => isIPv4(ip));
