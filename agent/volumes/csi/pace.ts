// How often a driver is asked for the same thing of a volume that is in use.
import { backoffMs, type Clock } from '../../../kit/run/index.ts';

/** Upstream asks with each sync of a running pod, about once a minute. */
export const KEEP_MS = 60_000;
/** Upstream's back-off of what it does to a volume. */
const RETRY_MS = 500;
const RETRY_MAX_MS = 122_000;

interface Asked {
  failures: number;
  dueMs: number;
}

/** Keys are for the caller to forget: there are as many as things that are asked. */
export class Pace {
  readonly #clock: Clock;
  readonly #asked = new Map<string, Asked>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Also when it was never asked, as far as this agent knows. */
  isDue(key: string): boolean {
    return this.dueMs(key) <= this.#clock.nowMs();
  }

  dueMs(key: string): number {
    return this.#asked.get(key)?.dueMs ?? 0;
  }

  done(key: string): void {
    this.#asked.set(key, { failures: 0, dueMs: this.#clock.nowMs() + KEEP_MS });
  }

  failed(key: string): void {
    const failures = (this.#asked.get(key)?.failures ?? 0) + 1;
    this.#asked.set(key, { failures, dueMs: this.#clock.nowMs() + backoffMs(failures, RETRY_MS, RETRY_MAX_MS) });
  }

  /** Until it is forgotten. */
  never(key: string): void {
    this.#asked.set(key, { failures: 0, dueMs: Number.POSITIVE_INFINITY });
  }

  forget(key: string): void {
    this.#asked.delete(key);
  }
}
