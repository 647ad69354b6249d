// The rest of a request's body that nobody will read: an HTTP/1.1 client that is still sending must come to read its answer.
import type { IncomingMessage } from 'node:http';
import { systemClock } from '../../kit/run/index.ts';

/** Who sends on for longer than this, or more than this, does not read answers before its end. */
const REST_MS = 5_000;
const REST_MAX = 4 * 1024 * 1024;

/**
 * Resolves when the rest has come, or too much of it, or the client is gone. A socket that is closed with bytes unread in it resets the
 * connection, and the answer that lay there is lost to its reader (net/http waits a moment for the same reason).
 */
export async function discardRest(incoming: IncomingMessage): Promise<void> {
  const over = new AbortController();
  const stop = () => over.abort();
  let size = 0;
  const count = (chunk: Buffer) => {
    size += chunk.length;
    if (size > REST_MAX) stop();
  };
  incoming.on('data', count).once('end', stop).once('close', stop);
  if (incoming.complete || incoming.destroyed) stop();
  await systemClock.sleep(REST_MS, over.signal).catch(() => {});
  incoming.off('data', count).off('end', stop).off('close', stop);
}
