import { expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { untilItSucceeds } from './retry.ts';

const failing = (times: number) => {
  let calls = 0;
  return async () => {
    if (calls++ < times) throw new Error(`failure ${calls}`);
    return calls;
  };
};

test('goes on until it succeeds, with longer and longer pauses, and tells of each failure', async () => {
  const told: string[] = [];
  const pauses: number[] = [];
  const clock = { ...systemClock, sleep: async (ms: number) => void pauses.push(ms) };
  const { signal } = new AbortController();
  const onFailure = (error: unknown) => told.push((error as Error).message);
  expect(await untilItSucceeds({ baseMs: 100, maxMs: 1000, clock, signal, onFailure }, failing(6))).toBe(7);
  expect(told).toEqual([1, 2, 3, 4, 5, 6].map((n) => `failure ${n}`));
  expect(pauses).toEqual([100, 200, 400, 800, 1000, 1000]);
});

test.each(['work', 'the pause'])('ends when the signal aborts during %s', async (during) => {
  const stop = new AbortController();
  const sleep = (ms: number, signal?: AbortSignal) => {
    stop.abort();
    return systemClock.sleep(ms, signal);
  };
  const clock = { ...systemClock, sleep };
  const work = async () => {
    if (during === 'work') stop.abort();
    throw new Error('no');
  };
  let told = 0;
  const trying = untilItSucceeds({ baseMs: 60_000, maxMs: 60_000, clock, signal: stop.signal, onFailure: () => told++ }, work);
  await expect(trying).rejects.toMatchObject({ name: 'AbortError' });
  expect(told).toBe(during === 'work' ? 0 : 1);
});
