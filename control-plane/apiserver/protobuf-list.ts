// A long list as protobuf: its items are measured, then written, a slice at a time with other work between.
import type { KubeObject } from '../../api/meta/index.ts';
import { ByteWriter, type ProtobufList } from '../../api/wire/index.ts';
import { Slices } from '../../kit/run/index.ts';
import type { ListBody } from './bodies.ts';
import { Item, itemOf } from './storage/item.ts';

const SLICE_BYTES = 120 * 1024;

/** `shaped`: what is shown of an object, when that is not the object itself. */
export async function* protobufPieces(
  form: ProtobufList,
  list: ListBody,
  shaped: ((object: KubeObject) => object) | undefined,
): AsyncIterable<Uint8Array> {
  yield form.head(await measured(form, list, shaped));
  let out = new ByteWriter(SLICE_BYTES * 2);
  for (let at = 0; at < list.length; at++) {
    const object = list.at(at);
    form.item(out, shaped?.(object) ?? object);
    if (out.length < SLICE_BYTES) continue;
    yield out.result();
    out = new ByteWriter(SLICE_BYTES * 2);
  }
  yield out.result();
  yield form.tail();
}

/** How long all items are together. Whole objects of the cache are measured once in their life. */
async function measured(form: ProtobufList, list: ListBody, shaped: ((object: KubeObject) => object) | undefined) {
  let sum = 0;
  let out = new ByteWriter(SLICE_BYTES * 2);
  const slices = new Slices();
  for (let at = 0; at < list.length; at++) {
    if (slices.over) await slices.next();
    const row = list.servable(at);
    const known = shaped ? undefined : row instanceof Item ? row : itemOf(row);
    if (known?.protobufBytes) {
      sum += known.protobufBytes;
      continue;
    }
    const object = row instanceof Item ? row.object : row;
    const before = out.length;
    form.item(out, shaped?.(object) ?? object);
    const bytes = out.length - before;
    if (known) known.protobufBytes = bytes;
    sum += bytes;
    if (out.length >= SLICE_BYTES) out = new ByteWriter(SLICE_BYTES * 2);
  }
  return sum;
}
