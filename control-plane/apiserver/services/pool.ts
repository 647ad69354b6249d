// Numbers from a range, each held once: a lower band is left to those who ask for a certain one until the rest is used up.

/** Which numbers are held; several pools may share one. */
export interface Held {
  has(value: number): boolean;
  add(value: number): void;
  delete(value: number): void;
}

export class Pool {
  readonly #first: number;
  readonly #size: number;
  readonly #band: number;
  readonly #held: Held;
  readonly #random: (n: number) => number;

  /** `random(n)` gives a number in [0, n). */
  constructor(first: number, size: number, band: number, random: (n: number) => number, held: Held = new Set<number>()) {
    this.#first = first;
    this.#size = size;
    this.#band = Math.min(band, size);
    this.#random = random;
    this.#held = held;
  }

  contains(value: number): boolean {
    return value >= this.#first && value < this.#first + this.#size;
  }

  /** False when it is held already. */
  take(value: number): boolean {
    if (this.#held.has(value)) return false;
    this.#held.add(value);
    return true;
  }

  /** Any free one, undefined when all are held. */
  any(): number | undefined {
    return this.#anyIn(this.#band, this.#size) ?? this.#anyIn(0, this.#band);
  }

  release(value: number): void {
    this.#held.delete(value);
  }

  #anyIn(from: number, to: number): number | undefined {
    const span = to - from;
    if (span <= 0) return undefined;
    const start = this.#random(span);
    for (let step = 0; step < span; step++) {
      const value = this.#first + from + ((start + step) % span);
      if (this.take(value)) return value;
    }
    return undefined;
  }
}

/** Upstream's size of the lower band: min(max(16, size/step), max). */
export const bandOf = (size: number, step: number, max: number): number => Math.min(Math.max(16, Math.floor(size / step)), max);
