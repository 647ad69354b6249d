// Keeps containers' logs from filling the disk: a log past its size is renamed, the runtime goes on in a new file, what was
// rotated before is compressed, the oldest are deleted.
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Clock, type Logger, neverFails, repeat, type Service, step } from '../../kit/run/index.ts';
import type { ContainerStatus, Cri } from '../cri/index.ts';

const CHECK_EVERY_MS = 10_000;
const GZIPPED = '.gz';
const UNFINISHED = '.tmp';

export interface LogRotationOptions {
  cri: Pick<Cri, 'listContainers' | 'reopenContainerLog'>;
  clock: Clock;
  log: Logger;
  /** Past it a log is rotated. */
  bytesMax: number;
  /** With the one that is being written; 2 at least. */
  filesMax: number;
}

export function logRotation(options: LogRotationOptions): Service {
  return {
    name: 'log rotation',
    async start() {
      const onError = (error: unknown) => options.log.warn({ err: error }, 'logs not rotated');
      const timer = repeat(CHECK_EVERY_MS, () => rotateAll(options, onError), onError);
      return { failed: neverFails, stop: async () => timer.stop() };
    },
  };
}

/** One look at all of them. A log that is not there was renamed by an agent that died then: its container writes to the renamed one still. */
export async function rotateAll(options: LogRotationOptions, onError: (error: unknown) => void): Promise<void> {
  for (const container of await options.cri.listContainers({ state: 'running' })) {
    if (container.logPath === '') continue; // the runtime keeps it elsewhere
    const found = await stat(container.logPath).catch(() => undefined);
    if (!found) await options.cri.reopenContainerLog(container.id).catch(onError);
    else if (found.size > options.bytesMax) await rotate(options, container).catch(onError);
  }
}

/** What a crash has left in between is put right by the next one. */
async function rotate({ cri, clock, filesMax }: LogRotationOptions, { id, logPath }: ContainerStatus): Promise<void> {
  const folder = dirname(logPath);
  const { remove, compress } = planRotation(await readdir(folder), basename(logPath), filesMax);
  for (const old of remove) await rm(join(folder, old), { force: true });
  for (const old of compress) await gzip(join(folder, old));
  const rotated = rotatedName(logPath, clock.nowMs());
  await step('log.rename', () => rename(logPath, rotated));
  try {
    await cri.reopenContainerLog(id);
  } catch (error) {
    await rename(rotated, logPath); // the container goes on writing there: nothing is lost, and the next look tries again
    throw error;
  }
}

async function gzip(path: string): Promise<void> {
  const unfinished = `${path}${UNFINISHED}`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(unfinished, { mode: 0o640 }));
  await step('log.compress', () => rename(unfinished, `${path}${GZIPPED}`));
  await rm(path);
}

/** `0.log.20260102-150405`: names sort by age. */
export const rotatedName = (path: string, nowMs: number): string =>
  `${path}.${new Date(nowMs).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')}`;

/** Before one more is added: which files go, and which are compressed. Pure. */
export function planRotation(present: readonly string[], name: string, filesMax: number): { remove: string[]; compress: string[] } {
  const files = present.filter((each) => each.startsWith(`${name}.`)).sort();
  const useless = files.filter((each) => each.endsWith(UNFINISHED) || (!each.endsWith(GZIPPED) && files.includes(each + GZIPPED)));
  const rotated = files.filter((each) => !useless.includes(each));
  const outdated = rotated.slice(0, Math.max(0, rotated.length - (filesMax - 2)));
  const compress = rotated.filter((each) => !outdated.includes(each) && !each.endsWith(GZIPPED));
  return { remove: [...useless, ...outdated], compress };
}
