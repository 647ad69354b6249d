// Objects as bytes. Stored without resourceVersion (the store's revision says it); served with it put in, no second serialisation.
import type { KubeObject } from '../../../api/meta/index.ts';

const text = new TextEncoder();
const META = Buffer.from('"metadata":{');

/** JSON with kind, apiVersion and metadata first and no resourceVersion. */
export function encodeStored(object: KubeObject): Uint8Array {
  const { kind, apiVersion, metadata, ...rest } = object;
  const { resourceVersion: _, ...meta } = metadata;
  return text.encode(JSON.stringify({ kind, apiVersion, metadata: meta, ...rest })); // not Buffer.from: a store copies views of a pool
}

/** What clients get: the stored bytes with `"resourceVersion":"N"` as the first field of metadata. */
export function withRevision(stored: Uint8Array, revision: number): Buffer {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  const at = bytes.indexOf(META) + META.length;
  const inserted = bytes[at] === 0x7d ? `"resourceVersion":"${revision}"` : `"resourceVersion":"${revision}",`;
  const out = Buffer.allocUnsafe(bytes.length + inserted.length);
  bytes.copy(out, 0, 0, at);
  out.write(inserted, at, 'latin1');
  bytes.copy(out, at + inserted.length, at);
  return out;
}

export const decodeStored = (stored: Uint8Array): KubeObject =>
  JSON.parse(Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength).toString('utf8')) as KubeObject;

/** Bytes of items in a typed list: the same without kind and apiVersion, which built-in kinds leave out there. */
export function itemBytes(json: Buffer): Buffer {
  const at = json.indexOf('"metadata":');
  return at < 0 ? json : json.subarray(at);
}
