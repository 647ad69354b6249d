// The one way to go on trying: for what must come about sooner or later, such as an answer of a server that is not up yet.
import { backoffMs } from './backoff.ts';
import type { Clock } from './clock.ts';

export interface RetryOptions {
  /** Of the pauses, which grow with each failure. */
  baseMs: number;
  maxMs: number;
  clock: Clock;
  signal: AbortSignal;
  /** Before each pause. */
  onFailure(error: unknown): void;
}

/** Calls `work` until it succeeds. @throws when `signal` has aborted */
export async function untilItSucceeds<T>(options: RetryOptions, work: () => Promise<T>): Promise<T> {
  const { baseMs, maxMs, clock, signal, onFailure } = options;
  for (let failures = 0; ; ) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      onFailure(error);
      await clock.sleep(backoffMs(++failures, baseMs, maxMs), signal);
    }
  }
}
