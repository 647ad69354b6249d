// Rates from counters that are read now and then. What is not asked for any more is forgotten.

interface Known {
  value: number;
  atMs: number;
  rate: number | undefined;
}

/** Readings closer together than this share one rate. */
const WINDOW_MS = 1000;
const FORGET_AFTER_MS = 600_000;

export class Rates {
  readonly #known = new Map<string, Known>();
  #newestMs = 0;

  /** Undefined: nothing to compare with yet. A counter that went back starts over. */
  perSecond(key: string, value: number, atMs: number): number | undefined {
    this.#newestMs = Math.max(this.#newestMs, atMs);
    const before = this.#known.get(key);
    if (before && value >= before.value && atMs - before.atMs < WINDOW_MS) return before.rate;
    const rate = before && value >= before.value ? Math.round(((value - before.value) * 1000) / (atMs - before.atMs)) : undefined;
    this.#known.set(key, { value, atMs, rate });
    return rate;
  }

  forgetOld(): void {
    for (const [key, { atMs }] of this.#known) if (this.#newestMs - atMs > FORGET_AFTER_MS) this.#known.delete(key);
  }
}
