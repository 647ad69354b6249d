// The runtime's `start` without starting the runtime: a created container waits at `exec.fifo` of its state folder before it becomes its
// program. runc's waits to write one byte, crun's to read one. Doing the other side here saves a process, about 8 ms a container.
import { closeSync, constants, existsSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { systemClock } from '../../kit/run/index.ts';
import { readText } from './container-files.ts';

const START_TIMEOUT_MS = 10_000;
const CHECK_MAX_MS = 20;
const BECOME_TIMEOUT_MS = 1_000;

/** One container that was created. */
interface Waiting {
  stateFolder: string;
  pid: number;
  isRunning(): boolean;
}

/**
 * Returns at once when the program runs already: a crash may have come before that was written down.
 * @throws Error when the container died instead, or does not answer
 */
export async function letGo(runtime: 'runc' | 'crun', { stateFolder, pid, isRunning }: Waiting): Promise<void> {
  const path = fifoOf(stateFolder);
  const runtimesProgram = programOf(pid);
  if (runtime === 'crun') giveByte(path, isRunning);
  else if (commandName(pid) === WAITING) await waitForByte(path, isRunning);
  await rm(path, { force: true }); // this is how the runtime tells `running` from `created`
  if (runtimesProgram !== undefined) await waitForProgram(pid, runtimesProgram);
}

/**
 * A signal sent before the runtime has become the container's program would be lost: a first process ignores what it has no handler for.
 * What takes longer is not waited for.
 */
async function waitForProgram(pid: number, runtimesProgram: string): Promise<void> {
  const deadline = performance.now() + BECOME_TIMEOUT_MS;
  const pause = pauses();
  while (programOf(pid) === runtimesProgram && performance.now() < deadline) await pause();
}

/**
 * Between two looks: a millisecond is all that it takes when a processor is free, and longer each time when none is, so that a hundred
 * starts at once do not take it from the containers that they wait for.
 */
function pauses(): () => Promise<void> {
  let ms = 0;
  return () => {
    ms = Math.min(ms + 1, CHECK_MAX_MS);
    return systemClock.sleep(ms);
  };
}

/** Which file a process runs; undefined when it has ended. */
function programOf(pid: number): string | undefined {
  try {
    const { dev, ino } = statSync(`/proc/${pid}/exe`);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/** A fifo without a reader cannot be opened for writing: the program runs already, or has died. */
function giveByte(path: string, isRunning: () => boolean): void {
  let fd: number;
  try {
    fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    if (!isRunning()) throw new Error(STOPPED);
    return;
  }
  try {
    writeSync(fd, Buffer.alloc(1));
  } finally {
    closeSync(fd);
  }
}

const STOPPED = 'cannot start a container that has stopped';

const fifoOf = (stateFolder: string): string => `${stateFolder}/exec.fifo`;

/** Whether the runtime considers the container created and not yet started. Both runtimes keep the fifo until then. */
export const isWaitingToStart = (stateFolder: string): boolean => existsSync(fifoOf(stateFolder));

/** The name of runc's own process in the container, as long as it has not become the program. */
const WAITING = 'runc:[2:INIT]';
/** Whether the process is still runc's own: that one catches every signal, and what it catches the program never hears of. */
export const isStillRuncs = (pid: number): boolean => commandName(pid) === WAITING;
const commandName = (pid: number): string | undefined => readText(`/proc/${pid}/comm`)?.trim();

async function waitForByte(path: string, isRunning: () => boolean): Promise<void> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const deadline = performance.now() + START_TIMEOUT_MS;
    const pause = pauses();
    while (!readByte(fd)) {
      // the byte outlives its writer, whose program may have ended by now: looked for once more
      if (!isRunning()) {
        if (readByte(fd)) break;
        throw new Error(STOPPED);
      }
      if (performance.now() > deadline) throw new Error(`the container did not start within ${START_TIMEOUT_MS} ms`);
      await pause();
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
