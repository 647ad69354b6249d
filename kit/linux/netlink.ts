// rtnetlink: links, addresses, routes and neighbours of one network namespace, over the npm package `netlink`.
// The socket keeps the namespace it was opened in, so one process can hold sockets into many namespaces.
import { closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { ifla, RtNetlinkSocket, rt } from 'netlink';
import { addressBytes, addressText, broadcastOf, type Cidr, macBytes, macText, parseCidr } from './address.ts';
import { bridgeInfo, bridgePortInfo, linkKind, vethInfo, vxlanInfo } from './link-info.ts';
import { inNetns } from './namespaces.ts';

/** Loaded by the first socket: a bundle's imports run at its start, and this one takes longer than all of our own code. */
const netlinkPackage = () => createRequire(import.meta.url)('netlink') as typeof import('netlink');

export interface LinkStats {
  rxBytes: number;
  rxPackets: number;
  rxErrors: number;
  rxDropped: number;
  txBytes: number;
  txPackets: number;
  txErrors: number;
  txDropped: number;
}

export interface Link {
  index: number;
  name: string;
  kind: string | undefined;
  up: boolean;
  mtu: number;
  /** `02:42:…` */
  mac: string;
  /** Index of the bridge it is a port of, 0 if none. */
  master: number;
  stats?: LinkStats;
}

export interface Route {
  /** `0.0.0.0/0` is the default route. */
  destination: string;
  gateway?: string;
  linkIndex: number;
  /** Preferred source address. */
  source?: string;
}

export interface NewLink {
  mtu?: number;
  mac?: string;
  up?: boolean;
  /** Name or index of the bridge. */
  master?: string | number;
}

export interface VethOptions extends NewLink {
  peer: { name: string /** File or descriptor of the namespace the peer is made in. */; netns?: string | number; mac?: string };
}

export class NetlinkError extends Error {
  /** e.g. `EEXIST` */
  readonly code: string;
  constructor(operation: string, code: string, cause: unknown) {
    super(`netlink ${operation}: ${code}`, { cause });
    this.name = 'NetlinkError';
    this.code = code;
  }
}

const DEADLINE_MS = 10_000;
const CREATE = 0x400;
const EXCL = 0x200;
const REPLACE = 0x100;
const AF_BRIDGE = 7;

/** A socket into one namespace. Close it, or use `using`. */
export class Netlink implements Disposable {
  readonly #socket: RtNetlinkSocket;

  private constructor(socket: RtNetlinkSocket) {
    this.#socket = socket;
  }

  /** Opens a socket in the present namespace, or inside `netns` (file or descriptor). */
  static open(options: { netns?: string | number } = {}): Netlink {
    const make = () => netlinkPackage().createRtNetlink({ ref: false, recvBufferSize: 1 << 20, sendBufferSize: 1 << 18 });
    return new Netlink(options.netns === undefined ? make() : inNetns(options.netns, make));
  }

  close(): void {
    this.#socket.socket.close();
  }
  [Symbol.dispose](): void {
    this.close();
  }

  /** @throws NetlinkError EEXIST */
  async createBridge(name: string, options: NewLink = {}): Promise<void> {
    await this.#create(name, bridgeInfo(), options);
  }

  /** Both ends at once; the peer directly in its namespace. @throws NetlinkError EEXIST */
  async createVeth(name: string, options: VethOptions): Promise<void> {
    const { peer } = options;
    const fd = typeof peer.netns === 'string' ? openSync(peer.netns, 'r') : peer.netns;
    try {
      const info = vethInfo({
        name: peer.name,
        ...(fd === undefined ? {} : { netnsFd: fd }),
        ...(peer.mac ? { mac: macBytes(peer.mac) } : {}),
        ...(options.mtu ? { mtu: options.mtu } : {}),
      });
      await this.#create(name, info, options);
    } finally {
      if (typeof peer.netns === 'string' && fd !== undefined) closeSync(fd);
    }
  }

  async createVxlan(name: string, options: NewLink & { vni: number; local: string; port?: number; linkIndex?: number }): Promise<void> {
    const info = vxlanInfo({
      vni: options.vni,
      local: addressBytes(options.local),
      port: options.port ?? 4789,
      ...(options.linkIndex === undefined ? {} : { linkIndex: options.linkIndex }),
    });
    await this.#create(name, info, options);
  }

  async #create(name: string, linkinfo: Buffer, options: NewLink): Promise<void> {
    const attrs: ifla.LinkAttrs = { ifname: name, linkinfo };
    if (options.mtu) attrs.mtu = options.mtu;
    if (options.mac) attrs.address = macBytes(options.mac);
    if (options.master !== undefined) attrs.master = await this.#index(options.master);
    const data: rt.Link = options.up ? { flags: { up: true }, change: { up: true } } : {};
    await this.#do(`create link ${name}`, () => this.#socket.newLink(data, attrs, { flags: CREATE | EXCL, timeout: DEADLINE_MS }));
  }

  /** Changes what is given. `master: 0` takes it off its bridge; `netns` moves it there (last of all). */
  async setLink(
    link: string | number,
    change: NewLink & { name?: string; netns?: string | number; hairpin?: boolean; down?: boolean },
  ): Promise<void> {
    const index = await this.#index(link);
    const attrs: ifla.LinkAttrs = {};
    if (change.name) attrs.ifname = change.name;
    if (change.mtu) attrs.mtu = change.mtu;
    if (change.mac) attrs.address = macBytes(change.mac);
    if (change.master !== undefined) attrs.master = change.master === 0 ? 0 : await this.#index(change.master);
    const data: rt.Link = { index };
    if (change.up || change.down) Object.assign(data, { change: { up: true }, flags: change.up ? { up: true } : {} });
    if (Object.keys(attrs).length > 0 || data.change)
      await this.#do(`set link ${link}`, () => this.#socket.newLink(data, attrs, { timeout: DEADLINE_MS }));
    if (change.hairpin !== undefined) {
      const linkinfo = bridgePortInfo({ hairpin: change.hairpin });
      await this.#do(`set hairpin of ${link}`, () => this.#socket.newLink({ index }, { linkinfo }, { timeout: DEADLINE_MS }));
    }
    if (change.netns !== undefined) {
      const fd = typeof change.netns === 'string' ? openSync(change.netns, 'r') : change.netns;
      try {
        await this.#do(`move link ${link}`, () => this.#socket.newLink({ index }, { netNsFd: fd }, { timeout: DEADLINE_MS }));
      } finally {
        if (typeof change.netns === 'string') closeSync(fd);
      }
    }
  }

  /** Idempotent: an absent link is fine. */
  async deleteLink(link: string | number): Promise<void> {
    const index = typeof link === 'number' ? link : (await this.link(link))?.index;
    if (index === undefined) return;
    await this.#do(`delete link ${link}`, () => this.#socket.delLink({ index }, {}, { timeout: DEADLINE_MS }), ['ENODEV']);
  }

  async link(name: string): Promise<Link | undefined> {
    try {
      const [found] = await this.#socket.getLink({}, { ifname: name }, { timeout: DEADLINE_MS });
      return found && toLink(found);
    } catch (error) {
      if (codeOf(error) === 'ENODEV') return undefined;
      throw new NetlinkError(`get link ${name}`, codeOf(error), error);
    }
  }

  async links(): Promise<Link[]> {
    return (await this.#do('list links', () => this.#socket.getLinks({}, {}, { timeout: DEADLINE_MS }))).map(toLink);
  }

  /** Adds `10.0.0.1/24`; an address that is there already is fine. */
  async addAddress(link: string | number, cidr: string): Promise<void> {
    const [data, attrs] = await this.#address(link, parseCidr(cidr));
    await this.#do(`add address ${cidr}`, () => this.#socket.newAddress(data, attrs, { flags: CREATE | REPLACE, timeout: DEADLINE_MS }), [
      'EEXIST',
    ]);
  }

  async deleteAddress(link: string | number, cidr: string): Promise<void> {
    const [data, attrs] = await this.#address(link, parseCidr(cidr));
    await this.#do(`delete address ${cidr}`, () => this.#socket.delAddress(data, attrs, { timeout: DEADLINE_MS }), ['EADDRNOTAVAIL']);
  }

  /** All addresses, or those of one link. */
  async addresses(link?: string | number): Promise<{ cidr: string; linkIndex: number }[]> {
    const only = link === undefined ? undefined : await this.#index(link);
    const found = await this.#do('list addresses', () => this.#socket.getAddresses({}, {}, { timeout: DEADLINE_MS }));
    return found.flatMap(({ data, attrs }) => {
      const bytes = attrs.local ?? attrs.address;
      if (!bytes || (only !== undefined && data.index !== only)) return [];
      return [{ cidr: `${addressText(bytes)}/${data.prefixlen}`, linkIndex: data.index ?? 0 }];
    });
  }

  /** Adds or replaces. `destination` defaults to the default route of the gateway's family. */
  async replaceRoute(route: {
    destination?: string;
    gateway?: string;
    link?: string | number;
    source?: string;
    onlink?: boolean;
  }): Promise<void> {
    const [data, attrs] = await this.#route(route);
    await this.#do(`add route ${route.destination ?? 'default'}`, () =>
      this.#socket.newRoute(data, attrs, { flags: CREATE | REPLACE, timeout: DEADLINE_MS }),
    );
  }

  /** Idempotent. */
  async deleteRoute(route: { destination?: string; gateway?: string; link?: string | number }): Promise<void> {
    const [data, attrs] = await this.#route(route);
    delete data.scope;
    delete data.protocol;
    await this.#do(`delete route ${route.destination ?? 'default'}`, () => this.#socket.delRoute(data, attrs, { timeout: DEADLINE_MS }), [
      'ESRCH',
      'ENODEV',
    ]);
  }

  /** Unicast routes of the main table. */
  async routes(): Promise<Route[]> {
    const found = await this.#do('list routes', () => this.#socket.getRoutes({}, {}, { timeout: DEADLINE_MS }));
    return found.flatMap(({ data, attrs }) => {
      if (data.table !== 254 || (data.type !== 1 && data.type !== 'UNICAST')) return [];
      const any = data.family === 2 ? '0.0.0.0' : '::';
      return [
        {
          destination: `${attrs.dst ? addressText(attrs.dst) : any}/${data.dstLen ?? 0}`,
          linkIndex: attrs.oif ?? 0,
          ...(attrs.gateway ? { gateway: addressText(attrs.gateway) } : {}),
          ...(attrs.prefsrc ? { source: addressText(attrs.prefsrc) } : {}),
        },
      ];
    });
  }

  /** Adds or replaces a permanent neighbour (an ARP entry; with `bridge`, a forwarding entry of a vxlan or bridge). */
  async replaceNeighbour(link: string | number, entry: { address?: string; mac: string; bridge?: boolean }): Promise<void> {
    const [data, attrs] = await this.#neighbour(link, entry);
    await this.#do(`add neighbour ${entry.mac}`, () =>
      this.#socket.newNeighbor(data, attrs, { flags: CREATE | REPLACE, timeout: DEADLINE_MS }),
    );
  }

  async deleteNeighbour(link: string | number, entry: { address?: string; mac: string; bridge?: boolean }): Promise<void> {
    const [data, attrs] = await this.#neighbour(link, entry);
    await this.#do(`delete neighbour ${entry.mac}`, () => this.#socket.delNeighbor(data, attrs, { timeout: DEADLINE_MS }), ['ENOENT']);
  }

  async #index(link: string | number): Promise<number> {
    if (typeof link === 'number') return link;
    const found = await this.link(link);
    if (!found) throw new NetlinkError(`find link ${link}`, 'ENODEV', undefined);
    return found.index;
  }

  async #address(link: string | number, { address, prefix, family }: Cidr): Promise<[rt.Address, rt.AddressAttrs]> {
    const bytes = addressBytes(address);
    const attrs: rt.AddressAttrs = { local: bytes, address: bytes };
    const broadcast = broadcastOf(bytes, prefix);
    if (broadcast) attrs.broadcast = broadcast;
    return [{ family: family === 4 ? 2 : 10, prefixlen: prefix, index: await this.#index(link) }, attrs];
  }

  async #route(route: {
    destination?: string;
    gateway?: string;
    link?: string | number;
    source?: string;
    onlink?: boolean;
  }): Promise<[rt.Route, rt.RouteAttrs]> {
    const any = route.gateway?.includes(':') ? '::/0' : '0.0.0.0/0';
    const { address, prefix, family } = parseCidr(route.destination ?? any);
    const data: rt.Route = {
      family: family === 4 ? 2 : 10,
      dstLen: prefix,
      table: 254,
      protocol: 'STATIC',
      scope: route.gateway || family === 6 ? 'UNIVERSE' : 'LINK',
      type: 'UNICAST',
    };
    if (route.onlink) data.flags = { __unknown: 4 } as rt.RouteFlags;
    const attrs: rt.RouteAttrs = {};
    if (prefix > 0) attrs.dst = addressBytes(address);
    if (route.gateway) attrs.gateway = addressBytes(route.gateway);
    if (route.link !== undefined) attrs.oif = await this.#index(route.link);
    if (route.source) attrs.prefsrc = addressBytes(route.source);
    return [data, attrs];
  }

  async #neighbour(
    link: string | number,
    entry: { address?: string; mac: string; bridge?: boolean },
  ): Promise<[rt.Neighbor, rt.NeighborAttrs]> {
    const family = entry.bridge ? AF_BRIDGE : entry.address?.includes(':') ? 10 : 2;
    const data: rt.Neighbor = { family, ifindex: await this.#index(link), state: { permanent: true } as rt.NeighborState };
    if (entry.bridge) data.flags = { self: true };
    const attrs: rt.NeighborAttrs = { lladdr: macBytes(entry.mac) };
    if (entry.address) attrs.dst = addressBytes(entry.address);
    return [data, attrs];
  }

  async #do<T>(operation: string, work: () => Promise<T[]>, tolerated: readonly string[] = []): Promise<T[]> {
    try {
      return await work();
    } catch (error) {
      const code = codeOf(error);
      if (tolerated.includes(code)) return [];
      throw new NetlinkError(operation, code, error);
    }
  }
}

/** The package tells the errno's name only in the text of its error. */
function codeOf(error: unknown): string {
  if (error instanceof NetlinkError) return error.code;
  return (
    /rejected: (\w+)/.exec(error instanceof Error ? error.message : '')?.[1] ?? (error instanceof Error ? error.message : String(error))
  );
}

function toLink({ data, attrs }: rt.LinkMessage): Link {
  const stats = attrs.stats64;
  return {
    index: data.index ?? 0,
    name: attrs.ifname ?? '',
    kind: linkKind(attrs.linkinfo),
    up: data.flags?.up === true,
    mtu: attrs.mtu ?? 0,
    mac: macText(attrs.address),
    master: attrs.master ?? 0,
    ...(stats
      ? {
          stats: {
            rxBytes: Number(stats.rxBytes),
            rxPackets: Number(stats.rxPackets),
            rxErrors: Number(stats.rxErrors),
            rxDropped: Number(stats.rxDropped),
            txBytes: Number(stats.txBytes),
            txPackets: Number(stats.txPackets),
            txErrors: Number(stats.txErrors),
            txDropped: Number(stats.txDropped),
          },
        }
      : {}),
  };
}
