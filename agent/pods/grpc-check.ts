// grpc.health.v1.Health/Check, for gRPC probes. The two messages are written and read by hand: one field each.
import { type ClientOptions, credentials, makeClientConstructor, type ServiceError, status } from '@grpc/grpc-js';
import { codeName } from '../../kit/grpc/index.ts';
import { systemClock } from '../../kit/run/index.ts';
import type { CheckAnswer } from './http-check.ts';

const STATES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const SERVING = 1;
const PATH = '/grpc.health.v1.Health/Check';
/** A server that is just starting is asked again soon. */
const RECONNECT_MS = 100;

/** Field 1, a text. */
export function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  if (name.length === 0) return name;
  const length: number[] = [];
  for (let rest = name.length; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.concat([Buffer.from([0x0a, ...length, rest]), name]);
    length.push((rest & 0x7f) | 0x80);
  }
}
/** Field 1, varint: the serving status. */
const decodeResponse = (bytes: Buffer): number => (bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0);

const HealthClient = makeClientConstructor(
  {
    check: {
      path: PATH,
      requestStream: false,
      responseStream: false,
      requestSerialize: encodeRequest,
      requestDeserialize: String,
      responseSerialize: () => Buffer.alloc(0),
      responseDeserialize: decodeResponse,
    },
  },
  'Health',
);

/** ok: the service answers SERVING. Connecting and asking together have the timeout; the words are those of upstream's probe. */
export async function grpcCheck(host: string, port: number, service: string, timeoutMs: number, userAgent: string): Promise<CheckAnswer> {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const options: ClientOptions = {
    'grpc.primary_user_agent': userAgent,
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': RECONNECT_MS,
    'grpc.max_reconnect_backoff_ms': RECONNECT_MS,
  };
  const client = new HealthClient(address, credentials.createInsecure(), options);
  const deadline = systemClock.nowMs() + timeoutMs;
  const failed = (text: string): CheckAnswer => ({ ok: false, text });
  const within = `${timeoutMs / 1000}s`;
  try {
    const isConnected = await new Promise<boolean>((resolve) => client.waitForReady(deadline, (error) => resolve(!error)));
    if (!isConnected) return failed(`timeout: failed to connect service "${address}" within ${within}: context deadline exceeded`);
    const [error, state] = await new Promise<[ServiceError | null, number]>((resolve) =>
      client['check']?.(service, { deadline }, (...answer: [ServiceError | null, number]) => resolve(answer)),
    );
    if (!error)
      return state === SERVING ? { ok: true, text: '' } : failed(`service unhealthy (responded with "${STATES[state] ?? state}")`);
    if (error.code === status.UNIMPLEMENTED)
      return failed(`error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${error.details}`);
    if (error.code === status.DEADLINE_EXCEEDED) return failed(`timeout: health rpc did not complete within ${within}`);
    return failed(`error: health rpc probe failed: rpc error: code = ${codeName(error.code)} desc = ${error.details}`);
  } finally {
    client.close();
  }
}
