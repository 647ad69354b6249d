// Writes that were counted and are not stored yet, by namespace: a count of what is stored must wait until there are none.
import type { Clock } from '../../../../kit/run/index.ts';

export class Flights {
  readonly #open = new Map<string, number>();
  readonly #waiting = new Map<string, () => void>();

  begin(namespace: string): void {
    this.#open.set(namespace, (this.#open.get(namespace) ?? 0) + 1);
  }

  end(namespace: string): void {
    const left = (this.#open.get(namespace) ?? 1) - 1;
    if (left > 0) return void this.#open.set(namespace, left);
    this.#open.delete(namespace);
    this.#waiting.get(namespace)?.();
  }

  /** Whether all have ended in time. One at a time may wait for a namespace. */
  async landed(namespace: string, timeoutMs: number, clock: Clock): Promise<boolean> {
    if (!this.#open.has(namespace)) return true;
    const over = new AbortController();
    const ended = new Promise<boolean>((resolve) => this.#waiting.set(namespace, () => resolve(true)));
    const late = clock.sleep(timeoutMs, over.signal).then(
      () => false,
      () => false,
    );
    try {
      return await Promise.race([ended, late]);
    } finally {
      this.#waiting.delete(namespace);
      over.abort();
    }
  }
}
