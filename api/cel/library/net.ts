// Kubernetes' ip() and cidr().
import { cidrContains, isIPv4, isIp, parseCidr, type Cidr as Range } from '../../meta/index.ts';
import { type Cost, NOMINAL, TRAVERSAL, traversal } from '../costs.ts';
import { declarer, type Overload } from '../declarations.ts';
import { CelError } from '../problems.ts';
import { add, exactly, scale } from '../range.ts';
import { opaque } from '../types.ts';
import { Custom, sizeOf } from '../values.ts';

const IP = opaque('net.IP');
const CIDR = opaque('net.CIDR');

/** RFC 5952. */
const canonical = (address: string): string => (isIPv4(address) ? address : new URL(`http://[${address}]/`).hostname.slice(1, -1));

const isMapped = (address: string): boolean => address.includes(':') && /^::ffff:[\da-f]{1,4}:[\da-f]{1,4}$/.test(canonical(address));

/** The address as a range of one. */
const single = (address: string): Range => parseCidr(`${address}/${isIPv4(address) ? 32 : 128}`)!;

class Ip extends Custom {
  readonly type = IP;
  readonly range: Range;
  readonly text: string;
  constructor(address: string) {
    super();
    this.range = single(address);
    this.text = canonical(address);
  }
  equals = (other: Custom): boolean => other instanceof Ip && other.text === this.text;
}

class Cidr extends Custom {
  readonly type = CIDR;
  readonly range: Range;
  constructor(range: Range) {
    super();
    this.range = range;
  }
  get text(): string {
    return `${canonical(this.range.address)}/${this.range.bits}`;
  }
  masked(): Cidr {
    return new Cidr(parseCidr(`${addressText(this.range.first, this.range.width)}/${this.range.bits}`)!);
  }
  equals = (other: Custom): boolean => other instanceof Cidr && other.text === this.text;
}

function addressText(value: bigint, width: number): string {
  const size = width === 32 ? 8 : 16;
  const parts = Array.from({ length: width / size }, (_, i) => (value >> BigInt(width - size * (i + 1))) & ((1n << BigInt(size)) - 1n));
  return width === 32 ? parts.join('.') : canonical(parts.map((part) => part.toString(16)).join(':'));
}

function parseIp(text: string): Ip {
  const failed = (why: string): CelError =>
    new CelError(`IP Address ${JSON.stringify(text)} parse error during conversion from string: ${why}`);
  if (text.includes('%') && isIp(text)) throw failed(`IP address with zone value is not allowed`);
  if (!isIp(text)) throw failed(`ParseAddr(${JSON.stringify(text)}): unable to parse IP`);
  if (isMapped(text)) throw failed('IPv4-mapped IPv6 address is not allowed');
  return new Ip(text);
}

function parseRange(text: string): Cidr {
  const range = parseCidr(text);
  const failed = (why: string): CelError =>
    new CelError(
      `network address parse error during conversion from string: network address parse error during conversion from string: ${why}`,
    );
  if (!range) throw failed(`netip.ParsePrefix(${JSON.stringify(text)}): ${text.includes('/') ? 'bad prefix' : "no '/'"}`);
  if (isMapped(range.address)) throw failed('IPv4-mapped IPv6 address is not allowed');
  return new Cidr(range);
}

function parses(parse: (text: string) => unknown): (text: string) => boolean {
  return (text) => {
    try {
      parse(text);
      return true;
    } catch {
      return false;
    }
  };
}

const lies = (ip: Ip, ...ranges: string[]): boolean => ranges.some((range) => cidrContains(parseCidr(range)!, ip.range));
const isLinkLocal = (ip: Ip): boolean => lies(ip, '169.254.0.0/16', 'fe80::/10');
const isUnspecified = (ip: Ip): boolean => lies(ip, '0.0.0.0/32', '::/128');
const isLoopback = (ip: Ip): boolean => lies(ip, '127.0.0.0/8', '::1/128');
const isGlobal = (ip: Ip): boolean =>
  !isUnspecified(ip) && !isLoopback(ip) && !isLinkLocal(ip) && !lies(ip, '224.0.0.0/4', 'ff00::/8', '255.255.255.255/32');

const declare = declarer({ IP, CIDR });
const walk = traversal(0);

/** Two addresses are compared byte by byte; a text must be read first. */
const containing = (kind: 'ip' | 'cidr', text: boolean): Cost => ({
  estimate: ([, other]) => {
    const bytes = { min: 4, max: 16 };
    let cost = scale(add(bytes, bytes), TRAVERSAL);
    if (kind === 'cidr') cost = add(add(cost, scale(bytes, TRAVERSAL)), exactly(1));
    return { cost: text ? add(cost, scale(other!.size, TRAVERSAL)) : cost };
  },
  actual: ([cidr, other]) => {
    const bytes = (cidr as Cidr).range.width / 8;
    const base = Math.ceil(2 * bytes * TRAVERSAL) + (kind === 'cidr' ? Math.ceil(bytes * TRAVERSAL) + 1 : 0);
    return text ? base + Math.ceil(sizeOf(other!) * TRAVERSAL) : base;
  },
});

export const addresses: readonly Overload[] = [
  declare('ip(string) IP', parseIp, walk),
  declare('IP::family() int', (ip: Ip) => (ip.range.width === 32 ? 4n : 6n), NOMINAL),
  declare('ip.isCanonical(string) bool', (text: string) => parseIp(text).text === text, traversal(0, 2)),
  declare('IP::isUnspecified() bool', isUnspecified, NOMINAL),
  declare('IP::isLoopback() bool', isLoopback, NOMINAL),
  declare('IP::isLinkLocalMulticast() bool', (ip: Ip) => lies(ip, '224.0.0.0/24', 'ff02::/16'), NOMINAL),
  declare('IP::isLinkLocalUnicast() bool', isLinkLocal, NOMINAL),
  declare('IP::isGlobalUnicast() bool', isGlobal, NOMINAL),
  declare('isIP(string) bool', parses(parseIp), walk),
  declare('string(IP) string', (ip: Ip) => ip.text),
  declare('cidr(string) CIDR', parseRange, walk),
  declare('CIDR::containsIP(string) bool', (cidr: Cidr, ip: string) => cidrContains(cidr.range, parseIp(ip).range), containing('ip', true)),
  declare('CIDR::containsIP(IP) bool', (cidr: Cidr, ip: Ip) => cidrContains(cidr.range, ip.range), containing('ip', false)),
  declare('CIDR::containsCIDR(string) bool', (a: Cidr, b: string) => cidrContains(a.range, parseRange(b).range), containing('cidr', true)),
  declare('CIDR::containsCIDR(CIDR) bool', (a: Cidr, b: Cidr) => cidrContains(a.range, b.range), containing('cidr', false)),
  declare('CIDR::ip() IP', (cidr: Cidr) => new Ip(cidr.range.address), NOMINAL),
  declare('CIDR::prefixLength() int', (cidr: Cidr) => BigInt(cidr.range.bits), NOMINAL),
  declare('CIDR::masked() CIDR', (cidr: Cidr) => cidr.masked(), NOMINAL),
  declare('isCIDR(string) bool', parses(parseRange), walk),
  declare('string(CIDR) string', (cidr: Cidr) => cidr.text),
];
