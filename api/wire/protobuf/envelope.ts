// The envelope of Kubernetes' protobuf bodies: four magic bytes, then runtime.Unknown with the kind and the raw message.
import { definitionName } from '../../gen/index.ts';
import { apiVersionOf, parseApiVersion } from '../../meta/index.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { decodeMessage } from './decode.ts';
import { encodeMessage } from './encode.ts';
import { type Message, messageOf } from './message.ts';

export const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const MAGIC = Uint8Array.of(0x6b, 0x38, 0x73, 0x00);

export interface Envelope {
  apiVersion: string;
  kind: string;
  raw: ByteReader;
  contentType: string;
}

export const hasMagic = (bytes: Uint8Array): boolean => MAGIC.every((byte, at) => bytes[at] === byte);

/** Call after {@link hasMagic}. Throws WireError. */
export function openEnvelope(bytes: Uint8Array): Envelope {
  const reader = new ByteReader(bytes, MAGIC.length);
  const out: Envelope = { apiVersion: '', kind: '', raw: new ByteReader(bytes, bytes.length), contentType: '' };
  while (!reader.done) {
    const tag = reader.varint();
    if (tag >> 3 === 1) readTypeMeta(reader.part(), out);
    else if (tag >> 3 === 2) out.raw = reader.part();
    else if (tag >> 3 === 4) out.contentType = reader.string();
    else reader.skip(tag & 7);
  }
  return out;
}

function readTypeMeta(reader: ByteReader, out: Envelope): void {
  while (!reader.done) {
    const tag = reader.varint();
    if (tag >> 3 === 1) out.apiVersion = reader.string();
    else if (tag >> 3 === 2) out.kind = reader.string();
    else reader.skip(tag & 7);
  }
}

/** The object of an envelope, or undefined when its kind is not built in. Throws WireError. */
export function decodeEnvelope(envelope: Envelope): Record<string, unknown> | undefined {
  const name = definitionName({ ...parseApiVersion(envelope.apiVersion), kind: envelope.kind });
  if (name === undefined) return undefined;
  const object: Record<string, unknown> = { apiVersion: envelope.apiVersion, kind: envelope.kind };
  return decodeMessage(messageOf(name), envelope.raw, object);
}

/** The message of an object's kind; undefined: it has none. */
export function messageOfObject({ apiVersion, kind }: { apiVersion?: string; kind?: string }): Message | undefined {
  const name = definitionName({ ...parseApiVersion(apiVersion ?? ''), kind: kind ?? '' });
  return name === undefined ? undefined : messageOf(name);
}

/** What comes before the raw message's length. */
export function beginEnvelope(out: ByteWriter, { apiVersion, kind }: { apiVersion?: string; kind?: string }): void {
  out.raw(MAGIC);
  out.tag(1, 2);
  out.part((part) => {
    part.tag(1, 2);
    part.string(apiVersionOf(parseApiVersion(apiVersion ?? '')));
    part.tag(2, 2);
    part.string(kind ?? '');
  });
  out.tag(2, 2);
}

/** What comes after the raw message: no encoding, no type of its own. */
export function endEnvelope(out: ByteWriter): void {
  out.tag(3, 2);
  out.string('');
  out.tag(4, 2);
  out.string('');
}

/** Bytes of a built-in object; undefined when there is no message for its kind. */
export function encodeProtobuf(object: Record<string, unknown>): Uint8Array | undefined {
  const message = messageOfObject(object);
  if (message === undefined) return undefined;
  const out = new ByteWriter();
  beginEnvelope(out, object);
  out.part((part) => encodeMessage(message, object, part));
  endEnvelope(out);
  return out.result();
}
