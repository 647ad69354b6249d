// Addresses of one network: a file per address, named after it, that says who holds it. A file is made by link(2), so it is whole or
// absent and no two can get one address, whichever process asks. The search goes on from the last one given, so that an address
// just freed is not given again at once. Nothing else is kept: a crash loses at most the place where the search goes on.
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { addressFromNumber, addressNumber, cidrRange } from '../kit/linux/index.ts';

const LAST = 'last-reserved';
let counter = 0;

export class NoAddressLeft extends Error {
  constructor(subnet: string) {
    super(`no IP addresses available in range set: ${subnet}`);
    this.name = 'NoAddressLeft';
  }
}

export class AddressPool {
  readonly #folder: string;
  readonly #subnet: string;
  readonly #excluded: ReadonlySet<string>;
  /** owner -> address, as on disk; loaded at first use. */
  #held: Map<string, string> | undefined;

  /** @param folder of this network alone @param excluded addresses never given out (the gateway) */
  constructor(folder: string, subnet: string, excluded: Iterable<string>) {
    this.#folder = folder;
    this.#subnet = subnet;
    this.#excluded = new Set(excluded);
  }

  /** The owner's address: the one it has, or a new one. @throws NoAddressLeft */
  reserve(owner: string): string {
    const held = this.#load();
    const mine = held.get(owner);
    if (mine) return mine;
    const taken = new Set(held.values());
    for (const address of this.#candidates()) {
      if (this.#excluded.has(address) || taken.has(address) || !this.#take(address, owner)) continue;
      held.set(owner, address);
      this.#remember(address);
      return address;
    }
    throw new NoAddressLeft(this.#subnet);
  }

  /** Idempotent. */
  release(owner: string): void {
    const address = this.#load().get(owner);
    if (!address) return;
    rmSync(this.#file(address), { force: true });
    this.#load().delete(owner);
  }

  addressOf(owner: string): string | undefined {
    return this.#load().get(owner);
  }

  owners(): string[] {
    return [...this.#load().keys()];
  }

  /** Addresses from the one after the last given, once around, without the network's own and the broadcast address. */
  *#candidates(): Generator<string> {
    const { first, last, family, prefix } = cidrRange(this.#subnet);
    const small = prefix >= (family === 4 ? 31 : 127);
    const from = small ? first : first + 1n;
    const to = small || family === 6 ? last : last - 1n;
    let at = this.#lastGiven() ?? to;
    if (at < from || at > to) at = to;
    const start = at;
    do {
      at = at >= to ? from : at + 1n;
      yield addressFromNumber(at, family);
    } while (at !== start);
  }

  #lastGiven(): bigint | undefined {
    try {
      return addressNumber(readFileSync(`${this.#folder}/${LAST}`, 'utf8'));
    } catch {
      return undefined; // absent or cut off by a crash: start from the front
    }
  }

  /** Where the search goes on: worth nothing on a full disk. */
  #remember(address: string): void {
    try {
      writeFileSync(`${this.#folder}/${LAST}`, address);
    } catch {}
  }

  #take(address: string, owner: string): boolean {
    const temporary = `${this.#folder}/.tmp-${process.pid}-${counter++}`;
    try {
      writeFileSync(temporary, owner);
      linkSync(temporary, this.#file(address));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  #load(): Map<string, string> {
    if (this.#held) return this.#held;
    mkdirSync(this.#folder, { recursive: true });
    this.#held = new Map();
    for (const name of readdirSync(this.#folder)) {
      if (name === LAST) continue;
      if (name.startsWith('.tmp-')) this.#dropStale(name);
      else this.#keep(name);
    }
    return this.#held;
  }

  /** A file without content was cut off by a power failure: whoever had the address is gone. */
  #keep(name: string): void {
    const owner = readFileSync(`${this.#folder}/${name}`, 'utf8');
    if (owner === '') rmSync(`${this.#folder}/${name}`, { force: true });
    else this.#held?.set(owner, fromFileName(name));
  }

  #dropStale(name: string): void {
    const pid = Number(name.split('-')[1]);
    if (!existsSync(`/proc/${pid}`)) rmSync(`${this.#folder}/${name}`, { force: true });
  }

  #file(address: string): string {
    return `${this.#folder}/${address.replaceAll(':', '_')}`;
  }
}

const fromFileName = (name: string): string => name.replaceAll('_', ':');
