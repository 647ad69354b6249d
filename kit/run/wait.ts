// The one way to wait for a condition: poll with a deadline; the error says what was last seen.
import { type Clock, systemClock } from './clock.ts';

export interface WaitOptions {
  /** What is waited for, in words; goes into the error. */
  what: string;
  timeoutMs: number;
  /** Default 20. */
  everyMs?: number;
  signal?: AbortSignal;
}

/** Thrown by a probe when waiting is of no use: ends the wait at once. */
export class GiveUp extends Error {}

/**
 * Calls `probe` until it returns something other than undefined or false; an error that it throws is remembered and told at the deadline.
 * @throws Error `timed out after N ms waiting for WHAT (last: ...)`, GiveUp of the probe, or the signal's reason
 */
export async function waitFor<T>(options: WaitOptions, probe: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  const deadline = performance.now() + options.timeoutMs;
  let last = 'nothing';
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      last = String(value);
    } catch (error) {
      if (error instanceof GiveUp) throw error;
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > deadline)
      throw new Error(`timed out after ${options.timeoutMs} ms waiting for ${options.what} (last: ${last})`);
    await systemClock.sleep(options.everyMs ?? 20, options.signal);
  }
}

/** Resolves with the promise, after `ms`, or when the signal is aborted: whatever is first. Rejects as the promise does. */
export async function settledWithin(promise: Promise<unknown>, ms: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  const over = new AbortController();
  const late = clock.sleep(ms, signal ? AbortSignal.any([signal, over.signal]) : over.signal).catch(() => {});
  await Promise.race([promise, late]).finally(() => over.abort());
}
