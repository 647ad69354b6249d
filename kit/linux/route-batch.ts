// Several changes of links, addresses and routes in one system call, for what is done with every pod: rtnetlink works through all parts of
// a message before send(2) returns, and its answers lie ready then. Everything else is in netlink.ts.
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { addressBytes, broadcastOf, macBytes, parseCidr } from './address.ts';
import { attribute, bridgePortInfo, vethInfo } from './link-info.ts';
import { inNetns } from './namespaces.ts';
import { NetlinkError } from './netlink.ts';
import { openRouteSocket, receiveNow, sendNow } from './syscalls.ts';

/** One change, or one question, of a batch. */
export interface RouteRequest {
  /** For the text of its error. */
  operation: string;
  /** RTM_NEWLINK, ... of rtnetlink(7). */
  type: number;
  flags: number;
  body: Buffer;
}

const [NEW_LINK, GET_LINK, NEW_ADDRESS, NEW_ROUTE] = [16, 18, 20, 24];
const [REQUEST, ACK, REPLACE, EXCL, CREATE] = [0x1, 0x4, 0x100, 0x200, 0x400];
const IFF_UP = 1;
const [AF_INET, AF_INET6] = [2, 10];
const [IFLA_IFNAME, IFLA_MTU, IFLA_MASTER, IFLA_LINKINFO] = [3, 4, 10, 18];
const [IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST] = [1, 2, 4];
const [RTA_OIF, RTA_GATEWAY] = [4, 5];
const HEADER_BYTES = 16;
const NLMSG_ERROR = 2;

/** A veth pair, up on this side; the peer goes at once into the namespace behind the descriptor. EEXIST where the name is taken. */
export function createVeth(
  name: string,
  veth: { mtu: number; master: number; peer: { name: string; netnsFd: number; mac: string } },
): RouteRequest {
  const { mtu, master, peer } = veth;
  const info = vethInfo({ ...peer, mac: macBytes(peer.mac), mtu });
  const attributes = [attribute(IFLA_IFNAME, text(name)), attribute(IFLA_MTU, u32(mtu)), attribute(IFLA_MASTER, u32(master))];
  return {
    operation: `create link ${name}`,
    type: NEW_LINK,
    flags: CREATE | EXCL,
    body: Buffer.concat([linkHeader(0, true), ...attributes, attribute(IFLA_LINKINFO, info)]),
  };
}

/** Lets a port of a bridge send frames back to where they came from. */
export const setHairpin = (name: string): RouteRequest => ({
  operation: `set hairpin of ${name}`,
  type: NEW_LINK,
  flags: 0,
  body: Buffer.concat([
    linkHeader(0, false),
    attribute(IFLA_IFNAME, text(name)),
    attribute(IFLA_LINKINFO, bridgePortInfo({ hairpin: true })),
  ]),
});

export const setUp = (index: number): RouteRequest => ({
  operation: `set link ${index} up`,
  type: NEW_LINK,
  flags: 0,
  body: linkHeader(index, true),
});

/** Answered with the link's index. */
export const findLink = (name: string): RouteRequest => ({
  operation: `get link ${name}`,
  type: GET_LINK,
  flags: 0,
  body: Buffer.concat([linkHeader(0, false), attribute(IFLA_IFNAME, text(name))]),
});

/** `10.0.0.2/24`; one that is there already is fine. */
export function addAddress(index: number, cidr: string): RouteRequest {
  const { address, prefix, family } = parseCidr(cidr);
  const bytes = addressBytes(address);
  const header = Buffer.alloc(8);
  header.set([family === 4 ? AF_INET : AF_INET6, prefix]);
  header.writeUInt32LE(index, 4);
  const attributes = [attribute(IFA_LOCAL, bytes), attribute(IFA_ADDRESS, bytes)];
  const broadcast = broadcastOf(bytes, prefix);
  if (broadcast) attributes.push(attribute(IFA_BROADCAST, broadcast));
  return { operation: `add address ${cidr}`, type: NEW_ADDRESS, flags: CREATE | REPLACE, body: Buffer.concat([header, ...attributes]) };
}

/** All that is not nearer goes to the gateway. */
export function setDefaultRoute(index: number, gateway: string): RouteRequest {
  const [MAIN_TABLE, STATIC, UNIVERSE, UNICAST] = [254, 4, 0, 1];
  const family = gateway.includes(':') ? AF_INET6 : AF_INET;
  const header = Buffer.from([family, 0, 0, 0, MAIN_TABLE, STATIC, UNIVERSE, UNICAST, 0, 0, 0, 0]);
  const attributes = [attribute(RTA_GATEWAY, addressBytes(gateway)), attribute(RTA_OIF, u32(index))];
  return { operation: 'add route default', type: NEW_ROUTE, flags: CREATE | REPLACE, body: Buffer.concat([header, ...attributes]) };
}

/** A socket into one network namespace. Close it, or use `using`. */
export class RouteSocket implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Into the present namespace, or into `netns` (file or descriptor). */
  static open(netns?: string | number): RouteSocket {
    return new RouteSocket(netns === undefined ? openRouteSocket() : inNetns(netns, openRouteSocket));
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /**
   * Those after one that failed are tried too.
   * @returns the index of the link that each was answered with, 0 where there was none
   * @throws NetlinkError of the first that failed
   */
  run(...requests: RouteRequest[]): number[] {
    sendNow(this.#fd, Buffer.concat(requests.map(messageOf)));
    const links = requests.map(() => 0);
    const errors = new Map<number, number>();
    for (let left = requests.length; left > 0; )
      for (const { type, sequence, body } of messagesIn(receiveNow(this.#fd))) {
        if (type === NEW_LINK) links[sequence] = body.readInt32LE(4);
        if (type !== NLMSG_ERROR) continue;
        const errno = -body.readInt32LE(0);
        if (errno !== 0) errors.set(sequence, errno);
        left--;
      }
    for (const [at, { operation }] of requests.entries()) {
      const errno = errors.get(at);
      if (errno !== undefined) throw new NetlinkError(operation, errnoName(errno), undefined);
    }
    return links;
  }
}

function messageOf({ type, flags, body }: RouteRequest, sequence: number): Buffer {
  const length = HEADER_BYTES + body.length;
  const out = Buffer.alloc((length + 3) & ~3);
  out.writeUInt32LE(length, 0);
  out.writeUInt16LE(type, 4);
  out.writeUInt16LE(flags | REQUEST | ACK, 6);
  out.writeUInt32LE(sequence, 8);
  out.set(body, HEADER_BYTES);
  return out;
}

function* messagesIn(data: Buffer): Generator<{ type: number; sequence: number; body: Buffer }> {
  for (let at = 0; at + HEADER_BYTES <= data.length; ) {
    const length = data.readUInt32LE(at);
    if (length < HEADER_BYTES) return;
    yield { type: data.readUInt16LE(at + 4), sequence: data.readUInt32LE(at + 8), body: data.subarray(at + HEADER_BYTES, at + length) };
    at += (length + 3) & ~3;
  }
}

const text = (value: string): Buffer => Buffer.from(`${value}\0`);

/** struct ifinfomsg. */
function linkHeader(index: number, up: boolean): Buffer {
  const out = Buffer.alloc(16);
  out.writeInt32LE(index, 4);
  if (up) for (const offset of [8, 12]) out.writeUInt32LE(IFF_UP, offset); // flags, and which of them change
  return out;
}

function u32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}

const errnoName = (errno: number): string => Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
