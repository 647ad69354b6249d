// The port on 127.0.0.1 that a cluster's API answers on: one for the cluster's life, also while nobody listens there.
import { createServer } from 'node:net';
import { join } from 'node:path';
import { lockFile } from '../kit/fs/index.ts';
import { homeDir } from './layout.ts';
import { clusterNames, readRecord } from './record.ts';

/** Below NodePorts (30000) and below what Linux gives to outgoing connections (32768): a stopped cluster's port is not taken meanwhile. */
const FIRST = 17_000;
const LAST = 29_999;
const LOCK_TIMEOUT_MS = 10_000;

/** Calls `claim` with a port that no cluster has and nobody listens on; no other process chooses before `claim` has written it down. */
export async function withFreePort<T>(claim: (port: number) => Promise<T>): Promise<T> {
  await using _lock = await lockFile(join(homeDir(), '.lock-ports'), LOCK_TIMEOUT_MS);
  const taken = new Set((await Promise.all((await clusterNames()).map(readRecord))).map((record) => record?.apiPort));
  const count = LAST - FIRST + 1;
  const start = Math.floor(Math.random() * count);
  for (let i = 0; i < count; i++) {
    const port = FIRST + ((start + i) % count);
    if (!taken.has(port) && (await isFree(port))) return await claim(port);
  }
  throw new Error(`no free port from ${FIRST} to ${LAST} on 127.0.0.1: choose one with --port`);
}

/** @throws Error in plain words when somebody listens there */
export async function checkPort(port: number): Promise<void> {
  await listenOnce(port).catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      error.code === 'EADDRINUSE'
        ? `port ${port} on 127.0.0.1 is in use: choose another with --port`
        : `port ${port} on 127.0.0.1: ${error.message}`,
    );
  });
}

const isFree = (port: number): Promise<boolean> =>
  listenOnce(port).then(
    () => true,
    () => false,
  );

function listenOnce(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve()));
  });
}
