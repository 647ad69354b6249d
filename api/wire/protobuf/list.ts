// A list as protobuf, item by item: the whole is never in memory. Its length goes before it, so items are measured first.
import type { KubeList } from '../../meta/index.ts';
import { ByteWriter } from './bytes.ts';
import { encodeMessage } from './encode.ts';
import { beginEnvelope, endEnvelope, messageOfObject } from './envelope.ts';

export interface ProtobufList {
  /** All before the items; `itemBytes`: what {@link item} will write of all of them. */
  head(itemBytes: number): Uint8Array;
  item(out: ByteWriter, item: object): void;
  tail(): Uint8Array;
}

/** Undefined when there is no message for the list's kind. */
export function protobufList(list: Pick<KubeList, 'apiVersion' | 'kind' | 'metadata'>): ProtobufList | undefined {
  const message = messageOfObject(list);
  if (message === undefined) return undefined;
  return {
    head(itemBytes) {
      const metadata = new ByteWriter();
      encodeMessage(message, { metadata: list.metadata }, metadata);
      const out = new ByteWriter();
      beginEnvelope(out, list);
      out.varint(metadata.length + itemBytes);
      out.raw(metadata.result());
      return out.result();
    },
    item: (out, item) => encodeMessage(message, { items: [item] }, out),
    tail() {
      const out = new ByteWriter();
      endEnvelope(out);
      return out.result();
    },
  };
}
