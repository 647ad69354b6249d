// The JSON form of built-in kinds to protobuf messages.
import { durationNanos, type Field, goJson } from '../../meta/index.ts';
import type { ByteWriter } from './bytes.ts';
import { eitherOf, type Message, messageOf, SCHEMA_PROPS } from './message.ts';

type Json = Record<string, unknown>;

/** Writes the fields that the message has; null and absent ones are left out, but for those with a zero value. */
export function encodeMessage(message: Message, object: Json, out: ByteWriter): void {
  for (const [key, { number, field, zero }] of message.byKey) {
    const value = object[key] ?? zero;
    if (value !== undefined && value !== null) writeField(field, number, value, out);
  }
  for (const { number, message: inner } of message.inlined) {
    out.tag(number, 2);
    out.part((part) => encodeMessage(inner, object, part));
  }
}

function writeField(field: Field, number: number, value: unknown, out: ByteWriter): void {
  if (field.type === 'map') {
    for (const key of Object.keys(value as Json).sort()) {
      out.tag(number, 2);
      out.part((entry) => {
        entry.tag(1, 2);
        entry.string(key);
        writeField(field.items!, 2, (value as Json)[key] ?? '', entry);
      });
    }
  } else if (field.type === 'array' && !field.boxed) {
    for (const item of value as unknown[]) writeField(field.items!, number, item, out);
  } else {
    writeValue(field, number, value, out);
  }
}

function writeValue(field: Field, number: number, value: unknown, out: ByteWriter): void {
  switch (field.type) {
    case 'integer':
    case 'boolean':
      out.tag(number, 0);
      out.varint(typeof value === 'bigint' ? value : Number(value));
      return;
    case 'number':
      out.tag(number, 1);
      out.double(Number(value));
      return;
    case 'string':
      out.tag(number, 2);
      writeString(field, value, out);
      return;
    case 'ref':
      out.tag(number, 2);
      out.part((part) => encodeMessage(messageOf(field.ref!), value as Json, part));
      return;
    case 'array':
      out.tag(number, 2);
      out.part((part) => {
        for (const item of value as unknown[]) writeField(field.items!, 1, item, part);
      });
      return;
    default:
      out.tag(number, 2);
      out.part((part) => writeAny(field.ref, value, part));
  }
}

function writeString(field: Field, value: unknown, out: ByteWriter): void {
  switch (field.format) {
    case undefined:
      out.string(String(value));
      return;
    case 'byte':
      out.bytes(Buffer.from(String(value), 'base64'));
      return;
    case 'quantity':
      out.part((part) => writeText(part, 1, String(value)));
      return;
    case 'int-or-string':
      out.part((part) => {
        writeNumber(part, 1, typeof value === 'string' ? 1 : 0);
        writeNumber(part, 2, typeof value === 'number' ? value : 0);
        writeText(part, 3, typeof value === 'string' ? value : '');
      });
      return;
    case 'duration':
      out.part((part) => writeNumber(part, 1, durationNanos(String(value)) ?? 0));
      return;
    default:
      out.part((part) => writeTime(String(value), part));
  }
}

function writeNumber(out: ByteWriter, number: number, value: number): void {
  out.tag(number, 0);
  out.varint(value);
}

function writeText(out: ByteWriter, number: number, value: string): void {
  out.tag(number, 2);
  out.string(value);
}

function writeTime(text: string, out: ByteWriter): void {
  writeNumber(out, 1, Math.floor(Date.parse(text) / 1000));
  const micros = /\.(\d{6})/.exec(text)?.[1];
  writeNumber(out, 2, micros === undefined ? 0 : Number(micros) * 1000);
}

function writeAny(ref: string | undefined, value: unknown, out: ByteWriter): void {
  const either = eitherOf[ref ?? ''];
  const props = (number: number, schema: unknown): void => {
    out.tag(number, 2);
    out.part((part) => encodeMessage(messageOf(SCHEMA_PROPS), schema as Json, part));
  };
  if (!either) writeText(out, 1, goJson(value));
  else if (Array.isArray(value)) for (const item of value) either === 'array' ? props(2, item) : writeText(out, 2, String(item));
  else if (typeof value === 'boolean') writeNumber(out, 1, Number(value));
  else {
    if (either === 'bool') writeNumber(out, 1, 1);
    props(either === 'bool' ? 2 : 1, value);
  }
}
