// Tells readers what happened to containers. Each reader has a bounded queue; one that falls behind is ended, and lists again.
import type { CriEvent } from './cri.ts';

const QUEUED_MAX = 10_000;

export class EventHub {
  readonly #readers = new Set<(event: CriEvent) => void>();

  emit(event: CriEvent): void {
    for (const reader of this.#readers) reader(event);
  }

  /** From the call on (not from the first read), until the signal aborts or the queue overflows. */
  subscribe(signal: AbortSignal): AsyncIterable<CriEvent> {
    const queue: CriEvent[] = [];
    let wake = () => {};
    let overflown = false;
    const reader = (event: CriEvent) => {
      if (queue.length < QUEUED_MAX) queue.push(event);
      else overflown = true;
      wake();
    };
    const leave = () => {
      this.#readers.delete(reader);
      wake();
    };
    this.#readers.add(reader);
    signal.addEventListener('abort', leave, { once: true });
    return (async function* () {
      try {
        while (!signal.aborted) {
          yield* queue.splice(0);
          if (overflown) throw new Error(`event reader fell ${QUEUED_MAX} events behind`);
          if (signal.aborted || queue.length > 0) continue;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        signal.removeEventListener('abort', leave);
        leave();
      }
    })();
  }
}
