// What Services need of the node's network namespace besides rules: sysctls and a route.
import { Netlink, writeSysctl } from '../../kit/linux/index.ts';
import type { Logger } from '../../kit/run/index.ts';

/** Needed of a node that carries Services. All are per network namespace. */
const SYSCTLS = {
  'net.ipv4.ip_forward': 1,
  // Pods on one bridge: without it answers bypass the rules and come from the endpoint's own address.
  'net.bridge.bridge-nf-call-iptables': 1,
  // Node ports on 127.0.0.1; KUBE-FIREWALL guards what it opens.
  'net.ipv4.conf.all.route_localnet': 1,
} as const;

export interface HostOptions {
  serviceCIDR: string;
  nodeIP: string;
  log: Logger;
  /** File of another network namespace than this process's. */
  netns?: string;
}

/** Idempotent. A sysctl that cannot be set is told and passed over: the bridge's is missing without br_netfilter. */
export async function prepareHost({ serviceCIDR, nodeIP, log, netns }: HostOptions): Promise<void> {
  for (const [name, value] of Object.entries(SYSCTLS)) {
    try {
      writeSysctl(name, value, netns);
    } catch (error) {
      log.warn({ sysctl: name }, `not set: ${(error as Error).message}`);
    }
  }
  using netlink = Netlink.open(netns === undefined ? {} : { netns });
  await ensureServiceRoute(netlink, serviceCIDR, nodeIP);
}

/** A process of the node needs some route to a service address before the rules can turn it into an endpoint's. */
async function ensureServiceRoute(netlink: Netlink, serviceCIDR: string, nodeIP: string): Promise<void> {
  if ((await netlink.routes()).some((route) => route.destination === '0.0.0.0/0')) return;
  const own = (await netlink.addresses()).find(({ cidr }) => cidr.startsWith(`${nodeIP}/`));
  const link = own && (await netlink.links()).find(({ index }) => index === own.linkIndex);
  if (link) await netlink.replaceRoute({ destination: serviceCIDR, link: link.name, source: nodeIP });
}
