// A key in, an outcome out. The key carries no event and no object: the reconcile function reads the world afresh.
import { backoffMs, type Clock, Slices, systemClock } from '../run/index.ts';

export type Outcome = { done: true } | { retryAfterMs: number };
export type Reconcile = (key: string, signal: AbortSignal) => Promise<Outcome>;

export const done: Outcome = { done: true };

/** Timers cannot be set for longer; a key that comes early is looked at once more than needed. */
const LONGEST_MS = 2 ** 31 - 1;

/** Thrown by a reconcile: told to `onError`, not retried until the key is added again. */
export class Permanent extends Error {}

export interface ReconcilerOptions {
  reconcile: Reconcile;
  /** Keys that are worked on at the same time; one key never twice. */
  workersMax: number;
  signal: AbortSignal;
  onError(key: string, error: unknown): void;
  /** Back-off of a failing key, in milliseconds. Default 5 doubling to 30,000. */
  backoff?: { baseMs: number; maxMs: number };
  clock?: Clock;
}

/**
 * The one place where outcomes become queue operations. What waits is bounded by the number of distinct keys:
 * a key that is added again while it waits is one entry, while it runs it is run once more afterwards.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #clock: Clock;
  readonly #dirty = new Set<string>();
  readonly #busy = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #later = new Map<string, { atMs: number; stop: AbortController }>();
  /** A reconcile that finds nothing to do waits for nothing: without these, thousands of keys would be one turn of the event loop. */
  readonly #slices = new Slices();
  #pumpAsked = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    options.signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  /** Keys that wait, now or for a later time. */
  get waiting(): number {
    return this.#dirty.size + this.#later.size;
  }

  add(key: string): void {
    this.#dirty.add(key);
    if (this.#pumpAsked) return;
    this.#pumpAsked = true;
    queueMicrotask(() => this.#pump());
  }

  /** Adds the key after `ms`, unless it is to be added sooner. */
  addAfter(key: string, ms: number): void {
    const waitMs = Math.min(ms, LONGEST_MS);
    const atMs = this.#clock.nowMs() + waitMs;
    const planned = this.#later.get(key);
    if ((planned && planned.atMs <= atMs) || this.#options.signal.aborted) return;
    planned?.stop.abort();
    const stop = new AbortController();
    this.#later.set(key, { atMs, stop });
    this.#clock.sleep(waitMs, stop.signal).then(
      () => {
        this.#later.delete(key);
        this.add(key);
      },
      () => {}, // replaced by a sooner one, or stopped
    );
  }

  #pump(): void {
    this.#pumpAsked = false;
    for (const key of this.#dirty) {
      if (this.#options.signal.aborted || this.#busy.size >= this.#options.workersMax) return;
      if (this.#busy.has(key)) continue;
      this.#dirty.delete(key);
      this.#busy.add(key);
      void this.#runOne(key).finally(async () => {
        if (this.#slices.over) await this.#slices.next();
        this.#busy.delete(key);
        this.#pump();
      });
    }
  }

  async #runOne(key: string): Promise<void> {
    try {
      const outcome = await this.#options.reconcile(key, this.#options.signal);
      this.#failures.delete(key);
      if ('retryAfterMs' in outcome) this.addAfter(key, outcome.retryAfterMs);
    } catch (error) {
      if (this.#options.signal.aborted) return;
      this.#retry(key, error);
    }
  }

  #retry(key: string, error: unknown): void {
    this.#options.onError(key, error);
    if (error instanceof Permanent) {
      this.#failures.delete(key);
      return;
    }
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const { baseMs, maxMs } = this.#options.backoff ?? { baseMs: 5, maxMs: 30_000 };
    this.addAfter(key, backoffMs(failures, baseMs, maxMs));
  }

  #stop(): void {
    for (const { stop } of this.#later.values()) stop.abort();
    this.#later.clear();
    this.#dirty.clear();
  }
}
