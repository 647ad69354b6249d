// One alarm: rings at the time that was set last.
import type { Clock } from '../../kit/run/index.ts';

const LONGEST_MS = 2 ** 31 - 1;
/** Made once: an error of its own for each abort costs more than all the rest here. */
const SET_ANEW = new Error('the alarm was set anew');

export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #pending: { ringsAtMs: number; stop: AbortController } | undefined;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** The earliest of these times; none: it does not ring. A time that has passed rings soon. */
  set(timesMs: readonly (number | undefined)[]): void {
    const ringsAtMs = Math.min(...timesMs.filter((time) => time !== undefined));
    if (ringsAtMs === this.#pending?.ringsAtMs) return;
    this.#pending?.stop.abort(SET_ANEW);
    this.#pending = undefined;
    if (ringsAtMs === Number.POSITIVE_INFINITY) return;
    const pending = { ringsAtMs, stop: new AbortController() };
    this.#pending = pending;
    const ring = () => {
      if (this.#pending === pending) this.#pending = undefined;
      this.#ring();
    };
    const ms = Math.min(Math.max(1, ringsAtMs - this.#clock.nowMs()), LONGEST_MS);
    this.#clock.sleep(ms, pending.stop.signal).then(ring, () => {});
  }
}
