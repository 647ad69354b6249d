// Exponential back-off as a pure function.

/** Milliseconds to wait after the n-th failure in a row (n from 1): base doubled each time, at most `maxMs`. */
export function backoffMs(failures: number, baseMs: number, maxMs: number): number {
  return Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30));
}
