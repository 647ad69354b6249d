// D-Bus messages (D-Bus specification 0.42, "Message Protocol"): a header with fields by number, and a body. Pure.
import { Reader, typesIn, type Value, type Variant, Writer } from './wire.ts';

export interface Message {
  type: 'call' | 'answer' | 'error' | 'signal';
  serial: number;
  path?: string;
  interface?: string;
  member?: string;
  /** Name of an error: `org.freedesktop.systemd1.NoSuchUnit`. */
  error?: string;
  /** The call that is answered. */
  replyTo?: number;
  /** Absent where nobody is in between. */
  destination?: string;
  signature?: string;
  body: readonly Value[];
}

const TYPES = ['call', 'answer', 'error', 'signal'] as const;
/** Fields by number, with their types. */
const FIELDS = [
  [1, 'path', 'o'],
  [2, 'interface', 's'],
  [3, 'member', 's'],
  [4, 'error', 's'],
  [5, 'replyTo', 'u'],
  [6, 'destination', 's'],
  [8, 'signature', 'g'],
] as const;
const LITTLE_ENDIAN = 'l'.charCodeAt(0);
const VERSION = 1;
const FIXED_BYTES = 16;
/** "The maximum length of a message": nobody sends us one, but a length that is wrong must not fill the memory. */
const BYTES_MAX = 128 << 20;

export function encodeMessage(message: Message): Buffer {
  const body = new Writer();
  for (const [index, type] of typesIn(message.signature ?? '').entries()) body.write(type, message.body[index]!);
  const writer = new Writer();
  const fields = FIELDS.flatMap(([number, name, type]) => (message[name] === undefined ? [] : [[number, [type, message[name]]]]));
  for (const byte of [LITTLE_ENDIAN, TYPES.indexOf(message.type) + 1, 0, VERSION]) writer.write('y', byte);
  writer.write('u', body.length);
  writer.write('u', message.serial);
  writer.write('a(yv)', fields as Value[]);
  writer.align(8);
  return Buffer.concat([writer.bytes(), body.bytes()]);
}

/** Bytes of the message that begins here; undefined: too few to say. @throws Error for what is no message */
export function messageLength(bytes: Buffer): number | undefined {
  if (bytes.length < FIXED_BYTES) return undefined;
  if (bytes[0] !== LITTLE_ENDIAN) throw new Error('not a little-endian D-Bus message');
  const fields = bytes.readUInt32LE(12);
  const length = Math.ceil((FIXED_BYTES + fields) / 8) * 8 + bytes.readUInt32LE(4);
  if (length > BYTES_MAX) throw new Error(`a D-Bus message of ${length} bytes`);
  return length;
}

export function decodeMessage(bytes: Buffer): Message {
  const reader = new Reader(bytes);
  const [, type = 0, , , , serial = 0] = reader.all('yyyyuu') as number[];
  const message: Message = { type: TYPES[type - 1] ?? 'signal', serial, body: [] };
  for (const [number, variant] of reader.read('a(yv)') as [number, Variant][]) {
    const field = FIELDS.find(([known]) => known === number);
    if (field) Object.assign(message, { [field[1]]: variant[1] });
  }
  reader.align(8);
  return { ...message, body: reader.all(message.signature ?? '') };
}
