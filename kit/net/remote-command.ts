// Accepts exec and attach sessions over WebSocket or SPDY/3.1.
import type { Duplex } from 'node:stream';
import type { RemoteCommand, UpgradeRequest, WantedStreams } from './streams.ts';

/**
 * Answers the upgrade and resolves once the streams that `wanted` names are there.
 * On refusal it writes the HTTP error to the socket, closes it and rejects. Deadline for the streams: 30 s.
 */
export async function acceptRemoteCommand(
  request: UpgradeRequest,
  socket: Duplex,
  head: Uint8Array,
  wanted: WantedStreams,
): Promise<RemoteCommand> {
  throw new Error(`not there yet: ${request.url} ${socket.readable} ${head.length} ${wanted.tty}`);
}
