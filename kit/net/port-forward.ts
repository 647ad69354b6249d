// Accepts port-forward sessions over SPDY/3.1, plain or tunnelled in a WebSocket.
import type { Duplex } from 'node:stream';
import type { ForwardedPort, UpgradeRequest } from './streams.ts';

/** Answers the upgrade; yields one item per connection that the client opens; ends when the client goes away or `signal` aborts. */
export async function* acceptPortForward(
  request: UpgradeRequest,
  socket: Duplex,
  head: Uint8Array,
  signal?: AbortSignal,
): AsyncGenerator<ForwardedPort> {
  throw new Error(`not there yet: ${request.url} ${socket.readable} ${head.length} ${signal?.aborted}`);
}
