// Pure: a plan as chains of iptables rules, named as kube-proxy names them so that its users' tools and habits work.
import { createHash } from 'node:crypto';
import { idOf, type Plan, type PortPlan, type Route } from './plan.ts';

export type Table = 'nat' | 'filter';
/** Chain name to its rules (without `-A CHAIN`). */
export type Chains = Map<string, string[]>;
export type Ruleset = Record<Table, Chains>;

/** Bit of the packet mark that asks for masquerading (the one that kube-proxy uses). */
const MASQUERADE_MARK = '0x4000';

/** Jumps from the kernel's own chains into ours, in order of need; put in front of what is there. */
export const JUMPS: Record<Table, readonly { from: string; rule: string }[]> = {
  nat: [
    { from: 'PREROUTING', rule: '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES' },
    { from: 'OUTPUT', rule: '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES' },
    { from: 'POSTROUTING', rule: '-m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING' },
  ],
  filter: [
    { from: 'INPUT', rule: '-m comment --comment "kubernetes localhost guard" -j KUBE-FIREWALL' },
    ...['INPUT', 'FORWARD', 'OUTPUT'].map((from) => ({
      from,
      rule: '-m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL',
    })),
    ...['FORWARD', 'OUTPUT'].map((from) => ({
      from,
      rule: '-m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    })),
    ...['INPUT', 'FORWARD'].map((from) => ({
      from,
      rule: '-m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES',
    })),
    { from: 'FORWARD', rule: '-m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD' },
  ],
};

/** Chains made for one Service port: those that are not in a plan any more are removed. */
export const isPortChain = (chain: string): boolean => /^KUBE-(SVC|SVL|EXT|FW|SEP)-/.test(chain);

export function renderRules(plan: Plan): Ruleset {
  const nat: Chains = new Map();
  const filter: Chains = new Map();
  const all = plan.ports.map((port) => partsOf(port, plan.clusterCIDR));
  for (const parts of all) for (const [name, rules] of parts.nat) nat.set(name, rules);
  const services = all.flatMap((parts) => parts.services);
  const nodePorts = all.flatMap((parts) => parts.nodePorts);
  const refusedServices = all.flatMap((parts) => parts.refusedServices);
  const refusedExternal = all.flatMap((parts) => parts.refusedExternal);
  const firewall = all.flatMap((parts) => parts.firewall);
  nat.set('KUBE-SERVICES', [
    ...services,
    '-m comment --comment "kubernetes service nodeports; last rule" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
  ]);
  nat.set('KUBE-NODEPORTS', nodePorts);
  nat.set('KUBE-MARK-MASQ', [`-j MARK --set-xmark ${MASQUERADE_MARK}/${MASQUERADE_MARK}`]);
  nat.set('KUBE-POSTROUTING', [
    `-m mark ! --mark ${MASQUERADE_MARK}/${MASQUERADE_MARK} -j RETURN`,
    // The mark is taken off so that the packet is not masqueraded again when it passes here a second time (tunnels).
    `-j MARK --set-xmark ${MASQUERADE_MARK}/0x0`,
    '-m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
  ]);
  filter.set('KUBE-SERVICES', refusedServices);
  filter.set('KUBE-EXTERNAL-SERVICES', refusedExternal);
  filter.set('KUBE-PROXY-FIREWALL', firewall);
  filter.set('KUBE-FORWARD', [
    // An out-of-window segment would pass with the endpoint's own address and make the client reset the connection.
    '-m conntrack --ctstate INVALID -j DROP',
    `-m mark --mark ${MASQUERADE_MARK}/${MASQUERADE_MARK} -j ACCEPT`,
    '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  ]);
  filter.set('KUBE-FIREWALL', [
    // route_localnet lets neighbours reach what listens on 127.0.0.1 only: CVE-2020-8558.
    '! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
  ]);
  return { nat, filter };
}

interface Parts {
  nat: Chains;
  services: string[];
  nodePorts: string[];
  refusedServices: string[];
  refusedExternal: string[];
  firewall: string[];
}

const known = new WeakMap<PortPlan, { clusterCIDR: string; parts: Parts }>();

/** What one port adds; the same object as long as its plan is. */
function partsOf(port: PortPlan, clusterCIDR: string): Parts {
  const before = known.get(port);
  if (before?.clusterCIDR === clusterCIDR) return before.parts;
  const parts: Parts = { nat: new Map(), services: [], nodePorts: [], refusedServices: [], refusedExternal: [], firewall: [] };
  renderPort(port, clusterCIDR, parts);
  known.set(port, { clusterCIDR, parts });
  return parts;
}

function renderPort(port: PortPlan, clusterCIDR: string, parts: Parts): void {
  const { nat } = parts;
  const note = comment(port.name);
  const at = (ip: string, number = port.port) => `-d ${ip}/32 -p ${port.protocol} -m ${port.protocol} --dport ${number}`;
  const internal = routeChain(port, port.internal, port.internal === port.externalFromInside ? 'SVC' : 'SVL', nat);

  if (internal) {
    nat.get(internal)!.unshift(`! -s ${clusterCIDR} ${at(port.clusterIP)} ${comment(`${port.name} cluster IP`)} -j KUBE-MARK-MASQ`);
    parts.services.push(`${at(port.clusterIP)} ${comment(`${port.name} cluster IP`)} -j ${internal}`);
  } else parts.refusedServices.push(`${at(port.clusterIP)} ${note} ${verdict(port.internal, port)}`);

  const addresses = [...port.externalIPs, ...port.loadBalancerIPs];
  if (addresses.length === 0 && port.nodePort === undefined) return;
  const toNodePort = `-p ${port.protocol} -m ${port.protocol} --dport ${port.nodePort}`;
  if (port.external.to.length === 0 && port.externalFromInside.to.length === 0) {
    for (const ip of addresses) parts.refusedExternal.push(`${at(ip)} ${note} ${verdict(port.external, port)}`);
    if (port.nodePort !== undefined)
      parts.refusedExternal.push(`${toNodePort} -m addrtype --dst-type LOCAL ${note} ${verdict(port.external, port)}`);
    return;
  }

  const external = chainName('EXT', port);
  nat.set(external, externalRules(port, clusterCIDR, nat));
  for (const ip of port.externalIPs) parts.services.push(`${at(ip)} ${comment(`${port.name} external IP`)} -j ${external}`);
  for (const ip of port.loadBalancerIPs) {
    const guarded = port.sourceRanges.length > 0 ? chainName('FW', port) : external;
    parts.services.push(`${at(ip)} ${comment(`${port.name} loadbalancer IP`)} -j ${guarded}`);
    if (guarded === external) continue;
    nat.set(
      guarded,
      port.sourceRanges.map((range) => `-s ${range} ${note} -j ${external}`),
    );
    parts.firewall.push(`${at(ip)} ${note} -j DROP`); // what was let in has another address by now
  }
  if (port.nodePort !== undefined) parts.nodePorts.push(`${toNodePort} ${note} -j ${external}`);
  if (port.external.to.length > 0) return;
  // Nothing here takes it from outside: connections from inside have been sent on above, the rest ends here.
  for (const ip of addresses) parts.refusedExternal.push(`${at(ip)} ${note} ${verdict(port.external, port)}`);
  if (port.nodePort !== undefined)
    parts.refusedExternal.push(`${toNodePort} -m addrtype --dst-type LOCAL ${note} ${verdict(port.external, port)}`);
}

function externalRules(port: PortPlan, clusterCIDR: string, nat: Chains): string[] {
  const inside = routeChain(port, port.externalFromInside, 'SVC', nat)!;
  if (!port.keepsSource)
    return [`${comment(`masquerade traffic for ${port.name} external destinations`)} -j KUBE-MARK-MASQ`, `-j ${inside}`];
  const outside = routeChain(port, port.external, 'SVL', nat);
  return [
    `-s ${clusterCIDR} ${comment(`pod traffic for ${port.name} external destinations`)} -j ${inside}`,
    `-m addrtype --src-type LOCAL ${comment(`masquerade LOCAL traffic for ${port.name} external destinations`)} -j KUBE-MARK-MASQ`,
    `-m addrtype --src-type LOCAL ${comment(`route LOCAL traffic for ${port.name} external destinations`)} -j ${inside}`,
    ...(outside ? [`-j ${outside}`] : []),
  ];
}

/** The chain that spreads connections over a route's targets; undefined when there are none. */
function routeChain(port: PortPlan, route: Route, kind: 'SVC' | 'SVL', nat: Chains): string | undefined {
  if (route.to.length === 0) return undefined;
  const name = chainName(kind, port);
  if (nat.has(name)) return name;
  const ends = route.to.map((target) => ({
    chain: chainName('SEP', port, `${target.ip}:${target.port}`),
    target: `${target.ip}:${target.port}`,
    ip: target.ip,
  }));
  const stay = ends.map(
    (end) =>
      `${comment(`${port.name} -> ${end.target}`)} -m recent --name ${end.chain} --rcheck --seconds ${port.affinitySeconds} --reap -j ${end.chain}`,
  );
  const spread = ends.map((end, n) => {
    const left = ends.length - n;
    const share = left > 1 ? ` -m statistic --mode random --probability ${(1 / left).toFixed(10)}` : '';
    return `${comment(`${port.name} -> ${end.target}`)}${share} -j ${end.chain}`;
  });
  nat.set(name, [...(port.affinitySeconds === undefined ? [] : stay), ...spread]);
  for (const end of ends) {
    const remember = port.affinitySeconds === undefined ? '' : ` -m recent --name ${end.chain} --set`;
    nat.set(end.chain, [
      `-s ${end.ip}/32 ${comment(port.name)} -j KUBE-MARK-MASQ`, // a pod that reaches itself through its Service
      `-p ${port.protocol} ${comment(port.name)}${remember} -m ${port.protocol} -j DNAT --to-destination ${end.target}`,
    ]);
  }
  return name;
}

/** A reset, since the kernel drops an ICMP error that arrives while connect() holds the socket, as on a veth pair: a second is lost. */
function verdict(route: Route, { protocol }: PortPlan): string {
  if (route.empty === 'drop') return '-j DROP';
  return protocol === 'tcp' ? '-j REJECT --reject-with tcp-reset' : '-j REJECT';
}

const comment = (text: string): string => `-m comment --comment "${text}"`;

/** KUBE-SVC-… and its like: 16 characters of a hash, since iptables cuts names at 28. */
export function chainName(kind: 'SVC' | 'SVL' | 'EXT' | 'FW' | 'SEP', port: PortPlan, target = ''): string {
  const digest = createHash('sha256')
    .update(idOf(port) + target)
    .digest();
  return `KUBE-${kind}-${base32(digest).slice(0, 16)}`;
}

/** RFC 4648, upper case, no padding, of the first ten bytes. */
function base32(bytes: Uint8Array): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let bits = 0n;
  for (const byte of bytes.subarray(0, 10)) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let shift = 75n; shift >= 0n; shift -= 5n) text += alphabet[Number((bits >> shift) & 31n)];
  return text;
}
