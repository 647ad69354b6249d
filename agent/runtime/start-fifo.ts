// runc's `start` without starting runc: a created container waits to write one byte into `exec.fifo` of its state folder, and runs its
// program once somebody reads it. Reading it here saves a process, about 8 ms a container. (crun's fifo goes the other way.)
import { closeSync, constants, existsSync, openSync, readSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { systemClock } from '../../kit/run/index.ts';
import { readText } from './container-files.ts';

const START_TIMEOUT_MS = 10_000;
const CHECK_MS = 1;

/**
 * Returns at once when the program runs already: a crash may have come before that was written down.
 * @throws Error when the container died instead, or does not answer
 */
export async function letGoThroughFifo(stateFolder: string, pid: number, isRunning: () => boolean): Promise<void> {
  const path = fifoOf(stateFolder);
  if (commandName(pid) === WAITING) await waitForByte(path, isRunning);
  await rm(path, { force: true }); // this is how the runtime tells `running` from `created`
}

const fifoOf = (stateFolder: string): string => `${stateFolder}/exec.fifo`;

/** Whether the runtime considers the container created and not yet started. Both runtimes keep the fifo until then. */
export const isWaitingToStart = (stateFolder: string): boolean => existsSync(fifoOf(stateFolder));

/** The name of runc's own process in the container, as long as it has not become the program. */
const WAITING = 'runc:[2:INIT]';
const commandName = (pid: number): string | undefined => readText(`/proc/${pid}/comm`)?.trim();

async function waitForByte(path: string, isRunning: () => boolean): Promise<void> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!readByte(fd)) {
      // the byte outlives its writer, whose program may have ended by now: looked for once more
      if (!isRunning()) {
        if (readByte(fd)) break;
        throw new Error('cannot start a container that has stopped');
      }
      if (performance.now() > deadline) throw new Error(`the container did not start within ${START_TIMEOUT_MS} ms`);
      await systemClock.sleep(CHECK_MS);
    }
  } finally {
    closeSync(fd);
  }
}

/** False when nothing is there yet, whether or not the writer is. */
function readByte(fd: number): boolean {
  try {
    return readSync(fd, Buffer.alloc(1)) === 1;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
    throw error;
  }
}
