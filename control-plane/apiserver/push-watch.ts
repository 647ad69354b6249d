// A watch on its way out: events go straight into the answer's own buffer; a client that lets it fill is cut off.
import type { Writable } from 'node:stream';
import { drained, nextTurn } from '../../kit/run/index.ts';
import type { Seen } from './bodies.ts';
import type { WatchLines } from './watch-lines.ts';

/** A watcher may lag by so many bytes before it is cut off; initial events wait from the first figure on. */
const PAUSE_BYTES = 128 << 10;
const CUT_BYTES = 16 << 20;

/** `cut` ends the answer of a client that lags. */
export function pushWatch(outgoing: Writable, lines: WatchLines, signal: AbortSignal, cut: () => void): void {
  const stop = lines.watch.start({
    event(seen: Seen): boolean {
      outgoing.write(lines.line(seen));
      const behind = outgoing.writableLength;
      if (behind > CUT_BYTES) {
        stop(true);
        cut();
      }
      return behind < PAUSE_BYTES;
    },
    async ready() {
      await drained(outgoing, signal);
      await nextTurn();
    },
    end: () => outgoing.end(),
  });
  if (signal.aborted) stop();
  else signal.addEventListener('abort', () => stop(), { once: true });
}

/** What the watch holds is let go: nobody reads it. */
export function dropWatch(lines: WatchLines): void {
  lines.watch.start({ event: () => true, ready: async () => {}, end: () => {} })();
}
