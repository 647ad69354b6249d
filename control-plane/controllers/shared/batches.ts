// Many alike calls in growing batches: when the first fails, the others are not even tried.

/** Runs `work` `count` times in batches of 1, 2, 4, ... Stops after a batch with a failure and throws its first error. */
export async function slowStart(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let done = 0;
  for (let size = Math.min(count, 1); size > 0; size = Math.min(2 * size, count - done)) {
    const results = await Promise.allSettled(Array.from({ length: size }, (_, i) => work(done + i)));
    done += size;
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
}
