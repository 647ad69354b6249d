// kill -9 of the writing process: everything acknowledged is there, revisions go on.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { openStore } from './index.ts';

test('nothing acknowledged is lost by kill -9, three times in a row', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'store-crash-'));
  const path = join(folder, 'store.db');
  const acknowledged = new Map<string, bigint>();
  let highest = 0n;
  try {
    for (let round = 1; round <= 3; round++) {
      const child = execa(process.execPath, [join(import.meta.dirname, 'crash.fixture.ts'), path], { reject: false, buffer: false });
      let lines = 0;
      for await (const line of child.iterable()) {
        const [revision, key] = line.split(' ') as [string, string];
        expect(BigInt(revision)).toBeGreaterThan(acknowledged.get(key) ?? 0n);
        acknowledged.set(key, BigInt(revision));
        if (BigInt(revision) > highest) highest = BigInt(revision);
        if (++lines === 700 * round) child.kill('SIGKILL');
      }
      await child;
      const store = await openStore({ driver: 'embedded', path });
      for (const [key, revision] of acknowledged) expect((await store.get(key)).entry?.revision).toBeGreaterThanOrEqual(revision);
      expect(await store.revision()).toBeGreaterThanOrEqual(highest);
      await store.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
