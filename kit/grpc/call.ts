// Calls to a service on a Unix socket, each on a connection of its own: a server that was restarted is reached at once.
import type { Client } from '@grpc/grpc-js';
import { systemClock } from '../run/index.ts';
import { codeName } from './code-name.ts';
import type { GrpcMethod } from './methods.ts';

/** A call that was refused, or could not be made: the text is gRPC's, as Go's programs write it. */
export class RpcError extends Error {
  /** gRPC's, as Go names it: `OutOfRange`. */
  readonly code: string;
  constructor(code: string, details: string) {
    super(`rpc error: code = ${code} desc = ${details}`);
    this.code = code;
  }
}

/** @throws RpcError */
export async function callUnix<T>(socket: string, method: GrpcMethod, request: object, timeoutMs: number): Promise<T> {
  const { client, grpc } = await open(socket);
  try {
    return await new Promise<T>((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        new grpc.Metadata(),
        { deadline: systemClock.nowMs() + timeoutMs },
        (error, answer) => (error ? reject(problem(error)) : resolve(answer as T)),
      );
    });
  } finally {
    client.close();
  }
}

/** The messages of a streaming call, until its server ends it or `signal` aborts. @throws RpcError when the stream breaks */
export async function* streamUnix<T>(socket: string, method: GrpcMethod, request: object, signal: AbortSignal): AsyncGenerator<T> {
  const { client } = await open(socket);
  const call = client.makeServerStreamRequest(method.path, method.requestSerialize, method.responseDeserialize, request);
  const cancel = () => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    for await (const message of call) yield message as T;
  } catch (error) {
    if (!signal.aborted) throw problem(error as { code: number; details: string });
  } finally {
    signal.removeEventListener('abort', cancel);
    call.cancel();
    client.close();
  }
}

async function open(socket: string): Promise<{ client: Client; grpc: typeof import('@grpc/grpc-js') }> {
  const grpc = await import('@grpc/grpc-js');
  // The authority of a Unix socket would be its path, which some servers refuse.
  const client = new grpc.Client(`unix:${socket}`, grpc.credentials.createInsecure(), { 'grpc.default_authority': 'localhost' });
  return { client, grpc };
}

const problem = ({ code, details }: { code: number; details: string }): RpcError => new RpcError(codeName(code), details);
