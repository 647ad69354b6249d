// Rules for IP addresses and ranges.
import { isIPv4, isIPv6 } from 'node:net';

export { isIPv4, isIPv6 };

export const isIp = (text: string): boolean => isIPv4(text) || isIPv6(text);

const ipText = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const cidrText = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

/** RFC 5952 for IPv6; IPv4 has one form only. */
const canonicalIp = (address: string): string => (isIPv4(address) ? address : new URL(`http://[${address}]/`).hostname.slice(1, -1));

const leadingZeros = (text: string): boolean =>
  /^[0-9]+(\.[0-9]+){3}$/.test(text) && isIPv4(text.replace(/(^|\.)0+(?=[0-9])/g, '$1')) && !isIPv4(text);

/** What is wrong with an address; `canonical`: IPv6 must be written in its one shortest form. */
export function ipProblems(text: string, canonical: boolean): string[] {
  if (leadingZeros(text)) return ['must not have leading 0s'];
  if (!isIp(text) || text.includes('%')) return [ipText];
  if (/^::ffff:/i.test(text)) return ['must not be an IPv4-mapped IPv6 address'];
  const form = canonicalIp(text);
  return canonical && form !== text ? [`must be in canonical form ("${form}")`] : [];
}

/** What is wrong with a range. */
export function cidrProblems(text: string, canonical: boolean): string[] {
  const [address = '', mask = ''] = text.split('/');
  if (text.split('/').length === 2 && /^[0-9]+$/.test(mask)) {
    const plain = `${address.replace(/(^|\.)0+(?=[0-9])/g, '$1')}/${Number(mask)}`;
    if (!address.includes(':') && plain !== text && parseCidr(plain)) return ['must not have leading 0s in IP or prefix length'];
    if (address.includes(':') && String(Number(mask)) !== mask && parseCidr(`${address}/${Number(mask)}`)) {
      return ['must not have leading 0s in IP or prefix length'];
    }
  }
  const cidr = parseCidr(text);
  if (!cidr) return [cidrText];
  if (/^::ffff:/i.test(address)) return ['must not have an IPv4-mapped IPv6 address'];
  if (cidr.first !== ipNumber(address)) return ['must not have bits set beyond the prefix length'];
  const form = `${canonicalIp(address)}/${cidr.bits}`;
  return canonical && form !== text ? [`must be in canonical form ("${form}")`] : [];
}

/** The 16-bit groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  let text = address.split('%')[0]!;
  const v4 = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (v4) {
    const [a, b, c, d] = v4.slice(1).map(Number) as [number, number, number, number];
    text = `${text.slice(0, v4.index)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [head = '', tail] = text.split('::');
  const numbers = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  if (tail === undefined) return numbers(head);
  const [left, right] = [numbers(head), numbers(tail)];
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}

/** The address as a number: 32 or 128 bits. The text must be an address. */
function ipNumber(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((value, part) => (value << 8n) | BigInt(Number(part)), 0n);
  return groupsOf(address).reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

export interface Cidr {
  /** As written. */
  address: string;
  bits: number;
  /** 32 or 128 */
  width: number;
  /** Number of the range's first address. */
  first: bigint;
}

/** Undefined: the text is no range. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const address = text.slice(0, slash);
  const mask = text.slice(slash + 1);
  if (slash < 0 || !isIp(address) || address.includes('%') || !/^(0|[1-9][0-9]*)$/.test(mask)) return undefined;
  const width = isIPv4(address) ? 32 : 128;
  const bits = Number(mask);
  if (bits > width) return undefined;
  const shift = BigInt(width - bits);
  return { address, bits, width, first: (ipNumber(address) >> shift) << shift };
}

/** Whether `inner` lies in `outer`, or is it. */
export const cidrContains = (outer: Cidr, inner: Cidr): boolean =>
  outer.width === inner.width &&
  outer.bits <= inner.bits &&
  outer.first >> BigInt(outer.width - outer.bits) === inner.first >> BigInt(outer.width - outer.bits);

const inRange = (address: string, range: string): boolean => {
  const outer = parseCidr(range)!;
  const width = isIPv4(address) ? 32 : 128;
  return outer.width === width && ipNumber(address) >> BigInt(width - outer.bits) === outer.first >> BigInt(width - outer.bits);
};

/** Addresses that no endpoint of a Service may have; empty: fine. */
export function endpointIpProblems(address: string): string[] {
  const texts: string[] = [];
  const within = (...ranges: string[]): boolean => ranges.some((range) => inRange(address, range));
  if (within('0.0.0.0/32', '::/128')) texts.push("may not be unspecified ('0.0.0.0' or '::')");
  if (within('127.0.0.0/8', '::1/128')) texts.push('may not be in the loopback range (127.0.0.0/8, ::1/128)');
  if (within('169.254.0.0/16', 'fe80::/10')) texts.push('may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  if (within('224.0.0.0/24', 'ff02::/16')) texts.push('may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
  return texts;
}
