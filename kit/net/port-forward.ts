// Accepts port-forward sessions: SPDY/3.1, plain or tunnelled in a WebSocket, or a WebSocket's own channels.
import type { Duplex } from 'node:stream';
import { acceptOverChannels, CHANNEL_PROTOCOLS, portsOf } from './port-forward-web-socket.ts';
import { SpdySession, type SpdyStream } from './spdy.ts';
import type { ForwardedPort, UpgradeRequest } from './streams.ts';
import { acceptSpdy, chooseProtocol, headerOf, listOf, refuseUpgrade, wantsSpdy, wantsWebSocket } from './upgrade.ts';
import { acceptWebSocket, bytesOf } from './web-socket.ts';

const PROTOCOL = 'portforward.k8s.io';
const TUNNEL = `SPDY/3.1+${PROTOCOL}`;
/** Connections that wait to be taken. */
const WAITING_MAX = 1024;

async function transport(request: UpgradeRequest, socket: Duplex, head: Uint8Array): Promise<{ socket: Duplex; head: Uint8Array }> {
  socket.on('error', () => {});
  if (wantsWebSocket(request))
    return { socket: await bytesOf(await acceptWebSocket(request, socket, head, TUNNEL)), head: Buffer.alloc(0) };
  const offered = listOf(headerOf(request, 'x-stream-protocol-version'));
  if (wantsSpdy(request) && (offered.length === 0 || offered.includes(PROTOCOL))) {
    acceptSpdy(socket, PROTOCOL);
    return { socket, head };
  }
  const text = `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${PROTOCOL}]`;
  refuseUpgrade(socket, wantsSpdy(request) ? 403 : 400, text, [`X-Accept-Stream-Protocol-Versions: ${PROTOCOL}`]);
  throw new Error(`no common protocol in ${offered.join(', ')}`);
}

/** Error and data stream of one connection find each other by the request's id (old clients: by neighbouring stream ids). */
class Pairs {
  readonly #errors = new Map<string, SpdyStream>();

  /** The connection, once both streams are there. */
  offer(stream: SpdyStream): ForwardedPort | undefined {
    const { streamtype: type, port, requestid } = stream.headers;
    const key = requestid ?? String(type === 'error' ? stream.id : stream.id - 2);
    if (type === 'error') {
      if (this.#errors.size >= WAITING_MAX) stream.destroy();
      else this.#errors.set(key, stream);
      stream.once('close', () => this.#errors.delete(key));
      return undefined;
    }
    const error = this.#errors.get(key);
    const number = Number(port);
    if (type !== 'data' || !error || !(number >= 1 && number <= 65535)) {
      stream.destroy();
      return undefined;
    }
    this.#errors.delete(key);
    return connection(number, stream, error);
  }
}

function connection(port: number, data: SpdyStream, error: SpdyStream): ForwardedPort {
  error.resume();
  // The client waits for the end of the error stream to know that all went well.
  data.once('close', () => error.end());
  return {
    port,
    data,
    fail(message) {
      if (!error.destroyed) error.end(message);
      data.destroy();
    },
  };
}

/** Answers the upgrade; yields one item per connection that the client opens; ends when the client goes away or `signal` aborts. */
export async function* acceptPortForward(
  request: UpgradeRequest,
  socket: Duplex,
  head: Uint8Array,
  signal?: AbortSignal,
): AsyncGenerator<ForwardedPort> {
  if (wantsChannels(request)) yield* overChannels(request, socket, head, signal);
  else yield* overSpdy(request, socket, head, signal);
}

const protocolsOf = (request: UpgradeRequest): string[] => listOf(headerOf(request, 'sec-websocket-protocol'));

/** A WebSocket that does not carry SPDY. */
const wantsChannels = (request: UpgradeRequest): boolean => wantsWebSocket(request) && !protocolsOf(request).includes(TUNNEL);

async function* overChannels(
  request: UpgradeRequest,
  socket: Duplex,
  head: Uint8Array,
  signal: AbortSignal | undefined,
): AsyncGenerator<ForwardedPort> {
  socket.on('error', () => {});
  const offered = protocolsOf(request);
  const protocol = chooseProtocol(offered, CHANNEL_PROTOCOLS);
  if (protocol === undefined) {
    refuseUpgrade(
      socket,
      403,
      `unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${TUNNEL} ${CHANNEL_PROTOCOLS.join(' ')}]`,
    );
    throw new Error(`no common protocol in ${offered.join(', ')}`);
  }
  const ports = portsOf(request);
  if (!ports) {
    refuseUpgrade(socket, 400, 'query parameter "port" is required');
    throw new Error('no port to forward to');
  }
  const { webSocket, connections } = await acceptOverChannels(request, socket, head, protocol, ports);
  const stop = () => webSocket.terminate();
  signal?.addEventListener('abort', stop, { once: true });
  webSocket.once('close', () => signal?.removeEventListener('abort', stop));
  yield* connections;
}

async function* overSpdy(
  request: UpgradeRequest,
  socket: Duplex,
  head: Uint8Array,
  signal: AbortSignal | undefined,
): AsyncGenerator<ForwardedPort> {
  const accepted = await transport(request, socket, head);
  const waiting: ForwardedPort[] = [];
  let wake: (() => void) | undefined;
  const pairs = new Pairs();
  const session = new SpdySession(accepted.socket, accepted.head, 'server', (stream) => {
    const port = pairs.offer(stream);
    if (!port) return;
    if (waiting.length >= WAITING_MAX) port.fail('too many connections are waiting');
    else waiting.push(port);
    wake?.();
  });
  const over = signal ? AbortSignal.any([signal, session.signal]) : session.signal;
  over.addEventListener('abort', () => wake?.(), { once: true });
  try {
    while (!over.aborted) {
      const port = waiting.shift();
      if (port) yield port;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    session.close();
  }
}
