// IFLA_LINKINFO by hand: the npm package leaves it a raw buffer. Nested attributes for bridge, veth and vxlan.

/** One netlink attribute: length, type, payload padded to four bytes. */
export function attribute(type: number, payload: Uint8Array): Buffer {
  const length = 4 + payload.length;
  const out = Buffer.alloc((length + 3) & ~3);
  out.writeUInt16LE(length, 0);
  out.writeUInt16LE(type, 2);
  out.set(payload, 4);
  return out;
}

/** Splits a run of attributes into type -> payload. The nested flag is dropped from the type. */
export function parseAttributes(data: Buffer): Map<number, Buffer> {
  const out = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= data.length; ) {
    const length = data.readUInt16LE(at);
    if (length < 4 || at + length > data.length) break;
    out.set(data.readUInt16LE(at + 2) & 0x3fff, data.subarray(at + 4, at + length));
    at += (length + 3) & ~3;
  }
  return out;
}

const NESTED = 0x8000;
const text = (value: string): Buffer => Buffer.from(`${value}\0`);
const u8 = (value: number): Buffer => Buffer.of(value);
const u16be = (value: number): Buffer => {
  const out = Buffer.alloc(2);
  out.writeUInt16BE(value);
  return out;
};
const u32 = (value: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
};

export interface VethPeer {
  name: string;
  /** Open descriptor of the namespace the peer is made in; absent: the socket's. */
  netnsFd?: number;
  mac?: Uint8Array;
  mtu?: number;
}

export interface VxlanSpec {
  vni: number;
  /** Local address the tunnel leaves from. */
  local: Uint8Array;
  port: number;
  /** Index of the lower link. */
  linkIndex?: number;
}

/** IFLA_INFO_KIND plus data for a new veth pair. */
export function vethInfo(peer: VethPeer): Buffer {
  const parts = [Buffer.alloc(16), attribute(3, text(peer.name))];
  if (peer.mac) parts.push(attribute(1, peer.mac));
  if (peer.mtu) parts.push(attribute(4, u32(peer.mtu)));
  if (peer.netnsFd !== undefined) parts.push(attribute(28, u32(peer.netnsFd)));
  return Buffer.concat([attribute(1, text('veth')), attribute(2 | NESTED, attribute(1, Buffer.concat(parts)))]);
}

export const bridgeInfo = (): Buffer => attribute(1, text('bridge'));

export function vxlanInfo(spec: VxlanSpec): Buffer {
  const parts = [attribute(1, u32(spec.vni)), attribute(4, spec.local), attribute(15, u16be(spec.port)), attribute(7, u8(0))];
  if (spec.linkIndex !== undefined) parts.push(attribute(3, u32(spec.linkIndex)));
  return Buffer.concat([attribute(1, text('vxlan')), attribute(2 | NESTED, Buffer.concat(parts))]);
}

/** `veth`, `bridge`, ... of a received IFLA_LINKINFO. */
export function linkKind(info: Buffer | undefined): string | undefined {
  const kind = info && parseAttributes(info).get(1);
  return kind?.toString('latin1').replace(/\0+$/, '');
}

/** Settings of a bridge port, for a link that has its bridge already. */
export const bridgePortInfo = (options: { hairpin: boolean }): Buffer =>
  Buffer.concat([attribute(4, text('bridge')), attribute(5 | NESTED, attribute(4, u8(options.hairpin ? 1 : 0)))]);
