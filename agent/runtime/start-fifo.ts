// runc's `start` without starting runc: a created container waits to write one byte into `exec.fifo` of its state folder, and runs its
// program once somebody reads it. Reading it here saves a process, about 13 ms a container. (crun's fifo goes the other way.)
import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { waitFor } from '../../kit/run/index.ts';

const START_TIMEOUT_MS = 10_000;

/** False when there is no fifo: then the runtime itself must be asked. @throws Error when the container died instead, or does not answer */
export async function letGoThroughFifo(stateFolder: string, isRunning: () => boolean): Promise<boolean> {
  const path = `${stateFolder}/exec.fifo`;
  if (!existsSync(path)) return false;
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  let stream: Socket;
  try {
    stream = new Socket({ fd, readable: true, writable: false });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  try {
    await firstByte(stream, isRunning);
  } finally {
    stream.destroy();
  }
  await rm(path, { force: true }); // this is how the runtime tells `running` from `created`
  return true;
}

async function firstByte(stream: Socket, isRunning: () => boolean): Promise<void> {
  const came = Promise.withResolvers<void>();
  came.promise.catch(() => {}); // it may fail before anybody awaits it
  stream.once('data', () => came.resolve());
  stream.once('end', () => came.reject(new Error('cannot start a container that has stopped')));
  stream.once('error', came.reject);
  const stop = new AbortController();
  const died = waitFor(
    { what: 'the container to start', timeoutMs: START_TIMEOUT_MS, everyMs: 50, signal: stop.signal },
    () => !isRunning(),
  ).then(() => {
    throw new Error('cannot start a container that has stopped');
  });
  died.catch(() => {}); // told through the race
  try {
    await Promise.race([came.promise, died]);
  } finally {
    stop.abort();
  }
}
