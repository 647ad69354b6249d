// Accepts a WebSocket on a raw socket. The library is loaded at the first use: most processes never need it.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import type { UpgradeRequest } from './streams.ts';

/** Status code of an end as agreed (RFC 6455 7.4.1). */
export const NORMAL_CLOSURE = 1000;
/** One frame's payload; clients send 32 kB at most. */
const MAX_PAYLOAD_BYTES = 4 << 20;

const servers = new Map<string, WebSocketServer>();

async function serverFor(protocol: string): Promise<WebSocketServer> {
  const known = servers.get(protocol);
  if (known) return known;
  const { WebSocketServer: Server } = await import('ws');
  const server = new Server({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_PAYLOAD_BYTES,
  });
  // The library refuses names with a slash (SPDY/3.1+portforward.k8s.io): it never sees the header, and we answer it.
  if (protocol !== '') server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  servers.set(protocol, server);
  return server;
}

/** Answers 101 with the sub-protocol `protocol`. Rejects, after an HTTP error to the client, when the handshake is malformed. */
export async function acceptWebSocket(request: UpgradeRequest, socket: Duplex, head: Uint8Array, protocol: string): Promise<WebSocket> {
  const server = await serverFor(protocol);
  return new Promise((resolve, reject) => {
    const refused = () => reject(new Error('the WebSocket handshake was refused'));
    socket.once('close', refused);
    server.handleUpgrade({ method: 'GET', ...pick(request) } as unknown as IncomingMessage, socket, Buffer.from(head), (webSocket) => {
      socket.off('close', refused);
      webSocket.on('error', () => {});
      resolve(webSocket);
    });
  });
}

const pick = ({ url, headers }: UpgradeRequest) => ({ url, headers: { ...headers, 'sec-websocket-protocol': undefined } });

/** The WebSocket's binary messages as one stream of bytes. */
export async function bytesOf(webSocket: WebSocket): Promise<Duplex> {
  const { createWebSocketStream } = await import('ws');
  return createWebSocketStream(webSocket);
}
