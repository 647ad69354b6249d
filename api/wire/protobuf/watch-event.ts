// Events of a protobuf watch: each a frame of its length and a WatchEvent that holds the object with its own envelope.
import { ByteWriter } from './bytes.ts';
import { encodeProtobuf } from './envelope.ts';

const LENGTH_BYTES = 4;

/** The object's kind must have a message. */
export function watchFrame(type: string, object: Record<string, unknown>): Uint8Array {
  const out = new ByteWriter();
  out.tag(1, 2);
  out.string(type);
  out.tag(2, 2);
  out.part((extension) => {
    extension.tag(1, 2);
    extension.bytes(encodeProtobuf(object)!);
  });
  const event = out.result();
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + event.length);
  frame.writeUInt32BE(event.length);
  frame.set(event, LENGTH_BYTES);
  return frame;
}
