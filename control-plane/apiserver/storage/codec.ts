// Objects as bytes. Stored without resourceVersion (the store's revision says it); served with it put in, no second serialisation.
import { goJson, type KubeObject, type ObjectMeta, readJson } from '../../../api/meta/index.ts';

const text = new TextEncoder();
const META = Buffer.from('"metadata":{');
const [OPEN, CLOSE, QUOTE, BACKSLASH] = [0x7b, 0x7d, 0x22, 0x5c];

/** JSON with kind, apiVersion and metadata first and no resourceVersion. */
export function encodeStored(object: KubeObject): Uint8Array {
  const { kind, apiVersion, metadata, ...rest } = object;
  const { resourceVersion: _, ...meta } = metadata;
  return text.encode(goJson({ kind, apiVersion, metadata: meta, ...rest })); // not Buffer.from: a store copies views of a pool
}

/** What a revision adds at most: its field's name, quotes, sixteen digits, a comma. */
export const REVISION_BYTES_MAX = 40;

/** What clients get: the stored bytes with `"resourceVersion":"N"` as the first field of metadata. */
export function withRevision(stored: Uint8Array, revision: number): Buffer {
  const out = Buffer.allocUnsafe(stored.length + REVISION_BYTES_MAX);
  return out.subarray(0, writeItem(stored, revision, out, 0, false));
}

/** The same into `out` at `offset`; `bare`: without kind and apiVersion, which built-in kinds leave out in a list. Returns the offset after it. */
export function writeItem(stored: Uint8Array, revision: number, out: Buffer, offset: number, bare: boolean): number {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  const meta = bytes.indexOf(META);
  const at = meta + META.length;
  let end = offset;
  if (bare) out[end++] = 0x7b;
  end += bytes.copy(out, end, bare ? meta : 0, at);
  end += out.write(bytes[at] === 0x7d ? `"resourceVersion":"${revision}"` : `"resourceVersion":"${revision}",`, end, 'latin1');
  return end + bytes.copy(out, end, at);
}

/** Whether the bytes say that apiVersion, which stands before metadata. */
export function isStoredAs(stored: Uint8Array, apiVersion: string): boolean {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  return bytes.toString('latin1', 0, bytes.indexOf(META)).includes(`"apiVersion":"${apiVersion}"`);
}

const CREATED = Buffer.from('"creationTimestamp":"');
const RFC3339_SECONDS = '2006-01-02T15:04:05Z'.length;

/** When the object was made, told without decoding it: the first such field is metadata's, for in a string its quotes are escaped. */
export function createdAt(stored: Uint8Array): string | undefined {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  const at = bytes.indexOf(CREATED, bytes.indexOf(META));
  return at < 0 ? undefined : bytes.toString('latin1', at + CREATED.length, at + CREATED.length + RFC3339_SECONDS);
}

/** The object's metadata alone. */
export function decodeMetadata(stored: Uint8Array): ObjectMeta {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  const from = bytes.indexOf(META) + META.length - 1;
  return readJson(bytes.toString('utf8', from, endOfObject(bytes, from))) as ObjectMeta;
}

/** The index after the brace that closes the one at `from`. */
function endOfObject(bytes: Buffer, from: number): number {
  let depth = 0;
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === OPEN) depth++;
    else if (byte === CLOSE && --depth === 0) return at + 1;
    else if (byte === QUOTE) while (bytes[++at] !== QUOTE) if (bytes[at] === BACKSLASH) at++;
  }
  throw new Error('stored metadata has no end');
}

export const decodeStored = (stored: Uint8Array): KubeObject =>
  readJson(Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength).toString('utf8')) as KubeObject;
