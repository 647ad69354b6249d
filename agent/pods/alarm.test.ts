import { expect, test } from 'vitest';
import type { Clock } from '../../kit/run/index.ts';
import { Alarm } from './alarm.ts';

/** Sleepers by the time at which they wake; waking is up to the test. */
function manualClock() {
  const sleepers: { atMs: number; wake: () => void }[] = [];
  const clock: Clock = {
    nowMs: () => 1000,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { atMs: 1000 + ms, wake: resolve };
        sleepers.push(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers.splice(sleepers.indexOf(sleeper), 1);
          reject(signal.reason);
        });
      }),
  };
  return { clock, sleepers };
}

test('it rings at the earliest time of the last setting, and a time that has passed rings soon', () => {
  const { clock, sleepers } = manualClock();
  const alarm = new Alarm(clock, () => {});
  alarm.set([5000, undefined, 3000]);
  alarm.set([3000]);
  expect(sleepers.map(({ atMs }) => atMs)).toEqual([3000]);
  alarm.set([2000]);
  expect(sleepers.map(({ atMs }) => atMs)).toEqual([2000]);
  alarm.set([500]);
  expect(sleepers.map(({ atMs }) => atMs)).toEqual([1001]);
  alarm.set([]);
  expect(sleepers).toEqual([]);
});

test('after it has rung the same time may be set again', async () => {
  const { clock, sleepers } = manualClock();
  let rung = 0;
  const alarm = new Alarm(clock, () => rung++);
  alarm.set([900]);
  sleepers.pop()!.wake();
  await Promise.resolve();
  await Promise.resolve();
  expect(rung).toBe(1);
  alarm.set([900]);
  expect(sleepers.length).toBe(1);
});
