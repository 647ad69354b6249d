// A Unix socket whose server is made when the first client comes: what nobody asks for costs nothing.
import { chmod, mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Logger, RunningService, Service } from '../run/index.ts';

export interface LazySocketOptions {
  /** Of the service, as errors name it. */
  name: string;
  /** Path, at most 107 bytes (unix(7)). */
  socket: string;
  mode: number;
  /** Called for the first client, and again for the next one when it failed. */
  open(): Promise<SocketServer>;
  log: Logger;
}

export interface SocketServer {
  inject(socket: Socket): void;
  stop(): void;
}

/** A path that a killed process left is taken over. @throws Error at the start when somebody answers there */
export function lazySocket({ name, socket: path, mode, open, log }: LazySocketOptions): Service {
  return {
    name,
    async start(): Promise<RunningService> {
      const sockets = new Set<Socket>();
      let served: Promise<SocketServer> | undefined;
      const listener = createServer((socket) => {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        socket.on('error', () => {});
        served ??= open();
        served.then(
          ({ inject }) => inject(socket),
          (error: unknown) => {
            log.error({ err: error, socket: path }, 'socket cannot be served');
            served = undefined;
            socket.destroy();
          },
        );
      });
      await mkdir(dirname(path), { recursive: true, mode: 0o750 });
      await takeOver(path);
      const { promise: failed, reject } = Promise.withResolvers<never>();
      const { promise: listening, resolve, reject: refuse } = Promise.withResolvers<void>();
      listener.once('error', refuse);
      listener.listen(path, resolve);
      await listening;
      listener.off('error', refuse);
      listener.on('error', reject);
      await chmod(path, mode);
      return {
        failed,
        async stop() {
          listener.close();
          for (const socket of sockets) socket.destroy();
          (await served?.catch(() => undefined))?.stop();
        },
      };
    },
  };
}

/** A socket that nobody serves is what a killed process left. @throws Error when somebody answers there */
async function takeOver(path: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = connect(path, () => resolve(true));
  probe.once('error', () => resolve(false));
  const served = await promise;
  probe.destroy();
  if (served) throw new Error(`${path} is served by another process`);
  await rm(path, { force: true });
}
