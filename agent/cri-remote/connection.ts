// Calls of a CRI runtime over its Unix socket. Connects when first needed and again after the runtime was restarted.
import { existsSync } from 'node:fs';
import { Socket } from 'node:net';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { GrpcMethod } from '../../kit/grpc/index.ts';
import { connectInNetns } from '../../kit/linux/index.ts';
import type { Connect } from '../../kit/net/index.ts';
import { CriError, type CriReason } from '../cri/index.ts';
import { type CriServiceName, criMethods } from '../cri-grpc/wire.ts';

/** As kubelet's runtime request timeout. */
export const REQUEST_TIMEOUT_MS = 120_000;
const MESSAGE_BYTES_MAX = 16 << 20;
const RECONNECT_MS = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 2_000 };

const REASONS: Partial<Record<status, CriReason>> = {
  [status.NOT_FOUND]: 'NotFound',
  [status.DEADLINE_EXCEEDED]: 'DeadlineExceeded',
  [status.INVALID_ARGUMENT]: 'InvalidArgument',
  [status.FAILED_PRECONDITION]: 'FailedPrecondition',
};

export interface CallOptions {
  timeoutMs?: number;
  /** What an error becomes whose code says nothing more. */
  reason?: CriReason;
}

/** What gRPC's own client says; anything else is the runtime's. */
const NOBODY = /^No connection established/;

export class Connection {
  readonly socket: string;
  /** To the runtime's streaming server, when it is in another network namespace. */
  readonly connectStream: Connect | undefined;
  readonly #client: Client;
  readonly #methods: Record<CriServiceName, Record<string, GrpcMethod>>;

  constructor(socket: string, nodeNetns?: string) {
    this.socket = socket;
    this.connectStream = nodeNetns === undefined ? undefined : (port) => new Socket({ fd: connectInNetns(nodeNetns, port) });
    this.#client = new Client(`unix://${socket}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
      'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
      ...RECONNECT_MS,
    });
    this.#methods = { RuntimeService: criMethods('RuntimeService'), ImageService: criMethods('ImageService') };
  }

  /** @throws CriError */
  async call<Answer>(service: CriServiceName, name: string, request: object, options: CallOptions = {}): Promise<Answer> {
    const method = this.#methods[service][name]!;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      new Metadata(),
      { deadline: performance.timeOrigin + performance.now() + (options.timeoutMs ?? REQUEST_TIMEOUT_MS) },
      (error, answer) => (error ? reject(this.#asCriError(error, options.reason)) : resolve(answer as Answer)),
    );
    return await promise;
  }

  /** Messages of a streaming call until the signal aborts. @throws CriError when the stream breaks */
  async *stream<Message>(service: CriServiceName, name: string, request: object, signal: AbortSignal): AsyncGenerator<Message> {
    const method = this.#methods[service][name]!;
    const call = this.#client.makeServerStreamRequest(method.path, method.requestSerialize, method.responseDeserialize, request);
    const cancel = () => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      for await (const message of call) yield message as Message;
    } catch (error) {
      if (!signal.aborted) throw this.#asCriError(error as ServiceError);
    } finally {
      signal.removeEventListener('abort', cancel);
      call.cancel();
    }
  }

  close(): void {
    this.#client.close();
  }

  #asCriError(error: ServiceError, reason: CriReason = 'Unknown'): CriError {
    if (error.code === status.UNAVAILABLE && !existsSync(this.socket))
      return new CriError('Unknown', `no container runtime at unix://${this.socket}: the socket is not there`, error);
    if (error.code === status.UNAVAILABLE && NOBODY.test(error.details))
      return new CriError('Unknown', `no container runtime at unix://${this.socket}: nobody serves the socket`, error);
    return new CriError(REASONS[error.code] ?? reason, error.details || error.message, error);
  }
}

/** Whether the runtime does not know the call at all. */
export const isUnimplemented = (error: unknown): boolean => codeOf(error) === status.UNIMPLEMENTED;
export const isUnavailable = (error: unknown): boolean => codeOf(error) === status.UNAVAILABLE;

const codeOf = (error: unknown): status | undefined =>
  error instanceof CriError ? (error.cause as ServiceError | undefined)?.code : undefined;
