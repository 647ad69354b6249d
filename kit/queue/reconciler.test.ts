import { describe, expect, test } from 'vitest';
import type { Clock } from '../run/index.ts';
import { done, Permanent, Reconciler } from './reconciler.ts';

/** A clock whose sleepers wake when the test says so. */
function manualClock() {
  let nowMs = 0;
  const sleepers: { atMs: number; wake: () => void }[] = [];
  const clock: Clock = {
    nowMs: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        sleepers.push({ atMs: nowMs + ms, wake: resolve });
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
  };
  const advance = (ms: number) => {
    nowMs += ms;
    for (const sleeper of sleepers.filter((s) => s.atMs <= nowMs)) sleeper.wake();
  };
  return { clock, advance };
}

const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

function setup(reconcile: (key: string) => Promise<{ done: true } | { retryAfterMs: number }>, workersMax = 10) {
  const { clock, advance } = manualClock();
  const stop = new AbortController();
  const errors: string[] = [];
  const queue = new Reconciler({
    reconcile,
    workersMax,
    signal: stop.signal,
    onError: (key, error) => errors.push(`${key}: ${(error as Error).message}`),
    clock,
  });
  return { queue, advance, stop, errors };
}

describe('reconciler', () => {
  test('a key added often runs once', async () => {
    const ran: string[] = [];
    const { queue } = setup(async (key) => {
      ran.push(key);
      return done;
    });
    queue.add('a');
    queue.add('a');
    queue.add('b');
    await settle();
    expect(ran).toEqual(['a', 'b']);
  });

  test('thousands of keys that wait for nothing leave turns to others', async () => {
    let ran = 0;
    const { queue } = setup(async () => {
      ran++;
      for (const until = performance.now() + 1; performance.now() < until; );
      return done;
    });
    for (let i = 0; i < 200; i++) queue.add(`key-${i}`);
    await new Promise((resolve) => setImmediate(resolve));
    expect(ran).toBeGreaterThan(0);
    expect(ran).toBeLessThan(200);
  });

  test('a key never runs twice at once, and runs again when added meanwhile', async () => {
    let running = 0;
    let most = 0;
    const finish: (() => void)[] = [];
    const { queue } = setup(async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => finish.push(resolve));
      running--;
      return done;
    });
    queue.add('a');
    await settle();
    queue.add('a');
    await settle();
    expect(finish.length).toBe(1);
    finish[0]?.();
    await settle();
    expect(finish.length).toBe(2);
    expect(most).toBe(1);
  });

  test('no more than workersMax keys run at once', async () => {
    const running = new Set<string>();
    const finish: (() => void)[] = [];
    const { queue } = setup(async (key) => {
      running.add(key);
      await new Promise<void>((resolve) => finish.push(resolve));
      running.delete(key);
      return done;
    }, 2);
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await settle();
    expect([...running]).toEqual(['a', 'b']);
    finish[0]?.();
    await settle();
    expect([...running]).toEqual(['b', 'c']);
  });

  test('failures back off twice as long each time, success resets', async () => {
    const ran: number[] = [];
    let fail = true;
    const { queue, advance, errors } = setup(async () => {
      ran.push(ran.length);
      if (fail) throw new Error('no');
      return done;
    });
    queue.add('a');
    await settle();
    advance(5);
    await settle();
    expect(ran.length).toBe(2);
    advance(5);
    await settle();
    expect(ran.length).toBe(2);
    advance(5);
    await settle();
    expect(ran.length).toBe(3);
    fail = false;
    advance(20);
    await settle();
    expect(ran.length).toBe(4);
    expect(errors).toEqual(['a: no', 'a: no', 'a: no']);
    expect(queue.waiting).toBe(0);
  });

  test('a permanent error is told once and not retried', async () => {
    const { queue, errors } = setup(async () => {
      throw new Permanent('never');
    });
    queue.add('a');
    await settle();
    expect(errors).toEqual(['a: never']);
    expect(queue.waiting).toBe(0);
  });

  test('the sooner of two later times wins', async () => {
    let runs = 0;
    const { queue, advance } = setup(async () => {
      runs++;
      return done;
    });
    queue.addAfter('a', 100);
    queue.addAfter('a', 10);
    queue.addAfter('a', 50);
    advance(10);
    await settle();
    expect(runs).toBe(1);
    advance(200);
    await settle();
    expect(runs).toBe(1);
  });

  test('nothing runs after the signal', async () => {
    let runs = 0;
    const { queue, stop, advance } = setup(async () => {
      runs++;
      return done;
    });
    queue.add('a');
    queue.addAfter('b', 10);
    stop.abort();
    advance(10);
    await settle();
    expect(runs).toBe(0);
    expect(queue.waiting).toBe(0);
  });
});
