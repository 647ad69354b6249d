// Keeps containers' logs from filling the disk: a log past its size is renamed, the runtime goes on in a new file, the oldest are deleted.
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Clock, type Logger, neverFails, repeat, type Service } from '../../kit/run/index.ts';
import type { ContainerStatus, Cri } from '../cri/index.ts';

const CHECK_EVERY_MS = 10_000;
const BYTES_MAX = 10 * 1024 * 1024;
/** With the one that is being written. */
const FILES_MAX = 5;

export function logRotation(cri: Cri, clock: Clock, log: Logger): Service {
  return {
    name: 'log rotation',
    async start() {
      const onError = (error: unknown) => log.warn({ err: error }, 'logs not rotated');
      const timer = repeat(CHECK_EVERY_MS, () => rotateAll(cri, clock, onError), onError);
      return { failed: neverFails, stop: async () => timer.stop() };
    },
  };
}

async function rotateAll(cri: Cri, clock: Clock, onError: (error: unknown) => void): Promise<void> {
  for (const container of await cri.listContainers({ state: 'running' })) {
    const size = (await stat(container.logPath).catch(() => undefined))?.size ?? 0;
    if (size > BYTES_MAX) await rotate(cri, container, clock.nowMs()).catch(onError);
  }
}

async function rotate(cri: Cri, { id, logPath }: ContainerStatus, nowMs: number): Promise<void> {
  const folder = dirname(logPath);
  const name = basename(logPath);
  for (const old of outdated(await readdir(folder), name)) await rm(join(folder, old), { force: true });
  await rename(logPath, rotatedName(logPath, nowMs));
  await cri.reopenContainerLog(id);
}

/** `0.log.20260102-150405`: names sort by age. */
export const rotatedName = (path: string, nowMs: number): string =>
  `${path}.${new Date(nowMs).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')}`;

/** Rotated files that must go before one more is added. Pure. */
export function outdated(present: readonly string[], name: string): string[] {
  const rotated = present.filter((each) => each.startsWith(`${name}.`)).sort();
  return rotated.slice(0, Math.max(0, rotated.length - (FILES_MAX - 2)));
}
