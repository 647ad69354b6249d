// The CRI socket: gRPC on a Unix socket. Nothing of gRPC is loaded before the first client comes.
import { lazySocket } from '../../kit/grpc/index.ts';
import type { Clock, Logger, Service } from '../../kit/run/index.ts';
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

export function criServer(options: CriServerOptions): Service {
  const { socket, log } = options;
  const open = async () => (await import('./grpc-server.ts')).startGrpc(options);
  return lazySocket({ name: 'cri socket', socket, mode: 0o660, open, log });
}
