// One alarm: rings at the time that was set last.
import type { Clock } from '../../kit/run/index.ts';

const LONGEST_MS = 2 ** 31 - 1;

export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #pending: AbortController | undefined;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** The earliest of these times; none: it does not ring. A time that has passed rings soon. */
  set(timesMs: readonly (number | undefined)[]): void {
    this.#pending?.abort();
    const known = timesMs.filter((time) => time !== undefined);
    if (known.length === 0) return;
    const pending = new AbortController();
    this.#pending = pending;
    const ms = Math.min(Math.max(1, Math.min(...known) - this.#clock.nowMs()), LONGEST_MS);
    this.#clock.sleep(ms, pending.signal).then(this.#ring, () => {});
  }
}
