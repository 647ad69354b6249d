// ClusterIPs: which address a Service gets, out of the service ranges (the configured one and further ServiceCIDR objects).
import { randomInt } from 'node:crypto';
import { isIPv4 } from 'node:net';
import type { Service, ServiceSpec } from '../../../api/gen/types/core.v1.ts';
import { invalidValue, type Problem } from '../../../api/meta/index.ts';
import { isHeadless } from './families.ts';
import { bandOf, type Held, Pool } from './pool.ts';

const toNumber = (ip: string): number => ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const toAddress = (value: number): string => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');

export interface AddressesOptions {
  /** IPv4 ranges to allocate from, in the order of preference; read anew at each allocation. */
  ranges(): readonly string[];
  /** Whether an IPAddress object says that the address is taken. */
  isRecorded(ip: string): boolean;
  /** Tests only. */
  random?: (n: number) => number;
}

interface Range {
  network: number;
  size: number;
}

/** Network and broadcast addresses are never given. */
function rangeOf(cidr: string): Range {
  const [base = '', bits = ''] = cidr.split('/');
  if (!isIPv4(base)) throw new Error(`service range ${cidr}: must be an IPv4 network`);
  const size = 2 ** (32 - Number(bits));
  return { network: Math.floor(toNumber(base) / size) * size, size };
}

/** The address of the API's own Service: the first of the range. */
export const firstAddress = (cidr: string): string => toAddress(rangeOf(cidr).network + 1);

export class Addresses {
  readonly #options: AddressesOptions;
  /** Taken by Services of this process, also those that are being written. */
  readonly #own = new Set<number>();
  readonly #held: Held;
  /** By range; they share what is held, since ranges may overlap. */
  readonly #pools = new Map<string, Pool>();

  constructor(options: AddressesOptions) {
    this.#options = options;
    this.#held = {
      has: (value) => this.#own.has(value) || options.isRecorded(toAddress(value)),
      add: (value) => this.#own.add(value),
      delete: (value) => this.#own.delete(value),
    };
  }

  /** What a Service holds now; used when the server starts. */
  hold(service: Service): void {
    for (const ip of held(service.spec)) this.#own.add(toNumber(ip));
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
      const any = this.#any();
      if (any === undefined) return [invalidValue('spec.clusterIPs', [], 'failed to allocate a serviceIP: range is full')];
      spec.clusterIP = any;
      spec.clusterIPs = [any];
      taken.push(any);
      return [];
    }
    const asked = spec.clusterIPs?.length ? spec.clusterIPs : [wanted];
    if (!isIPv4(wanted) || asked.length > 1 || asked[0] !== wanted || toAddress(toNumber(wanted)) !== wanted) return [];
    const refuse = (why: string) => [invalidValue('spec.clusterIPs', asked, `failed to allocate IP ${wanted}: ${why}`)];
    const pool = this.#ranges().find((range) => range.contains(toNumber(wanted)));
    if (!pool) return refuse('the provided network does not match the current range');
    if (!pool.take(toNumber(wanted))) return refuse('provided IP is already allocated');
    spec.clusterIPs = [wanted];
    taken.push(wanted);
    return [];
  }

  release(ips: readonly string[]): void {
    for (const ip of ips) this.#own.delete(toNumber(ip));
  }

  #any(): string | undefined {
    for (const pool of this.#ranges()) {
      const value = pool.any();
      if (value !== undefined) return toAddress(value);
    }
    return undefined;
  }

  /** Pools of the present ranges; those of ranges that are gone are dropped. */
  #ranges(): Pool[] {
    const present = this.#options.ranges();
    for (const cidr of this.#pools.keys()) if (!present.includes(cidr)) this.#pools.delete(cidr);
    return present.map((cidr) => {
      let pool = this.#pools.get(cidr);
      if (!pool) {
        const { network, size } = rangeOf(cidr);
        const usable = Math.max(0, size - 2);
        pool = new Pool(network + 1, usable, bandOf(usable, 16, 256), this.#options.random ?? randomInt, this.#held);
        this.#pools.set(cidr, pool);
      }
      return pool;
    });
  }
}

/** Allocated addresses of a Service. */
export const held = (spec: ServiceSpec | undefined): string[] =>
  spec === undefined || spec.type === 'ExternalName'
    ? []
    : (spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? '']).filter((ip) => isIPv4(ip));
