// Ports of the node that lead to pods (hostPort): destination NAT in chains of our own, written whole in one batch, so that what is
// there is always what was last asked for.
import { run, tryRun } from '../kit/exec/index.ts';

export interface HostPort {
  protocol: 'TCP' | 'UDP' | 'SCTP';
  hostPort: number;
  /** '' or absent: every address of the node. */
  hostIp?: string;
  /** IPv4 address of the pod. */
  podIP: string;
  containerPort: number;
}

const DNAT_CHAIN = 'WHERRY-HOSTPORTS';
const MASQUERADE_CHAIN = 'WHERRY-HOSTPORTS-MASQ';
const COMMENT = ['-m', 'comment', '--comment', 'wherry host ports'];

/** From outside, from the node itself, and back through the node where source and destination could otherwise not meet. */
const JUMPS = [
  ['PREROUTING', ...COMMENT, '-m', 'addrtype', '--dst-type', 'LOCAL', '-j', DNAT_CHAIN],
  ['OUTPUT', ...COMMENT, '-m', 'addrtype', '--dst-type', 'LOCAL', '-j', DNAT_CHAIN],
  ['POSTROUTING', ...COMMENT, '-j', MASQUERADE_CHAIN],
];

const ANY_ADDRESS = new Set(['', '0.0.0.0', '::']);

/** Pure: rules of the two chains. Where two pods want one port the first has it. A pod that reaches itself, and the node by its loopback, need another source. */
export function hostPortRules(ports: readonly HostPort[]): string[] {
  const dnat: string[] = [];
  const masquerade: string[] = [];
  for (const { protocol, hostPort, hostIp = '', podIP, containerPort } of ports) {
    const match = `-p ${protocol.toLowerCase()} -m ${protocol.toLowerCase()}`;
    const address = ANY_ADDRESS.has(hostIp) ? '' : `-d ${hostIp}/32 `;
    dnat.push(`-A ${DNAT_CHAIN} ${address}${match} --dport ${hostPort} -j DNAT --to-destination ${podIP}:${containerPort}`);
    for (const source of [podIP, '127.0.0.0/8'])
      masquerade.push(`-A ${MASQUERADE_CHAIN} -s ${source} -d ${podIP} ${match} --dport ${containerPort} -j MASQUERADE`);
  }
  return [...dnat, ...new Set(masquerade)];
}

/** Makes these ports, and no others, lead to pods. `netns`: path of the node's namespace, absent: this process's. @throws CommandError when iptables fails */
export async function setHostPorts(ports: readonly HostPort[], netns?: string): Promise<void> {
  const jumps: string[] = [];
  for (const [chain, ...rule] of JUMPS) {
    const { failure } = await tryRun(...inside(netns, 'iptables', '-w', '5', '-t', 'nat', '-C', chain!, ...rule));
    if (failure) jumps.push(['-A', chain!, ...rule].map((word) => (word.includes(' ') ? `"${word}"` : word)).join(' '));
  }
  const lines = ['*nat', `:${DNAT_CHAIN} - [0:0]`, `:${MASQUERADE_CHAIN} - [0:0]`, ...hostPortRules(ports), ...jumps, 'COMMIT'];
  await run(...inside(netns, 'iptables-restore', '-w', '5', '--noflush'), { input: `${lines.join('\n')}\n` });
}

/** A UDP flow goes on to where it went before the rules changed: those of these ports are forgotten. That there were none is no error. */
export async function forgetUdpFlows(ports: readonly Pick<HostPort, 'protocol' | 'hostPort'>[], netns?: string): Promise<void> {
  for (const { protocol, hostPort } of ports)
    if (protocol === 'UDP')
      await tryRun(...inside(netns, 'conntrack', '-D', '-f', 'ipv4', '-p', 'udp', '--orig-port-dst', String(hostPort)));
}

const inside = (netns: string | undefined, command: string, ...args: string[]): [command: string, args: string[]] =>
  netns ? ['nsenter', [`--net=${netns}`, command, ...args]] : [command, args];
