// A lock between processes: a file that names its holder. A holder that died (kill -9) loses it.
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { identify, isAlive, type ProcessId } from '../exec/index.ts';
import { waitFor } from '../run/index.ts';

/**
 * Takes the lock, waiting for a living holder up to `timeoutMs`. Dispose to release.
 * @throws Error naming the holder's pid when it is still held at the deadline
 */
export async function lockFile(path: string, timeoutMs: number): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true });
  const self = JSON.stringify(identify(process.pid));
  await waitFor({ what: `lock ${path}`, timeoutMs }, async () => {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(self);
      await file.close();
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    await dropIfDead(path);
    throw new Error(`held by ${await readFile(path, 'utf8').catch(() => 'nobody')}`);
  });
  return {
    async [Symbol.asyncDispose]() {
      await rm(path, { force: true });
    },
  };
}

/** An empty file is a holder between open and write: it counts as dead only when it stays so, which the next round sees by its age. */
async function dropIfDead(path: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const holder = text === '' ? undefined : (JSON.parse(text) as ProcessId);
  if (holder && isAlive(holder)) return;
  if (!holder) {
    const file = await open(path, 'r').catch(() => undefined);
    const stat = await file?.stat();
    await file?.close();
    if (!stat || performance.timeOrigin + performance.now() - stat.mtimeMs < 1000) return;
  }
  // Renamed first, so that of two that saw the dead holder only one removes this very file.
  const grave = `${path}.dead-${process.pid}`;
  await rename(path, grave).catch(() => {});
  await rm(grave, { force: true });
}
