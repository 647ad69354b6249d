// Calls of etcd's v3 API over gRPC.
import { Client, type ClientDuplexStream, credentials, type ServiceError, status } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import {
  etcdDescriptor,
  type Header,
  type RangeResponse,
  type StatusResponse,
  type TxnResponse,
  type WatchResponse,
} from './descriptor.ts';

export interface EtcdTls {
  ca: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
}

/** Every call ends within this, with an error if need be. */
const DEADLINE_MS = 10_000;

const METHODS = {
  range: ['/etcdserverpb.KV/Range', 'RangeRequest', 'RangeResponse'],
  put: ['/etcdserverpb.KV/Put', 'PutRequest', 'PutResponse'],
  txn: ['/etcdserverpb.KV/Txn', 'TxnRequest', 'TxnResponse'],
  compact: ['/etcdserverpb.KV/Compact', 'CompactionRequest', 'CompactionResponse'],
  status: ['/etcdserverpb.Maintenance/Status', 'StatusRequest', 'StatusResponse'],
} as const;
interface Answers {
  range: RangeResponse;
  put: { header: Header };
  txn: TxnResponse;
  compact: { header: Header };
  status: StatusResponse;
}

export class EtcdClient {
  readonly #client: Client;
  readonly #root = protobuf.Root.fromJSON(etcdDescriptor);

  /** `endpoints`: `host:port` or URLs, all of one cluster; addresses when there are several. */
  constructor(endpoints: readonly string[], tls?: EtcdTls) {
    const hosts = endpoints.map((endpoint) => endpoint.replace(/^https?:\/\//, '').replace(/\/$/, ''));
    const buffer = (text: string | Buffer | undefined) => (text === undefined ? null : Buffer.from(text));
    const secure = tls ? credentials.createSsl(buffer(tls.ca), buffer(tls.key), buffer(tls.cert)) : credentials.createInsecure();
    this.#client = new Client(hosts.length === 1 ? hosts[0]! : `ipv4:${hosts.join(',')}`, secure, {
      'grpc.max_receive_message_length': -1,
      'grpc.keepalive_time_ms': 30_000,
      'grpc.keepalive_timeout_ms': 10_000,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2000,
    });
  }

  call<M extends keyof typeof METHODS>(method: M, request: object, deadlineMs = DEADLINE_MS): Promise<Answers[M]> {
    const [path, requestType, answerType] = METHODS[method];
    return new Promise((resolve, reject) => {
      const deadline = new Date(performance.timeOrigin + performance.now() + deadlineMs);
      this.#client.makeUnaryRequest(
        path,
        this.#encoder(requestType),
        this.#decoder<Answers[M]>(answerType),
        request,
        { deadline },
        (error, answer) => (error ? reject(error) : resolve(answer!)),
      );
    });
  }

  /** Messages of one watch; ends when `signal` aborts. What is not read stays in etcd. */
  async *watch(create: object, signal: AbortSignal): AsyncGenerator<WatchResponse> {
    const stream: ClientDuplexStream<object, WatchResponse> = this.#client.makeBidiStreamRequest(
      '/etcdserverpb.Watch/Watch',
      this.#encoder('WatchRequest'),
      this.#decoder<WatchResponse>('WatchResponse'),
    );
    const onAbort = () => stream.cancel();
    signal.addEventListener('abort', onAbort, { once: true });
    stream.on('error', () => {}); // the loop below sees it; after its end nobody does
    try {
      if (signal.aborted) return;
      stream.write({ createRequest: create });
      for await (const message of stream) yield message as WatchResponse;
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      stream.cancel();
    }
  }

  close(): void {
    this.#client.close();
  }

  #encoder(type: string): (message: object) => Buffer {
    const codec = this.#root.lookupType(type);
    return (message) => codec.encode(message).finish() as Buffer;
  }

  #decoder<T>(type: string): (bytes: Buffer) => T {
    const codec = this.#root.lookupType(type);
    return (bytes) => codec.decode(bytes) as unknown as T;
  }
}

/** etcd answers OUT_OF_RANGE for a revision that is forgotten or that is not there yet; only the text tells which. */
export function outOfRange(error: unknown): 'compacted' | 'future' | undefined {
  const { code, details = '' } = error as ServiceError;
  if (code !== status.OUT_OF_RANGE) return undefined;
  return details.includes('compacted') ? 'compacted' : 'future';
}
