// Terminal sizes as they come: only the newest counts.
import type { TerminalSize } from './streams.ts';

export class TerminalSizes implements AsyncIterable<TerminalSize> {
  #latest: TerminalSize | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    if (signal.aborted) this.#ended = true;
    signal.addEventListener('abort', () => this.end(), { once: true });
  }

  /** `text`: `{"Width":80,"Height":24}`; what is not that is left out. */
  offer(text: string): void {
    try {
      const { Width: width, Height: height } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
      if (typeof width !== 'number' || typeof height !== 'number') return;
      this.#latest = { width, height };
      this.#wake?.();
    } catch {
      // Clients send nothing else; a terminal keeps its size.
    }
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TerminalSize> {
    for (;;) {
      const size = this.#latest;
      this.#latest = undefined;
      if (size) yield size;
      else if (this.#ended) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}
