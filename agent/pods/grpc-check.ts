// grpc.health.v1.Health/Check, for gRPC probes. The two messages are written and read by hand: one field each.
import { type ClientOptions, credentials, makeClientConstructor, type ServiceError, status } from '@grpc/grpc-js';
import type { CheckAnswer } from './http-check.ts';

const SERVING = 1;
const PATH = '/grpc.health.v1.Health/Check';

const encodeRequest = (service: string): Buffer => {
  const name = Buffer.from(service);
  return name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
};
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

/** ok: the service answers SERVING. */
export function grpcCheck(host: string, port: number, service: string, timeoutMs: number, userAgent: string): Promise<CheckAnswer> {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const options: ClientOptions = { 'grpc.primary_user_agent': userAgent, 'grpc.enable_retries': 0, 'grpc.use_local_subchannel_pool': 1 };
  const client = new HealthClient(address, credentials.createInsecure(), options);
  return new Promise<CheckAnswer>((resolve) => {
    const deadline = AbortSignal.timeout(timeoutMs);
    const call = client['check']?.(service, (error: ServiceError | null, state: number) => {
      if (!error)
        resolve({ ok: state === SERVING, text: `service unhealthy (responded with "${state === 2 ? 'NOT_SERVING' : 'UNKNOWN'}")` });
      else if (error.code === status.CANCELLED)
        resolve({
          ok: false,
          text: `timeout: failed to connect service "${address}" within ${timeoutMs / 1000}s: context deadline exceeded`,
        });
      else if (error.code === status.UNIMPLEMENTED)
        resolve({
          ok: false,
          text: `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${error.details}`,
        });
      else resolve({ ok: false, text: `error: health rpc probe failed: ${error.message}` });
    });
    deadline.addEventListener('abort', () => call?.cancel(), { once: true });
  }).finally(() => client.close());
}
