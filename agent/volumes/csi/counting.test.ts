import { expect, test } from 'vitest';
import { notFound } from '../../../api/meta/index.ts';
import type { Client } from '../../../kit/client/index.ts';
import { type Clock, silentLogger } from '../../../kit/run/index.ts';
import { keepCounting } from './counting.ts';

test('a driver is asked as often as its CSIDriver says, which is looked up anew each time', async () => {
  const periods = [undefined, 10, 20, 'gone', 30] as const;
  const slept: number[] = [];
  const stop = new AbortController();
  const client = {
    get: async (resource: { plural: string; group: string; kind: string }, name: string) => {
      const period = periods[slept.length];
      if (period === 'gone') throw notFound(resource as never, name);
      return { metadata: { name }, spec: period === undefined ? {} : { nodeAllocatableUpdatePeriodSeconds: period } };
    },
  };
  const sleep = async (ms: number) => {
    slept.push(ms);
    if (slept.length === periods.length) stop.abort();
  };
  let asked = 0;
  const ask = async () => {
    asked += 1;
    if (asked === 1) throw new Error('not now');
  };
  await keepCounting({ client: client as unknown as Client, clock: { sleep } as Clock, log: silentLogger }, 'd', ask, stop.signal);
  expect(slept).toEqual([60_000, 10_000, 20_000, 60_000, 30_000]);
  expect(asked).toBe(2);
});
