// Addresses of a cluster's LAN. Each cluster has a LAN of its own that nobody else can see, so all use the same range.

export const lan = {
  cidr: '172.30.0.0/24',
  prefix: 24,
  /** The bridge's own address; the control plane listens there. */
  gateway: '172.30.0.1',
  bridge: 'lan0',
} as const;

/** Address of the n-th node (from 0). */
export const nodeAddress = (index: number): string => `172.30.0.${11 + index}`;
export const nodeName = (index: number): string => `node-${index + 1}`;
/** Name of a node's port on the bridge; at most 15 characters (IFNAMSIZ). */
export const portName = (index: number): string => `port-${index + 1}`;
export const apiPortOnLan = 6443;
export const agentPort = 10_250;

/** First and last address of an IPv4 range, as numbers. */
function rangeOf(cidr: string): [first: number, last: number] {
  const [base = '', bits = ''] = cidr.split('/');
  const first = base.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return [first, first + 2 ** (32 - Number(bits)) - 1];
}

/** The n-th address of an IPv4 range as text (0: the network's own). */
export function addressIn(cidr: string, index: number): string {
  const [first, last] = rangeOf(cidr);
  const number = first + index;
  if (number > last) throw new Error(`${cidr} has no ${index}th address`);
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}

export function rangesOverlap(a: string, b: string): boolean {
  const [firstA, lastA] = rangeOf(a);
  const [firstB, lastB] = rangeOf(b);
  return firstA <= lastB && firstB <= lastA;
}

/** What is wrong with a range, in words, or undefined. `role` is the option's name. */
export function cidrProblem(role: string, cidr: string, minBits: number, maxBits: number): string | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
  if (!match || match.slice(1, 5).some((part) => Number(part) > 255)) return `${role}: ${cidr} is not an IPv4 range such as 10.0.0.0/16`;
  const bits = Number(match[5]);
  if (bits < minBits || bits > maxBits) return `${role}: ${cidr} must be from /${minBits} to /${maxBits}`;
  if (rangeOf(cidr)[0] % 2 ** (32 - bits) !== 0) return `${role}: ${cidr} has host bits set`;
  if (rangesOverlap(cidr, lan.cidr)) return `${role}: ${cidr} overlaps the nodes' own network ${lan.cidr}`;
  return undefined;
}
