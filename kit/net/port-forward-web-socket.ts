// Port-forward over plain WebSocket, as browsers and most clients other than kubectl do it: two channels a port.
// Upstream's form: channel 2i carries the i-th port's data, 2i+1 its error; the server begins both with the port's number.
import { Duplex, type Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { channelWriter, codecOf, onMessage } from './channels.ts';
import type { ForwardedPort, UpgradeRequest } from './streams.ts';
import { acceptWebSocket, NORMAL_CLOSURE } from './web-socket.ts';

export const CHANNEL_PROTOCOLS = ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io'];
/** The base64 form names a channel by one digit. */
const PORTS_MAX = 5;

/** The ports of the URL's query. Undefined when there are none, too many, or one that is no port. */
export function portsOf(request: UpgradeRequest): number[] | undefined {
  const ports = new URL(request.url ?? '/', 'http://pod').searchParams.getAll('port').map(Number);
  const valid = ports.every((port) => Number.isInteger(port) && port >= 1 && port <= 65535);
  return valid && ports.length >= 1 && ports.length <= PORTS_MAX ? ports : undefined;
}

/** A channel's bytes as a stream. What is not read stops the whole connection. */
class ChannelDuplex extends Duplex {
  readonly #webSocket: WebSocket;
  readonly #writer: Writable;

  constructor(webSocket: WebSocket, writer: Writable) {
    super({ allowHalfOpen: true });
    this.#webSocket = webSocket;
    this.#writer = writer;
    this.on('error', () => {}); // the session's end is told by the socket's close
  }

  deliver(data: Buffer): void {
    if (!this.destroyed && !this.writableEnded && !this.push(data)) this.#webSocket.pause();
  }

  override _read(): void {
    this.#webSocket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#writer.write(chunk, done);
  }

  /** A channel has no half-close: when the pod has said all, the connection is over. */
  override _final(done: (error?: Error | null) => void): void {
    this.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#webSocket.resume();
    done(error);
  }
}

/** Answers 101; the connections end with the socket, and the socket with the last of them. */
export async function acceptOverChannels(
  request: UpgradeRequest,
  socket: Duplex,
  head: Uint8Array,
  protocol: string,
  ports: readonly number[],
): Promise<{ webSocket: WebSocket; connections: ForwardedPort[] }> {
  const webSocket = await acceptWebSocket(request, socket, head, protocol);
  const codec = codecOf(protocol);
  let open = ports.length;
  const connections = ports.map((port, at) => {
    const errors = channelWriter(webSocket, codec, 2 * at + 1);
    const data = new ChannelDuplex(webSocket, channelWriter(webSocket, codec, 2 * at));
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port);
    data.write(number);
    errors.write(number);
    data.once('close', () => {
      if (--open === 0) webSocket.close(NORMAL_CLOSURE);
    });
    return {
      port,
      data,
      fail: (message: string) => void errors.end(message, () => data.destroy()),
    };
  });
  onMessage(webSocket, codec, (channel, bytes) => {
    if (channel % 2 === 0) connections[channel / 2]?.data.deliver(bytes);
  });
  webSocket.once('close', () => {
    for (const { data } of connections) data.destroy();
  });
  return { webSocket, connections };
}
