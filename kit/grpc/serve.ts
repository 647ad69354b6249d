// Services on a Unix socket. Nothing of gRPC is loaded before the first client comes.
import { chmod, mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { type Logger, neverFails, type RunningService, type Service } from '../run/index.ts';
import type { GrpcMethod } from './methods.ts';

export interface ServedService {
  methods: Record<string, GrpcMethod>;
  /** By name of the call. What is thrown is the answer's text. */
  answers: Record<string, (request: any) => object | Promise<object>>;
}

export interface UnixServiceOptions {
  /** Of the service, as errors name it. */
  name: string;
  /** Path of the socket; where it is too long for one, this is told and nothing is served. */
  socket: string;
  mode: number;
  services(): readonly ServedService[];
  log: Logger;
}

interface Served {
  inject(socket: Socket): void;
  stop(): void;
}

/** unix(7) */
const SOCKET_PATH_MAX = 107;

export function unixService({ name, socket: path, mode, services, log }: UnixServiceOptions): Service {
  return {
    name,
    async start(): Promise<RunningService> {
      if (Buffer.byteLength(path) > SOCKET_PATH_MAX) {
        log.warn({ socket: path }, `${name}: not served, a socket's path has at most ${SOCKET_PATH_MAX} bytes`);
        return { failed: neverFails, stop: async () => {} };
      }
      const sockets = new Set<Socket>();
      let served: Promise<Served> | undefined;
      const listener = createServer((socket) => {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        socket.on('error', () => {});
        served ??= serve(services());
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

async function serve(services: readonly ServedService[]): Promise<Served> {
  const { Server, ServerCredentials, status } = await import('@grpc/grpc-js');
  const server = new Server();
  for (const { methods, answers } of services) {
    const implementation = Object.entries(answers).map(([name, answer]) => [
      name,
      ({ request }: { request: object }, callback: (error: object | null, value?: object) => void) => {
        (async () => answer(request))().then(
          (value) => callback(null, value),
          (error: unknown) => callback({ code: status.UNKNOWN, details: error instanceof Error ? error.message : String(error) }),
        );
      },
    ]);
    server.addService(methods, Object.fromEntries(implementation));
  }
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    inject: (socket) => injector.injectConnection(socket),
    stop: () => {
      injector.destroy();
      server.forceShutdown();
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
