// Pure: a plan as chains, maps and sets of one nftables table. Lookups are by map, so their cost does not grow with the Services.
import { createHash } from 'node:crypto';
import { idOf, type Plan, type PortPlan, type Route } from './plan.ts';

/** Our table, of family ip; the name that kube-proxy gives its own. */
export const TABLE = 'kube-proxy';

export interface NftRuleset {
  /** Regular chains and their rules. */
  chains: Map<string, readonly string[]>;
  /** Map or set name to its elements; '' is the value of a set's. */
  maps: Map<MapName, Map<string, string>>;
  /** Sets that remember clients: name to seconds. */
  affinities: Map<string, number>;
}

const MASQUERADE_MARK = '0x4000';
const ADDRESS_PORT = 'type ipv4_addr . inet_proto . inet_service : verdict';
const PORT = 'type inet_proto . inet_service : verdict';

export const MAPS = {
  'service-ips': ADDRESS_PORT,
  'service-nodeports': PORT,
  'no-endpoint-services': ADDRESS_PORT,
  'no-endpoint-nodeports': PORT,
  'firewall-ips': ADDRESS_PORT,
  /** A pod that reaches itself through its Service, as it looks after the translation. */
  hairpin: 'type ipv4_addr . ipv4_addr . inet_proto . inet_service',
} as const;
export type MapName = keyof typeof MAPS;

const byAddress = 'ip daddr . meta l4proto . th dport vmap';
const byPort = 'fib daddr type local meta l4proto . th dport vmap';

/** Chains at the kernel's hooks, and what they always do. */
export const BASE: Readonly<Record<string, { hook: string; rules: readonly string[] }>> = {
  'nat-prerouting': { hook: 'type nat hook prerouting priority -100', rules: ['jump services'] },
  'nat-output': { hook: 'type nat hook output priority -100', rules: ['jump services'] },
  'nat-postrouting': {
    hook: 'type nat hook postrouting priority 100',
    rules: [
      'ct status dnat ip saddr . ip daddr . meta l4proto . th dport @hairpin masquerade fully-random',
      `meta mark & ${MASQUERADE_MARK} == 0 return`,
      // Taken off, so that a packet that passes a second time (tunnels) is not masqueraded again.
      `meta mark set meta mark xor ${MASQUERADE_MARK}`,
      'masquerade fully-random',
    ],
  },
  'filter-prerouting': { hook: 'type filter hook prerouting priority -110', rules: ['ct state new jump firewall'] },
  'filter-input': {
    hook: 'type filter hook input priority -110',
    rules: ['jump localhost-guard', `ct state new ${byPort} @no-endpoint-nodeports`, 'ct state new jump no-endpoints'],
  },
  // Out of the window: it would pass with the endpoint's own address and make the client reset the connection.
  'filter-forward': { hook: 'type filter hook forward priority -110', rules: ['ct state invalid drop', 'ct state new jump no-endpoints'] },
  'filter-output': {
    hook: 'type filter hook output priority -110',
    rules: ['ct state new jump firewall', `ct state new ${byPort} @no-endpoint-nodeports`, 'ct state new jump no-endpoints'],
  },
};

const FIXED: Readonly<Record<string, readonly string[]>> = {
  services: [`${byAddress} @service-ips`, `${byPort} @service-nodeports`],
  'no-endpoints': [`${byAddress} @no-endpoint-services`],
  firewall: [`${byAddress} @firewall-ips`],
  'reject-chain': ['meta l4proto tcp reject with tcp reset', 'reject'],
  'mark-for-masquerade': [`meta mark set meta mark or ${MASQUERADE_MARK}`],
  // route_localnet lets neighbours reach what listens on 127.0.0.1 only: CVE-2020-8558.
  'localhost-guard': [
    'ip saddr 127.0.0.0/8 return',
    'ip daddr != 127.0.0.0/8 return',
    'ct state established,related return',
    'ct status dnat return',
    'drop',
  ],
};

export function renderNft(plan: Plan): NftRuleset {
  const ruleset = empty();
  for (const [name, rules] of Object.entries(FIXED)) ruleset.chains.set(name, rules);
  for (const port of plan.ports) {
    const part = partOf(port, plan.clusterCIDR);
    for (const [name, rules] of part.chains) ruleset.chains.set(name, rules);
    for (const [name, elements] of part.maps) for (const [key, value] of elements) ruleset.maps.get(name)!.set(key, value);
    for (const [name, seconds] of part.affinities) ruleset.affinities.set(name, seconds);
  }
  return ruleset;
}

const parts = new WeakMap<PortPlan, { clusterCIDR: string; part: NftRuleset }>();

/** What one port adds; the same object as long as its plan is. */
function partOf(port: PortPlan, clusterCIDR: string): NftRuleset {
  const known = parts.get(port);
  if (known?.clusterCIDR === clusterCIDR) return known.part;
  const part = empty();
  renderPort(port, clusterCIDR, part);
  for (const [name, elements] of part.maps) if (elements.size === 0) part.maps.delete(name);
  parts.set(port, { clusterCIDR, part });
  return part;
}

const empty = (): NftRuleset => ({
  chains: new Map(),
  maps: new Map((Object.keys(MAPS) as MapName[]).map((name) => [name, new Map()])),
  affinities: new Map(),
});

function renderPort(port: PortPlan, clusterCIDR: string, ruleset: NftRuleset): void {
  const { chains } = ruleset;
  const put = (map: MapName, key: string, verdict: string) => ruleset.maps.get(map)!.set(key, verdict);
  const at = (ip: string) => `${ip} . ${port.protocol} . ${port.port}`;

  const internal = routeChain(port, port.internal, port.internal === port.externalFromInside ? 'service' : 'local', ruleset);
  if (internal) {
    // The rule stands in the chain that external traffic may share: it is only for the cluster IP.
    const masquerade = `ip daddr ${port.clusterIP} ip saddr != ${clusterCIDR} jump mark-for-masquerade`;
    chains.set(internal, [masquerade, ...chains.get(internal)!]);
    put('service-ips', at(port.clusterIP), `goto ${internal}`);
  } else put('no-endpoint-services', at(port.clusterIP), verdict(port.internal));

  const addresses = [...port.externalIPs, ...port.loadBalancerIPs];
  const nodePort = port.nodePort === undefined ? undefined : `${port.protocol} . ${port.nodePort}`;
  if (addresses.length === 0 && nodePort === undefined) return;
  if (port.external.to.length > 0 || port.externalFromInside.to.length > 0) {
    const external = chainName('external', port);
    chains.set(external, externalRules(port, clusterCIDR, ruleset));
    for (const ip of addresses) put('service-ips', at(ip), `goto ${external}`);
    if (nodePort) put('service-nodeports', nodePort, `goto ${external}`);
  }
  if (port.external.to.length === 0) {
    for (const ip of addresses) put('no-endpoint-services', at(ip), verdict(port.external));
    if (nodePort) put('no-endpoint-nodeports', nodePort, verdict(port.external));
  }
  if (port.sourceRanges.length === 0) return;
  const firewall = chainName('firewall', port);
  chains.set(firewall, [...port.sourceRanges.map((range) => `ip saddr ${range} return`), 'drop']);
  for (const ip of port.loadBalancerIPs) put('firewall-ips', at(ip), `goto ${firewall}`);
}

function externalRules(port: PortPlan, clusterCIDR: string, ruleset: NftRuleset): string[] {
  const inside = routeChain(port, port.externalFromInside, 'service', ruleset)!;
  if (!port.keepsSource) return ['jump mark-for-masquerade', `goto ${inside}`];
  const outside = routeChain(port, port.external, 'local', ruleset);
  const own = ['fib saddr type local jump mark-for-masquerade', `fib saddr type local goto ${inside}`];
  return [`ip saddr ${clusterCIDR} goto ${inside}`, ...own, ...(outside ? [`goto ${outside}`] : [])];
}

/** The chain that spreads connections over a route's targets; undefined when there are none. */
function routeChain(port: PortPlan, route: Route, kind: 'service' | 'local', ruleset: NftRuleset): string | undefined {
  if (route.to.length === 0) return undefined;
  const name = chainName(kind, port);
  const { chains } = ruleset;
  if (chains.has(name)) return name;
  for (const { ip, port: number } of route.to) ruleset.maps.get('hairpin')!.set(`${ip} . ${ip} . ${port.protocol} . ${number}`, '');
  chains.set(name, port.affinitySeconds === undefined ? [spread(port, route)] : stickyRules(port, port.affinitySeconds, route, ruleset));
  return name;
}

function spread(port: PortPlan, { to }: Route): string {
  const only = to.length === 1 ? to[0] : undefined;
  if (only) return `meta l4proto ${port.protocol} dnat to ${only.ip}:${only.port}`;
  const ends = to.map((end, n) => `${n} : ${end.ip} . ${end.port}`);
  return `meta l4proto ${port.protocol} dnat ip to numgen random mod ${to.length} map { ${ends.join(', ')} }`;
}

/** Each target has a set of the clients that it had, and a chain that adds to it. */
function stickyRules(port: PortPlan, seconds: number, { to }: Route, { chains, affinities }: NftRuleset): string[] {
  const ends = to.map((end) => {
    const target = `${end.ip}:${end.port}`;
    const chain = chainName('endpoint', port, target);
    // With the seconds in its name: a set cannot be changed while rules use it.
    return { chain, target, clients: `affinity-${seconds}-${chain}` };
  });
  for (const { chain, target, clients } of ends) {
    affinities.set(clients, seconds);
    chains.set(chain, [`update @${clients} { ip saddr }`, `meta l4proto ${port.protocol} dnat to ${target}`]);
  }
  const first =
    ends.length === 1
      ? `goto ${ends[0]!.chain}`
      : `numgen random mod ${ends.length} vmap { ${ends.map((end, n) => `${n} : goto ${end.chain}`).join(', ')} }`;
  return [...ends.map(({ chain, clients }) => `ip saddr @${clients} goto ${chain}`), first];
}

const verdict = (route: Route): string => (route.empty === 'reject' ? 'goto reject-chain' : 'drop');

/** A kind and a hash: what the chain is for stands in the maps that lead to it. */
function chainName(kind: 'service' | 'local' | 'external' | 'firewall' | 'endpoint', port: PortPlan, target = ''): string {
  return `${kind}-${createHash('sha256')
    .update(`${idOf(port)} ${target}`)
    .digest('hex')
    .slice(0, 16)}`;
}
