// The /24s of the cluster's pod range: which are free. Pure.

/** Size of one node's range, IPv4. */
const NODE_BITS = 24;

const toNumber = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const toText = (value: number): string => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');

/** The lowest range of the cluster's that no node has; undefined: all are taken. @throws Error for what is no IPv4 range */
export function freeRange(clusterCIDR: string, taken: ReadonlySet<string>): string | undefined {
  const [base = '', bitsText = ''] = clusterCIDR.split('/');
  const bits = Number(bitsText);
  if (!/^\d+(\.\d+){3}$/.test(base) || !Number.isInteger(bits) || bits > NODE_BITS || bitsText === '')
    throw new Error(`cluster CIDR ${clusterCIDR} is not an IPv4 range of /${NODE_BITS} or larger`);
  const first = toNumber(base) - (toNumber(base) % 2 ** (32 - bits));
  for (let index = 0; index < 2 ** (NODE_BITS - bits); index++) {
    const range = `${toText(first + index * 2 ** (32 - NODE_BITS))}/${NODE_BITS}`;
    if (!taken.has(range)) return range;
  }
  return undefined;
}
