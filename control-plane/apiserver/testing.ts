// A server for tests: memory store, open to all (no authorization), over TLS when asked.
import { createHttpsClient, type HttpsClient } from '../../kit/client/index.ts';
import { createCa, issue } from '../../kit/net/index.ts';
import { type Clock, systemClock } from '../../kit/run/index.ts';
import { openStore, type Store } from '../store/index.ts';
import type { Audit } from './audit/index.ts';
import type { Security } from './handlers.ts';
import { type ApiServer, createApiServer } from './index.ts';
import type { AdmissionPlugin, Stage, UserInfo } from './request.ts';

const ADMIN: UserInfo = { name: 'admin', groups: ['system:masters'] };

/** Everybody is the admin, who may everything. */
export function openDoors(admission: readonly AdmissionPlugin[] = []): Security {
  const authenticate: Stage = {
    name: 'authenticate',
    handle(request, next) {
      request.user ??= ADMIN;
      return next(request);
    },
  };
  return { authenticate, authorize: { name: 'authorize', handle: (request, next) => next(request) }, admission, handlers: {} };
}

export interface TestServer {
  server: ApiServer;
  client: HttpsClient;
  url: string;
  /** PEM of who signed the server's certificate. */
  ca: string;
  close(): Promise<void>;
}

export async function startTestServer(
  options: {
    admission?: readonly AdmissionPlugin[];
    audit?: Audit;
    maxRequestsInFlight?: number;
    goawayChance?: number;
    authenticate?: Stage['handle'];
    handlers?: Security['handlers'];
    store?: Store;
    shutdownDelayMs?: number;
    clock?: Clock;
  } = {},
): Promise<TestServer> {
  const store = options.store ?? (await openStore({ driver: 'memory' }));
  const server = createApiServer({
    store,
    serviceCIDR: '10.0.0.0/16',
    security: () => ({
      ...openDoors(options.admission),
      handlers: options.handlers ?? {},
      ...(options.authenticate ? { authenticate: { name: 'authenticate', handle: options.authenticate } } : {}),
    }),
    audit: options.audit,
    maxRequestsInFlight: options.maxRequestsInFlight,
    goawayChance: options.goawayChance,
    shutdownDelayMs: options.shutdownDelayMs,
    ...(options.clock ? { clock: options.clock } : {}),
  });
  await server.start();
  const nowMs = systemClock.nowMs();
  const ca = createCa('test-ca', nowMs);
  const serving = issue(ca, { commonName: 'kube-apiserver', dnsNames: ['localhost'], ips: ['127.0.0.1'], usages: ['server'] }, nowMs);
  const listener = await server.listen({ addresses: [{ host: '127.0.0.1', port: 0 }], tls: { cert: serving.cert, key: serving.key } });
  const url = `https://127.0.0.1:${listener.addresses[0]!.port}`;
  const client = createHttpsClient({ server: url, ca: ca.cert });
  return {
    ca: ca.cert,
    server,
    client,
    url,
    async close() {
      await client.close();
      await server.close();
      await store.close();
    },
  };
}
