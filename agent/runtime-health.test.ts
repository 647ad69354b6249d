import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { RuntimeCondition } from './cri/index.ts';
import { RuntimeHealth } from './runtime-health.ts';

function setup() {
  let nowMs = 0;
  let changes = 0;
  const ready: RuntimeCondition[] = ['RuntimeReady', 'NetworkReady'].map((type) => ({ type, status: true }));
  const runtime = { conditions: ready, isDown: false };
  const health = new RuntimeHealth({
    async health() {
      if (runtime.isDown) throw new Error('connection refused');
      return runtime.conditions;
    },
    clock: { nowMs: () => nowMs, sleep: async () => {} },
    log: pino({ enabled: false }),
    changed: () => void changes++,
  });
  const lookAt = async (ms: number) => {
    nowMs = ms;
    await health.look().catch(() => {});
    return health.notReady;
  };
  return { runtime, lookAt, changes: () => changes };
}

describe('RuntimeHealth', () => {
  test('a runtime that is silent for half a minute is down, until it answers', async () => {
    const { runtime, lookAt, changes } = setup();
    expect(await lookAt(5_000)).toEqual([]);
    runtime.isDown = true;
    expect(await lookAt(34_999)).toEqual([]);
    expect(changes()).toBe(0);
    expect(await lookAt(35_000)).toEqual(['container runtime is down']);
    expect(await lookAt(40_000)).toEqual(['container runtime is down']);
    expect(changes()).toBe(1);
    runtime.isDown = false;
    expect(await lookAt(45_000)).toEqual([]);
    expect(changes()).toBe(2);
  });

  test('what it says of itself is told at once', async () => {
    const { runtime, lookAt } = setup();
    runtime.conditions = [
      { type: 'RuntimeReady', status: true },
      { type: 'NetworkReady', reason: 'NetworkPluginNotReady', message: 'cni plugin not initialized' },
    ];
    const network =
      'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized';
    expect(await lookAt(5_000)).toEqual([network]);
    runtime.conditions = [{ type: 'NetworkReady', status: true }];
    expect(await lookAt(10_000)).toEqual(['container runtime not ready: <nil>']);
    expect(await lookAt(40_000)).toEqual(['container runtime is down', 'container runtime not ready: <nil>']);
    runtime.conditions.push({ type: 'RuntimeReady', status: true });
    expect(await lookAt(41_000)).toEqual([]);
  });
});
