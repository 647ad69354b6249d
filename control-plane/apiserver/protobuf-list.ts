// A long list as protobuf: its items are measured, then written, a slice at a time with other work between.
import type { KubeObject } from '../../api/meta/index.ts';
import { ByteWriter, type ProtobufList } from '../../api/wire/index.ts';
import { nextTurn } from './flowcontrol/index.ts';
import { itemOf } from './storage/item.ts';

const SLICE_BYTES = 120 * 1024;

/** `shaped`: what is shown of an object, when that is not the object itself. */
export async function* protobufPieces(
  form: ProtobufList,
  items: readonly KubeObject[],
  shaped: ((object: KubeObject) => object) | undefined,
): AsyncIterable<Uint8Array> {
  yield form.head(await measured(form, items, shaped));
  let out = new ByteWriter(SLICE_BYTES * 2);
  for (const object of items) {
    form.item(out, shaped?.(object) ?? object);
    if (out.length < SLICE_BYTES) continue;
    yield out.result();
    out = new ByteWriter(SLICE_BYTES * 2);
  }
  yield out.result();
  yield form.tail();
}

/** How long all items are together. Whole objects of the cache are measured once in their life. */
async function measured(form: ProtobufList, items: readonly KubeObject[], shaped: ((object: KubeObject) => object) | undefined) {
  let sum = 0;
  let out = new ByteWriter(SLICE_BYTES * 2);
  for (const object of items) {
    const known = shaped ? undefined : itemOf(object);
    if (known?.protobufBytes) {
      sum += known.protobufBytes;
      continue;
    }
    const before = out.length;
    form.item(out, shaped?.(object) ?? object);
    const bytes = out.length - before;
    if (known) known.protobufBytes = bytes;
    sum += bytes;
    if (out.length < SLICE_BYTES) continue;
    out = new ByteWriter(SLICE_BYTES * 2);
    await nextTurn();
  }
  return sum;
}
