// Protobuf messages of built-in kinds to their JSON form.
import { durationText, type Field, readJson, setKey } from '../../meta/index.ts';
import { type ByteReader, WireError } from './bytes.ts';
import { eitherOf, type Message, type MessageField, messageOf, SCHEMA_PROPS } from './message.ts';

type Json = Record<string, unknown>;
const utf8 = new TextDecoder();

/** Throws WireError for bytes that are no message of this form. Unknown numbers are skipped. */
export function decodeMessage(message: Message, reader: ByteReader, out: Json = {}): Json {
  while (!reader.done) {
    const tag = reader.varint();
    const number = Math.floor(tag / 8);
    const wireType = tag & 7;
    const found = message.byNumber.get(number);
    if (found) {
      readField(found, wireType, reader, out);
      continue;
    }
    const inlined = message.inlined.find((one) => one.number === number);
    if (inlined && wireType === 2) decodeMessage(inlined.message, reader.part(), out);
    else reader.skip(wireType);
  }
  return out;
}

function readField({ field, key, zero }: MessageField, wireType: number, reader: ByteReader, out: Json): void {
  if (field.type === 'map') {
    const map = (out[key] ??= {}) as Json;
    readEntry(field.items!, reader.part(), map);
  } else if (field.type === 'array' && field.boxed) {
    out[key] = readBoxed(field, reader.part());
  } else if (field.type === 'array') {
    const list = (out[key] ??= []) as unknown[];
    readItem(field.items!, wireType, reader, list);
  } else {
    const value = readValue(field, wireType, reader);
    // Go's encoder writes what is not set, too.
    if (zero === undefined || field.keep || value !== zero) out[key] = value;
  }
}

function readItem(items: Field, wireType: number, reader: ByteReader, list: unknown[]): void {
  if (wireType === 2 && (items.type === 'integer' || items.type === 'boolean')) {
    const packed = reader.part();
    while (!packed.done) list.push(readValue(items, 0, packed));
    return;
  }
  list.push(readValue(items, wireType, reader));
}

function readEntry(items: Field, entry: ByteReader, map: Json): void {
  let key = '';
  let value: unknown = null;
  while (!entry.done) {
    const tag = entry.varint();
    if (tag >> 3 === 1) key = entry.string();
    else if (tag >> 3 === 2) value = readValue(items, tag & 7, entry);
    else entry.skip(tag & 7);
  }
  setKey(map, key, value);
}

function readBoxed(field: Field, box: ByteReader): unknown[] {
  const list: unknown[] = [];
  while (!box.done) {
    const tag = box.varint();
    if (tag >> 3 === 1) readItem(field.items!, tag & 7, box, list);
    else box.skip(tag & 7);
  }
  return list;
}

function readValue(field: Field, wireType: number, reader: ByteReader): unknown {
  switch (field.type) {
    case 'string':
      return readString(field, reader);
    case 'integer':
      return expect(wireType, 0, reader).integer();
    case 'boolean':
      return expect(wireType, 0, reader).varint() !== 0;
    case 'number':
      return expect(wireType, 1, reader).double();
    case 'ref':
      return decodeMessage(messageOf(field.ref!), expect(wireType, 2, reader).part());
    case 'array':
      return readBoxed(field, expect(wireType, 2, reader).part());
    case 'any':
      return readAny(field.ref, expect(wireType, 2, reader).part());
    default:
      throw new WireError(`no wire form of ${field.type}`);
  }
}

function expect(found: number, wanted: number, reader: ByteReader): ByteReader {
  if (found !== wanted) throw new WireError(`proto: wrong wireType = ${found}`);
  return reader;
}

function readString(field: Field, reader: ByteReader): unknown {
  switch (field.format) {
    case undefined:
      return reader.string();
    case 'byte': {
      const bytes = reader.part().rest();
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
    }
    default:
      return readSpecial(field.format, numbered(reader.part()));
  }
}

/** Fields of a small message by number; length-delimited ones as bytes. */
function numbered(reader: ByteReader): Record<number, number | Uint8Array> {
  const out: Record<number, number | Uint8Array> = {};
  while (!reader.done) {
    const tag = reader.varint();
    if ((tag & 7) === 0) out[tag >> 3] = reader.varint();
    else if ((tag & 7) === 2) out[tag >> 3] = reader.part().rest();
    else reader.skip(tag & 7);
  }
  return out;
}

function readSpecial(format: Field['format'], parts: Record<number, number | Uint8Array>): unknown {
  const numberAt = (at: number): number => (typeof parts[at] === 'number' ? parts[at] : 0);
  const textAt = (at: number): string => (parts[at] instanceof Uint8Array ? utf8.decode(parts[at]) : '');
  if (format === 'quantity') return textAt(1) === '' ? '0' : textAt(1);
  if (format === 'int-or-string') return numberAt(1) === 1 ? textAt(3) : numberAt(2);
  if (format === 'duration') return durationText(numberAt(1));
  if (parts[1] === undefined && parts[2] === undefined) return null;
  const time = new Date(numberAt(1) * 1000).toISOString().slice(0, 19);
  return format === 'micro-time' ? `${time}.${String(Math.floor(numberAt(2) / 1000)).padStart(6, '0')}Z` : `${time}Z`;
}

/** RawExtension, FieldsV1 and JSON hold JSON text in field 1. */
function readAny(ref: string | undefined, reader: ByteReader): unknown {
  const either = eitherOf[ref ?? ''];
  if (either) return readEither(either, reader);
  const raw = numbered(reader)[1];
  if (!(raw instanceof Uint8Array) || raw.length === 0) return null;
  try {
    return readJson(utf8.decode(raw));
  } catch {
    throw new WireError('embedded object is not JSON');
  }
}

function readEither(either: 'array' | 'bool' | 'strings', reader: ByteReader): unknown {
  let schema: unknown;
  let allows: boolean | undefined;
  const list: unknown[] = [];
  const props = (): Json => decodeMessage(messageOf(SCHEMA_PROPS), reader.part());
  while (!reader.done) {
    const tag = reader.varint();
    const number = tag >> 3;
    if (either === 'bool' && number === 1) allows = reader.varint() !== 0;
    else if (number === (either === 'bool' ? 2 : 1)) schema = props();
    else if (number === 2) list.push(either === 'array' ? props() : reader.string());
    else reader.skip(tag & 7);
  }
  if (schema !== undefined) return schema;
  return either === 'bool' ? (allows ?? false) : list;
}
