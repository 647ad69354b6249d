import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PersistentVolume } from '../../api/gen/types/core.v1.ts';
import { EXCLUSIVE, ExclusiveVolumes } from './exclusive.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wherry-exclusive-'));
});
afterAll(() => rm(folder, { recursive: true }));

const volume = (name: string, ...accessModes: string[]): PersistentVolume => ({ metadata: { name }, spec: { accessModes } });
const REFUSED = 'volume uses the ReadWriteOncePod access mode and is already in use by another pod';

test('of two pods at once one gets the volume, keeps it over a restart of the agent, and frees it with its folder', async () => {
  const exclusive = new ExclusiveVolumes(folder);
  const tries = await Promise.allSettled(['a', 'b'].map((uid) => exclusive.claim(uid, volume('v', 'ReadWriteOncePod'))));
  expect(tries).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: { message: REFUSED } }]);
  const next = new ExclusiveVolumes(folder);
  await next.claim('a', volume('v', 'ReadWriteOncePod'));
  await expect(next.claim('b', volume('v', 'ReadWriteOncePod'))).rejects.toThrow(REFUSED);
  await rm(join(folder, 'a', EXCLUSIVE), { recursive: true });
  await next.claim('b', volume('v', 'ReadWriteOncePod'));
});

test.each([[['ReadWriteOnce']], [['ReadWriteMany', 'ReadWriteOncePod']]])('several pods may have a volume of %j', async (modes) => {
  const exclusive = new ExclusiveVolumes(folder);
  for (const uid of ['a', 'b']) await exclusive.claim(uid, volume(`shared-${modes.length}`, ...modes));
});
