// The CRI socket: gRPC on a Unix socket. Nothing of gRPC is loaded before the first client comes.
import { chmod, mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Clock, Logger, RunningService, Service } from '../../kit/run/index.ts';
import type { Cri } from '../cri/index.ts';

export interface CriServerOptions {
  /** Path of the socket, at most 107 bytes (unix(7)). */
  socket: string;
  /** Where Exec, Attach and PortForward are served; a loopback address, because their URLs are the only secret. */
  streamingAddress: string;
  imagesFolder: string;
  cri: Cri;
  clock: Clock;
  log: Logger;
}

export type Inject = (socket: Socket) => void;

export function criServer(options: CriServerOptions): Service {
  return {
    name: 'cri socket',
    async start(): Promise<RunningService> {
      const stop = new AbortController();
      const sockets = new Set<Socket>();
      let grpc: Promise<{ inject: Inject; stop(): void }> | undefined;
      const listener = createServer((socket) => {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        socket.on('error', () => {});
        grpc ??= import('./grpc-server.ts').then(({ startGrpc }) => startGrpc(options, stop.signal));
        grpc.then(
          ({ inject }) => inject(socket),
          (error: unknown) => {
            options.log.error({ err: error }, 'the CRI socket cannot be served');
            grpc = undefined;
            socket.destroy();
          },
        );
      });
      await mkdir(dirname(options.socket), { recursive: true });
      await takeOver(options.socket);
      const { promise: failed, reject } = Promise.withResolvers<never>();
      const { promise: listening, resolve, reject: refuse } = Promise.withResolvers<void>();
      listener.once('error', refuse);
      listener.listen(options.socket, resolve);
      await listening;
      listener.off('error', refuse);
      listener.on('error', reject);
      await chmod(options.socket, 0o660);
      return {
        failed,
        async stop() {
          stop.abort();
          listener.close();
          for (const socket of sockets) socket.destroy();
          (await grpc?.catch(() => undefined))?.stop();
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
