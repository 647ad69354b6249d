// The cluster's own network: a bridge in a namespace of its own, and a cable from it to each node.
import type { ProcessId } from '../kit/exec/index.ts';
import { Netlink, writeSysctl } from '../kit/linux/index.ts';
import { lan, nodeAddress, portName } from './addresses.ts';
import { netnsOf } from './host.ts';

/** Makes the bridge in the LAN's namespace, with its address. Idempotent. */
export async function ensureBridge(holder: ProcessId): Promise<void> {
  const netns = netnsOf(holder);
  using netlink = Netlink.open({ netns });
  await netlink.setLink('lo', { up: true });
  if (await netlink.link(lan.bridge)) return;
  writeSysctl('net.ipv4.ip_forward', 1, netns);
  await netlink.createBridge(lan.bridge, { up: true });
  await netlink.addAddress(lan.bridge, `${lan.gateway}/${lan.prefix}`);
}

/** Plugs a node into the bridge: eth0 with its address and a default route, so that Service addresses can be looked up at all. Idempotent. */
export async function ensureCable(lanHolder: ProcessId, nodeHolder: ProcessId, index: number): Promise<void> {
  const netns = netnsOf(nodeHolder);
  using inNode = Netlink.open({ netns });
  if (await inNode.link('eth0')) return;
  using inLan = Netlink.open({ netns: netnsOf(lanHolder) });
  // A port whose node was powered off is gone with its peer; one left from a half-done start is not.
  if (await inLan.link(portName(index))) await inLan.deleteLink(portName(index));
  await inLan.createVeth(portName(index), { up: true, master: lan.bridge, peer: { name: 'eth0', netns } });
  await inNode.setLink('lo', { up: true });
  await inNode.addAddress('eth0', `${nodeAddress(index)}/${lan.prefix}`);
  await inNode.setLink('eth0', { up: true });
  await inNode.replaceRoute({ gateway: lan.gateway });
}

/** Takes a node's port down (its cable is cut) or up again. */
export async function setCable(lanHolder: ProcessId, index: number, up: boolean): Promise<void> {
  using inLan = Netlink.open({ netns: netnsOf(lanHolder) });
  await inLan.setLink(portName(index), up ? { up: true } : { down: true });
}
