// The bridge plugin as a library: a veth pair from the pod to the node's bridge, an address, a default route. In-process and over
// netlink, so that a pod costs about two milliseconds. Every operation may be repeated, also after a crash in its middle.
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import {
  addAddress,
  addressBytes,
  cidrAddress,
  createVeth,
  findLink,
  isPinned,
  type Link,
  macText,
  Netlink,
  NetlinkError,
  parseCidr,
  RouteSocket,
  readSysctl,
  setDefaultRoute,
  setHairpin,
  setUp,
  writeSysctl,
} from '../kit/linux/index.ts';
import { step } from '../kit/run/index.ts';
import { AddressPool } from './ipam.ts';
import type { CniResult } from './result.ts';

export interface BridgeNetwork {
  name: string;
  bridge: string;
  /** The node's pod CIDR. */
  subnet: string;
  /** Default: the subnet's first address. It is the bridge's own. */
  gateway?: string;
  /** Default 1500. */
  mtu?: number;
  /** Let a pod reach itself through its Service. Default true. */
  hairpin?: boolean;
  /** Default true: the pod's default route goes to the bridge. */
  defaultRoute?: boolean;
  /** Folder of the address files. */
  stateDir: string;
  /** The node's own network namespace, when it is not the one of this process. */
  nodeNetns?: string;
}

export interface Attachment {
  containerId: string;
  /** File of the pod's network namespace. */
  netnsPath: string;
  ifName: string;
}

export class BridgePlugin implements Disposable {
  readonly network: BridgeNetwork;
  readonly gateway: string;
  readonly #pool: AddressPool;
  readonly #host: Netlink;
  /** Into the node's namespace, for what each pod needs. */
  readonly #ports: RouteSocket;
  #bridge: Promise<Link> | undefined;

  constructor(network: BridgeNetwork) {
    this.network = network;
    this.gateway = network.gateway ?? cidrAddress(network.subnet, 1);
    this.#pool = new AddressPool(`${network.stateDir}/${network.name}`, network.subnet, [this.gateway]);
    this.#host = Netlink.open(network.nodeNetns ? { netns: network.nodeNetns } : {});
    this.#ports = RouteSocket.open(network.nodeNetns);
  }

  close(): void {
    this.#host.close();
    this.#ports[Symbol.dispose]();
  }
  [Symbol.dispose](): void {
    this.close();
  }

  /** Makes the bridge with its address if it is not there. Once per process, and again when somebody deleted it. */
  async ensureBridge(): Promise<Link> {
    this.#bridge ??= this.#makeBridge();
    try {
      return await this.#bridge;
    } catch (error) {
      this.#bridge = undefined;
      throw error;
    }
  }

  async #makeBridge(): Promise<Link> {
    const { bridge, subnet } = this.network;
    const present = await this.#host.link(bridge);
    if (!present) {
      // a MAC of its own: else the bridge takes its lowest port's, and changes it as pods come and go
      await this.#host.createBridge(bridge, { mac: macOf(this.gateway), mtu: this.#mtu }).catch((error: unknown) => {
        if (!(error instanceof NetlinkError && error.code === 'EEXIST')) throw error;
      });
    } else if (present.kind !== 'bridge') throw new Error(`${bridge} is there already and is no bridge`);
    await this.#host.addAddress(bridge, `${this.gateway}/${parseCidr(subnet).prefix}`);
    await this.#host.setLink(bridge, { up: true });
    if (readSysctl('net.ipv4.ip_forward', this.network.nodeNetns) !== '1') writeSysctl('net.ipv4.ip_forward', 1, this.network.nodeNetns);
    const link = await this.#host.link(bridge);
    if (!link) throw new Error(`bridge ${bridge} vanished while it was made`);
    return link;
  }

  get #mtu(): number {
    return this.network.mtu ?? 1500;
  }

  /** Connects the pod. @throws NoAddressLeft, NetlinkError; what was made until then is taken back */
  async add(attachment: Attachment): Promise<CniResult> {
    if (!isPinned(attachment.netnsPath) && !attachment.netnsPath.startsWith('/proc/'))
      throw new Error(`failed to open netns "${attachment.netnsPath}": no namespace there`);
    const owner = ownerOf(attachment);
    const address = step('network.address', () => this.#pool.reserve(owner));
    try {
      const mac = await this.#connect(attachment, address);
      return this.#result(attachment, address, mac);
    } catch (error) {
      await this.del(attachment);
      throw error;
    }
  }

  async #connect(attachment: Attachment, address: string): Promise<string> {
    const mac = macOf(address);
    await step('network.veth', () => this.#createVeth(attachment, mac));
    step('network.pod', () => this.#setUp(attachment, address));
    return mac;
  }

  /** The pod's side: loopback, address, default route. */
  #setUp({ netnsPath, ifName }: Attachment, address: string): void {
    using pod = RouteSocket.open(netnsPath);
    const [, index = 0] = pod.run(setUp(LOOPBACK), findLink(ifName));
    const ours = [addAddress(index, `${address}/${parseCidr(this.network.subnet).prefix}`), setUp(index)];
    pod.run(...ours, ...(this.network.defaultRoute === false ? [] : [setDefaultRoute(index, this.gateway)]));
  }

  async #createVeth(attachment: Attachment, mac: string): Promise<void> {
    const name = hostVethName(attachment);
    for (let attempt = 1; ; attempt++) {
      const { index: master } = await this.ensureBridge();
      try {
        this.#addPort(name, master, attachment, mac);
        return;
      } catch (error) {
        if (attempt > 2 || !(error instanceof NetlinkError)) throw error;
        if (error.code === 'EEXIST')
          await this.#host.deleteLink(name); // left by an attempt that was cut off
        else if (error.code === 'ENODEV' || error.code === 'EINVAL')
          this.#bridge = undefined; // the bridge is gone
        else throw error;
      }
    }
  }

  #addPort(name: string, master: number, { ifName, netnsPath }: Attachment, mac: string): void {
    const netnsFd = openSync(netnsPath, 'r');
    try {
      const veth = createVeth(name, { mtu: this.#mtu, master, peer: { name: ifName, netnsFd, mac } });
      this.#ports.run(veth, ...(this.network.hairpin === false ? [] : [setHairpin(name)]));
    } finally {
      closeSync(netnsFd);
    }
  }

  #result(attachment: Attachment, address: string, mac: string): CniResult {
    const { bridge, subnet } = this.network;
    const { ifName, netnsPath } = attachment;
    return {
      cniVersion: '1.1.0',
      interfaces: [{ name: bridge }, { name: hostVethName(attachment) }, { name: ifName, mac, sandbox: netnsPath }],
      ips: [{ address: `${address}/${parseCidr(subnet).prefix}`, gateway: this.gateway, interface: 2 }],
      ...(this.network.defaultRoute === false ? {} : { routes: [{ dst: '0.0.0.0/0', gw: this.gateway }] }),
      dns: {},
    };
  }

  /** Disconnects and frees the address. Idempotent; the namespace may be gone already. */
  async del(attachment: Omit<Attachment, 'netnsPath'>): Promise<void> {
    await this.#host.deleteLink(hostVethName(attachment));
    this.#pool.release(ownerOf(attachment));
  }

  /**
   * Frees the address only, for a namespace that is about to end: the kernel takes the veth pair with it, in the background. Deleting
   * the pair here would hold this thread for some 28 ms of RCU waiting.
   */
  release(attachment: Omit<Attachment, 'netnsPath'>): void {
    this.#pool.release(ownerOf(attachment));
  }

  /** @throws Error that says what is not as ADD left it */
  async check(attachment: Attachment): Promise<void> {
    const address = this.#pool.addressOf(ownerOf(attachment));
    if (!address) throw new Error(`no address is reserved for ${attachment.containerId}`);
    const veth = await this.#host.link(hostVethName(attachment));
    if (!veth?.up) throw new Error(`${hostVethName(attachment)} is ${veth ? 'down' : 'missing'}`);
    const bridge = await this.#host.link(this.network.bridge);
    if (!bridge || veth.master !== bridge.index) throw new Error(`${veth.name} is not a port of ${this.network.bridge}`);
    using pod = Netlink.open({ netns: attachment.netnsPath });
    const wanted = `${address}/${parseCidr(this.network.subnet).prefix}`;
    if (!(await pod.addresses(attachment.ifName)).some((a) => a.cidr === wanted)) throw new Error(`${attachment.ifName} has not ${wanted}`);
  }

  /** Frees addresses and links of all attachments but the given ones. */
  async gc(valid: Iterable<Omit<Attachment, 'netnsPath'>>): Promise<void> {
    const keep = [...valid];
    const owners = new Set(keep.map(ownerOf));
    const names = new Set(keep.map(hostVethName));
    for (const owner of this.#pool.owners()) if (!owners.has(owner)) this.#pool.release(owner);
    const bridge = await this.#host.link(this.network.bridge);
    if (!bridge) return;
    for (const link of await this.#host.links())
      if (link.master === bridge.index && HOST_VETH.test(link.name) && !names.has(link.name)) await this.#host.deleteLink(link.index);
  }

  /** The pod's address as reserved, if it has one. */
  addressOf(attachment: Omit<Attachment, 'netnsPath'>): string | undefined {
    return this.#pool.addressOf(ownerOf(attachment));
  }
}

const LOOPBACK = 1; // the index of lo in every network namespace
const HOST_VETH = /^veth[0-9a-f]{8}$/;

const ownerOf = ({ containerId, ifName }: Omit<Attachment, 'netnsPath'>): string => `${containerId}\n${ifName}`;

/** From the attachment alone, so that DEL finds it without a record. */
export const hostVethName = (attachment: Omit<Attachment, 'netnsPath'>): string =>
  `veth${createHash('sha256').update(ownerOf(attachment)).digest('hex').slice(0, 8)}`;

/** Locally administered and made from the address: neighbours never hold a stale entry when an address moves to another pod. */
function macOf(address: string): string {
  return macText(Buffer.concat([Buffer.of(0x0a, 0x58), addressBytes(address).subarray(-4)]));
}
