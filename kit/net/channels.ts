// The channels of a WebSocket: each message begins with the number of its channel.
import { Writable } from 'node:stream';
import type { WebSocket } from 'ws';

export interface Codec {
  encode(channel: number, data: Uint8Array): Buffer | string;
  decode(message: Buffer): { channel: number; data: Buffer };
}

const binary: Codec = {
  encode: (channel, data) => Buffer.concat([Buffer.from([channel]), data]),
  decode: (message) => ({ channel: message[0] as number, data: message.subarray(1) }),
};

/** Text messages: the channel as a digit, the data in base64. */
const base64: Codec = {
  encode: (channel, data) => `${channel}${Buffer.from(data).toString('base64')}`,
  decode: (message) => ({ channel: (message[0] as number) - 0x30, data: Buffer.from(message.subarray(1).toString('latin1'), 'base64') }),
};

export const codecOf = (protocol: string): Codec => (protocol.includes('base64') ? base64 : binary);

/** Calls `take` for each message that is not empty. */
export function onMessage(webSocket: WebSocket, codec: Codec, take: (channel: number, data: Buffer) => void): void {
  webSocket.on('message', (raw: Buffer | ArrayBuffer | Buffer[]) => {
    const message = Array.isArray(raw) ? Buffer.concat(raw) : Buffer.from(raw as Buffer);
    if (message.length === 0) return;
    const { channel, data } = codec.decode(message);
    take(channel, data);
  });
}

/** What is written leaves as messages of one channel, each when the socket took the one before. */
export function channelWriter(webSocket: WebSocket, codec: Codec, channel: number): Writable {
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => webSocket.send(codec.encode(channel, chunk), done),
  });
  stream.on('error', () => {}); // the session's end is told by its signal
  return stream;
}
