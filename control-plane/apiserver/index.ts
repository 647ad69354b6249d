// Entry of the API server: its parts joined; requests come from sockets or from the in-process client.
import { badRequest, type KubeObject, parseApiVersion } from '../../api/meta/index.ts';
import type { Client } from '../../kit/client/index.ts';
import { type Clock, type Logger, repeat, rfc3339, silentLogger, systemClock } from '../../kit/run/index.ts';
import type { Store } from '../store/index.ts';
import { Aggregator, type FrontProxy } from './aggregation/index.ts';
import { type Audit, auditIdOf } from './audit/index.ts';
import { type ApiService, bootstrap, serviceCidr } from './bootstrap.ts';
import { inProcessClient } from './client.ts';
import { convertObject, shapedObject } from './convert.ts';
import type { Core } from './core.ts';
import { CrdRegistry } from './crd/registry.ts';
import { Deadlines } from './deadlines.ts';
import { dispatcher, type Paths } from './dispatch.ts';
import { documentPaths, VERSION } from './documents.ts';
import { type Encoded, encode, encodeError, isWatch } from './encode.ts';
import { Fairness } from './flowcontrol/index.ts';
import type { MakeSecurity, ServerServices } from './handlers.ts';
import { type Check, healthPaths } from './health.ts';
import { SELF, userAgentOf } from './identity.ts';
import { KindTable } from './kind-table.ts';
import { type Address, type Listener, listen, type TlsOptions } from './listener.ts';
import { countLongRunning, type EncryptionReloads, Metrics } from './metrics/index.ts';
import { asStatusError, type Handle, join, stagesOf } from './pipeline.ts';
import { readerOf } from './reader.ts';
import type { ApiRequest, UserInfo } from './request.ts';
import { isWellEscaped, requestInfo } from './requestinfo.ts';
import { serviceHook } from './services/hook.ts';
import { createdAt } from './storage/codec.ts';
import { Storage } from './storage/storage.ts';
import { Termination } from './termination.ts';
import { inRequestSpan } from './tracing/index.ts';
import { endWatches, tickWatches } from './verbs/watch-session.ts';
import type { WatchLines } from './watch-lines.ts';
import { WebhookClient } from './webhook/index.ts';

export { type Audit, type AuditConfig, openAudit } from './audit/index.ts';
export type { AuthenticationSettings } from './authn/index.ts';
export type { MakeSecurity, Security, ServerServices, SubresourceHandler, SubresourceHandlers } from './handlers.ts';
export { identityOf, userAgentOf } from './identity.ts';
export type { Address, TlsOptions } from './listener.ts';
export { EncryptionReloads } from './metrics/index.ts';
export type { UserInfo } from './request.ts';
export { createSecurity, type SecurityOptions } from './security.ts';
export { openTracing, readTracing } from './tracing/index.ts';

export interface ApiServerOptions {
  store: Store;
  /** No other server writes to the store (default true: the embedded and memory drivers). */
  exclusiveStore?: boolean;
  /** e.g. 10.0.0.0/16 */
  serviceCIDR: string;
  /** As nodes reach this server; fills the Service `kubernetes`. Absent: that Service is not made. */
  advertise?: Address;
  security: MakeSecurity;
  audit?: Audit | undefined;
  /** Shown among the metrics; counted by who follows the configuration. */
  encryption?: EncryptionReloads | undefined;
  /** How extension servers recognise us; without it they are told nothing and see us as anonymous. */
  frontProxy?: FrontProxy;
  /** Between the failing of readyz and the end of listening; default none. */
  shutdownDelayMs?: number | undefined;
  /** Seats that priority and fairness gives out; default 600, as upstream's two limits together. */
  maxRequestsInFlight?: number | undefined;
  goawayChance?: number | undefined;
  clock?: Clock;
  log?: Logger;
}

export interface ApiServer {
  /** Loads the store, creates what every cluster has. Before it, requests are refused. */
  start(): Promise<void>;
  handle: Handle;
  /** In-process client that acts as `user`. */
  client(user: UserInfo, agent?: string): Client;
  /** As the server itself: system:apiserver in system:masters. */
  self: Client;
  services: ServerServices;
  listen(options: { addresses: readonly (Address | { fd: number })[]; tls: TlsOptions }): Promise<Listener>;
  close(): Promise<void>;
}

const FLOW_SCHEMAS = { group: 'flowcontrol.apiserver.k8s.io', plural: 'flowschemas' };
const PRIORITY_LEVELS = { group: 'flowcontrol.apiserver.k8s.io', plural: 'prioritylevelconfigurations' };

export function createApiServer(options: ApiServerOptions): ApiServer {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLogger;
  const kinds = new KindTable();
  const metrics = new Metrics();
  const listeners: Listener[] = [];
  const deadlines = new Deadlines(
    () => clock.nowMs(),
    (end) => metrics.requests.endedLate(end),
  );
  let ready = false;
  /** From then on plug-ins that users configure are asked too. */
  let open = false;
  let stopping = false;
  let failure: unknown;
  const storage = new Storage({
    store: options.store,
    exclusive: options.exclusiveStore ?? true,
    defaults: (object) => defaultsOf(kinds, object),
    observe: (operation, { group, plural }, seconds) => metrics.observeStore(operation, group, plural, seconds),
    onFailure(error) {
      failure = error;
      log.fatal({ err: error }, 'the feed of changes broke');
    },
  });

  let handle: Handle = () => Promise.reject(new Error('the server is being made'));
  const client = (user: UserInfo, agent?: string) => inProcessClient((request) => handle(request), user, agent);
  const self = client(SELF, userAgentOf('kube-apiserver', SELF));
  const reader = readerOf(storage);
  const services: ServerServices = {
    reader,
    clock,
    log,
    client,
    self,
    kindFor: (group, version, plural) => kinds.find(group, version, plural)?.kind,
    served: ({ group, version, kind }) => kinds.byKind(group, version, kind),
    equivalentsOf: (kind) => kinds.equivalentsOf(kind),
    convert: (object, from, to) => convertObject(kinds, object, from, to),
    shaped: (object, kind) => shapedObject(kinds, object, kind),
    webhooks: new WebhookClient(reader),
    webhookMetrics: metrics.webhooks,
    admissionMetrics: metrics.admission,
    accessMetrics: metrics.access,
  };
  const security = options.security(services);
  const serviceHooks = serviceHook({
    serviceCIDR: options.serviceCIDR,
    services: () => storage.cache({ group: '', plural: 'services' }).objects(),
    serviceCIDRs: () => storage.cache({ group: 'networking.k8s.io', plural: 'servicecidrs' }).objects(),
    isRecorded: (ip) => storage.get({ group: 'networking.k8s.io', plural: 'ipaddresses' }, '', ip) !== undefined,
    client: self,
  });
  const own = security.admission.filter((plugin) => !plugin.ofUsers);
  const core: Core = {
    storage,
    kinds,
    clock,
    log,
    services,
    hooks: { '/services': serviceHooks },
    get admission() {
      return open ? security.admission : own;
    },
    handlers: security.handlers,
  };

  const crds = new CrdRegistry(core);
  const aggregator = new Aggregator(core, metrics.aggregation, options.frontProxy);

  const schemas = storage.cache(FLOW_SCHEMAS);
  const levels = storage.cache(PRIORITY_LEVELS);
  const fairness = new Fairness({
    seats: options.maxRequestsInFlight ?? 600,
    schemas: () => schemas.objects(),
    levels: () => levels.objects(),
    version: () => schemas.changed + levels.changed,
    stored: ({ group, resource: plural }) => storage.count({ group, plural }),
    clock,
  });

  const whenStarted = () => {
    if (!ready) throw new Error('not started');
  };
  const checks: Record<string, Check> = {
    ping: () => {},
    log: () => {},
    etcd: async () => void (await options.store.revision()),
    'informer-sync': whenStarted,
    'poststarthook/priority-and-fairness-config-consumer': whenStarted,
    'poststarthook/crd-informer-synced': whenStarted,
    'poststarthook/start-system-namespaces-controller': whenStarted,
    'poststarthook/rbac/bootstrap-roles': whenStarted,
    'poststarthook/scheduling/bootstrap-system-priority-classes': whenStarted,
    feed: () => {
      if (failure) throw failure;
    },
    shutdown: () => {
      if (stopping) throw new Error('process is shutting down');
    },
  };
  const { audit, encryption } = options;
  const sources = { storage, fairness, aggregator, audit, encryption, gitVersion: VERSION.gitVersion, startedMs: clock.nowMs() };
  const others = {
    ...security.paths,
    ...healthPaths(checks, ['informer-sync', 'shutdown']),
    '/metrics': () => metrics.answer(sources),
  };
  const serverAddress = options.advertise ? `${options.advertise.host}:${options.advertise.port}` : '';
  const paths: Paths = { ...documentPaths({ kinds, serverAddress, otherPaths: Object.keys(others) }), ...others };
  handle = join(stagesOf(security, { audit, fairness: fairness.stage }), aggregator.around(dispatcher(core, paths)));

  async function answer(request: ApiRequest): Promise<Encoded> {
    const started = performance.now();
    const end = metrics.requests.begin(request);
    let encoded: Encoded;
    try {
      request.info = requestInfo(request.method, request.path, request.query);
      if (!isWellEscaped(request.path)) throw badRequest(`invalid URL escape in ${JSON.stringify(request.path)}`);
      const response = await deadlines.within(request, () => inRequestSpan(request, () => handle(request)));
      encoded = response.hijacked
        ? { status: 101, headers: {}, body: undefined, hijacked: true }
        : encode(request, response, clock.nowMs());
    } catch (error) {
      const status = asStatusError(error, request, log);
      if (status instanceof Termination) {
        const { group, version, resource } = request.info;
        const served = kinds.find(group, version, resource); // it may not have come to where that is looked up
        if (served) request.served = served;
        metrics.requests.terminated(request, status.code, request.path in paths);
      }
      encoded = encodeError(request, status);
    }
    encoded.headers['audit-id'] = auditIdOf(request);
    const { flow } = request;
    if (flow) {
      encoded.headers['x-kubernetes-pf-flowschema-uid'] = flow.schemaUid;
      encoded.headers['x-kubernetes-pf-prioritylevel-uid'] = flow.levelUid;
    }
    end();
    const { body } = encoded;
    const bytes = typeof body === 'string' || body instanceof Uint8Array ? body.length : undefined;
    metrics.requests.observe(request, encoded.status, (performance.now() - started) / 1000, bytes, request.path in paths);
    if (isWatch(body)) countLines(body, metrics.requests.watchOf(request));
    countLongRunning(request, encoded, () => metrics.requests.longRunning(request, false));
    return encoded;
  }

  const ticker = repeat(
    1000,
    () => {
      deadlines.tick();
      tickWatches(clock.nowMs());
    },
    (error) => log.error({ err: error }, 'watch timer'),
  );
  const sweeper = repeat(
    30_000,
    () => sweep(core),
    (error) => log.error({ err: error }, 'sweeper'),
  );

  return {
    handle: (request) => handle(request),
    client,
    self,
    services,
    async start() {
      await storage.start();
      serviceHooks.load();
      crds.start();
      const service: ApiService | undefined = options.advertise && { clusterIP: serviceHooks.firstAddress, advertise: options.advertise };
      await bootstrap(self, kinds, [serviceCidr(options.serviceCIDR), ...(security.bootstrap ?? [])], service);
      await aggregator.start();
      ready = open = true;
    },
    async listen({ addresses, tls }) {
      const listener = await listen({
        addresses,
        tls,
        log,
        goawayChance: options.goawayChance,
        answer,
        onAbort: (request) => metrics.requests.aborted(request),
        onHandshakeError: () => metrics.requests.handshakeFailed(),
      });
      listeners.push(listener);
      return listener;
    },
    async close() {
      stopping = true;
      await clock.sleep(options.shutdownDelayMs ?? 0); // still serving: who balances load sees readyz fail first
      const closed = listeners.map((listener) => listener.close());
      endWatches(core);
      await Promise.all(closed);
      ticker.stop();
      sweeper.stop();
      crds.stop();
      await aggregator.stop();
      endWatches(core); // of in-process clients that came since
      services.webhooks.close();
      storage.stop();
      await options.audit?.close();
    },
  };
}

function countLines(watch: WatchLines, count: (bytes: number) => void): void {
  const { line } = watch;
  watch.line = (seen) => {
    const made = line(seen);
    count(made.length);
    return made;
  };
}

function defaultsOf(kinds: KindTable, object: KubeObject): void {
  if (!object.apiVersion || !object.kind) return;
  const { group, version } = parseApiVersion(object.apiVersion);
  const served = kinds.byKind(group, version, object.kind);
  // Custom objects are filled when a version is read: what is stored is served as it is otherwise.
  if (!served?.custom) served?.kind.defaults?.(object);
}

/** Removes objects whose kind gives them a time to live (events). */
async function sweep(core: Core): Promise<void> {
  for (const { kind, resource } of core.kinds.all()) {
    if (kind.ttlSeconds === undefined || kind.storage) continue;
    const before = rfc3339(core.clock.nowMs() - kind.ttlSeconds * 1000);
    for (const item of core.storage.cache(resource).range('', undefined)) {
      const created = createdAt(item.stored);
      if (created !== undefined && created < before) await core.storage.remove(resource, item).catch(() => {});
    }
  }
}
