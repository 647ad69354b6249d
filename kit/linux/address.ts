// Addresses between text and bytes, and CIDR arithmetic for IPv4 and IPv6.
import ipaddr from 'ipaddr.js';

export interface Cidr {
  address: string;
  prefix: number;
  family: 4 | 6;
}

/** @throws Error on anything that is no CIDR. A bare address counts as /32 or /128. */
export function parseCidr(text: string): Cidr {
  const [address = '', length] = text.split('/');
  // ipaddr.js also takes `10.1` and octal parts, as inet_aton does; Kubernetes does not
  if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) throw new Error(`invalid CIDR address: ${text}`);
  const parsed = ipaddr.parse(address);
  const family = parsed.kind() === 'ipv4' ? 4 : 6;
  const longest = family === 4 ? 32 : 128;
  const prefix = length === undefined ? longest : Number(length);
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > longest || length === '') throw new Error(`invalid CIDR address: ${text}`);
  return { address: parsed.toString(), prefix, family };
}

export const addressBytes = (text: string): Buffer => Buffer.from(ipaddr.parse(text).toByteArray());
export const addressText = (bytes: Uint8Array): string => ipaddr.fromByteArray([...bytes]).toString();

/** The address as a number. */
export const addressNumber = (text: string): bigint => BigInt(`0x${addressBytes(text).toString('hex')}`);

export function addressFromNumber(value: bigint, family: 4 | 6): string {
  const bytes = Buffer.from(value.toString(16).padStart(family === 4 ? 8 : 32, '0'), 'hex');
  return addressText(bytes);
}

/** First and last address of the block, as numbers. */
export function cidrRange(text: string): { first: bigint; last: bigint; family: 4 | 6; prefix: number } {
  const { address, prefix, family } = parseCidr(text);
  const size = 1n << BigInt((family === 4 ? 32 : 128) - prefix);
  const value = addressNumber(address);
  const first = value - (value % size);
  return { first, last: first + size - 1n, family, prefix };
}

/** The n-th address of the block (0 is the network's own). */
export function cidrAddress(text: string, n: number): string {
  const { first, last, family } = cidrRange(text);
  if (first + BigInt(n) > last) throw new Error(`${text} has no address ${n}`);
  return addressFromNumber(first + BigInt(n), family);
}

export function cidrContains(text: string, address: string): boolean {
  const { first, last, family } = cidrRange(text);
  if ((address.includes(':') ? 6 : 4) !== family) return false;
  const value = addressNumber(address);
  return value >= first && value <= last;
}

export const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex');
export const macText = (bytes: Uint8Array | undefined): string =>
  bytes ? (Buffer.from(bytes).toString('hex').match(/../g) ?? []).join(':') : '';

/** As `ip` would set with `brd +`: some programs look for it. Undefined where a network has none. */
export function broadcastOf(address: Buffer, prefix: number): Buffer | undefined {
  if (address.length !== 4 || prefix >= 31) return undefined;
  const out = Buffer.alloc(4);
  out.writeUInt32BE((address.readUInt32BE() | (0xffffffff >>> prefix)) >>> 0);
  return out;
}
