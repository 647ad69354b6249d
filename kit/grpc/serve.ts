// Services on a Unix socket. Nothing of gRPC is loaded before the first client comes.
import { type Logger, neverFails, type Service } from '../run/index.ts';
import { lazySocket, type SocketServer } from './lazy-socket.ts';
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

/** unix(7) */
const SOCKET_PATH_MAX = 107;

export function unixService({ services, ...options }: UnixServiceOptions): Service {
  const { name, socket, log } = options;
  if (Buffer.byteLength(socket) <= SOCKET_PATH_MAX) return lazySocket({ ...options, open: () => serve(services()) });
  return {
    name,
    async start() {
      log.warn({ socket }, `${name}: not served, a socket's path has at most ${SOCKET_PATH_MAX} bytes`);
      return { failed: neverFails, stop: async () => {} };
    },
  };
}

async function serve(services: readonly ServedService[]): Promise<SocketServer> {
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
