// Accepts exec and attach sessions over WebSocket or SPDY/3.1.
import type { Duplex } from 'node:stream';
import { acceptOverSpdy } from './remote-command-spdy.ts';
import { acceptOverWebSocket } from './remote-command-web-socket.ts';
import type { RemoteCommand, UpgradeRequest, WantedStreams } from './streams.ts';
import { refuseUpgrade, wantsSpdy, wantsWebSocket } from './upgrade.ts';

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
  socket.on('error', () => {});
  const streams = { ...wanted, stderr: wanted.stderr && !wanted.tty };
  if (wantsWebSocket(request)) return acceptOverWebSocket(request, socket, head, streams);
  if (wantsSpdy(request)) return acceptOverSpdy(request, socket, head, streams);
  refuseUpgrade(socket, 400, 'Upgrade request required');
  throw new Error('neither WebSocket nor SPDY/3.1 was asked for');
}
