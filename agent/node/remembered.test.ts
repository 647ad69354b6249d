import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../kit/run/index.ts';
import { registration } from './remembered.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wherry-node-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const atOnce = { ...systemClock, sleep: async () => {} };
const never = () => new Promise<never>(() => {});

test('the first start waits; a later one goes on without an API server; another node is told', async () => {
  const file = join(folder, 'node.json');
  const first = await registration(file, atOnce, async () => ({ uid: 'u', podCIDR: '10.0.1.0/24' }));
  await first.service.start(AbortSignal.timeout(1000));
  expect((await registration(file, atOnce, never)).known).toEqual({ uid: 'u', podCIDR: '10.0.1.0/24' });
  const { promise: late, resolve } = Promise.withResolvers<{ uid: string; podCIDR: string }>();
  const other = await registration(file, atOnce, () => late);
  resolve({ uid: 'v', podCIDR: '10.0.2.0/24' });
  await expect(other.service.start(AbortSignal.timeout(1000))).rejects.toThrow('the node is another one now');
});
