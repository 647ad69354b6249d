// Two connections joined: what one says, the other hears.
import type { Duplex } from 'node:stream';
import { systemClock } from '../../../kit/run/index.ts';

/** How long a joined connection may outlive its other half. */
const LINGER_MS = 5000;

/**
 * One direction; the end of `from` ends `to`, anything unexpected cuts it. Each piece is written when the one before it is: two that lay
 * together in one TLS record would be told to a client that polls its socket (Python's) as one, and it would wait for the second for ever.
 */
export function carry(from: Duplex, to: Duplex): void {
  from.on('data', (piece: Buffer) => {
    from.pause();
    to.write(piece, () => from.resume()); // an error of `to` destroys `from` below
  });
  from.once('end', () => to.end());
  from.once('error', () => to.destroy());
  to.once('error', () => from.destroy());
  from.once('close', () => {
    if (!from.readableEnded) to.destroy();
    // The other side may still send what nobody reads; closing at once could lose what it has not read of ours.
    else
      void systemClock.sleep(LINGER_MS).then(() => {
        to.destroy();
      });
  });
}
