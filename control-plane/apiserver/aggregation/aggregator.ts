// Extension servers behind APIServices: who is there, what they serve, and requests for them passed on.
import { deepEqual, isStatusError, type KubeObject } from '../../../api/meta/index.ts';
import { done, type Outcome, Reconciler } from '../../../kit/queue/index.ts';
import { repeat, rfc3339 } from '../../../kit/run/index.ts';
import { Conflict } from '../../store/store.ts';
import { pass } from '../connect/index.ts';
import type { Core } from '../core.ts';
import type { RemoteVersion } from '../kind-table.ts';
import type { AggregationMetrics } from '../metrics/index.ts';
import type { Handle } from '../pipeline.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import type { CacheEvent } from '../storage/item.ts';
import { Agents } from '../webhook/index.ts';
import { rewrite } from '../write/rewrite.ts';
import { API_SERVICES, type Condition, isAvailable, specOf, withCondition } from './api-service.ts';
import { availabilityOf } from './availability.ts';
import { namesIn } from './discovery.ts';
import { LocalApiServices } from './local.ts';
import { backendOf, documentOf, type RemoteOptions } from './remote.ts';
import { RemoteSwaggers } from './swagger.ts';
import { type FrontProxy, publishTrust, TRUST } from './trust.ts';
import { userHeaders, withoutIdentity } from './user-headers.ts';

const SERVICES = { group: '', plural: 'services' };
const SLICES = { group: 'discovery.k8s.io', plural: 'endpointslices' };
/** Extension servers are looked at again so often; upstream's resync. */
const RECHECK_MS = 30_000;
const RETRY = { baseMs: 1000, maxMs: RECHECK_MS };
const WORKERS = 4;
const IN_PROCESS_TIMEOUT_MS = 60_000;
const OPENAPI = '/openapi/v3';
const OPENAPI_V2 = '/openapi/v2';

/** What an extension server says of one group and version. */
type Known = Pick<RemoteVersion, 'names' | 'openApi'>;

export class Aggregator {
  readonly #core: Core;
  readonly #local: LocalApiServices;
  readonly #frontProxy: FrontProxy | undefined;
  readonly #agents = new Agents();
  readonly #remote: RemoteOptions;
  readonly #swaggers: RemoteSwaggers;
  /** Served elsewhere, by `group/version`. */
  #elsewhere = new Map<string, KubeObject>();
  readonly #known = new Map<string, Known>();
  readonly #stop = new AbortController();
  readonly #checks: Reconciler;
  readonly #metrics: AggregationMetrics;
  #unsubscribe: (() => void)[] = [];
  #turn = 0;

  constructor(core: Core, metrics: AggregationMetrics, frontProxy?: FrontProxy) {
    this.#core = core;
    this.#metrics = metrics;
    this.#frontProxy = frontProxy;
    this.#local = new LocalApiServices(core);
    this.#remote = { reader: core.services.reader, agents: this.#agents, frontProxy };
    this.#swaggers = new RemoteSwaggers(
      (object) => documentOf(this.#remote, object, OPENAPI_V2, this.#turn++),
      () => core.clock.nowMs(),
    );
    this.#checks = new Reconciler({
      reconcile: (name) => this.#check(name),
      workersMax: WORKERS,
      signal: this.#stop.signal,
      onError: (name, err) => core.log.error({ err, name }, 'an APIService'),
      backoff: RETRY,
    });
  }

  /** After the kinds and the namespaces of the system are there. */
  async start(): Promise<void> {
    const { storage } = this.#core;
    await this.#local.start();
    if (this.#frontProxy) {
      const present = storage.get(TRUST.resource, TRUST.namespace, TRUST.name)?.object;
      await publishTrust(this.#core.services.self, present, this.#frontProxy);
    }
    const cache = storage.cache(API_SERVICES);
    this.#rebuild();
    for (const object of cache.objects()) this.#checks.add(object.metadata.name!);
    this.#unsubscribe = [
      cache.subscribe({ offer: (event) => this.#changed(event) }),
      storage.cache(SERVICES).subscribe({ offer: ({ item }) => this.#touched(item.object.metadata.namespace, item.object.metadata.name) }),
      storage.cache(SLICES).subscribe({
        offer: ({ item: { object } }) => this.#touched(object.metadata.namespace, object.metadata.labels?.['kubernetes.io/service-name']),
      }),
    ];
    const timer = repeat(
      RECHECK_MS,
      () => this.#recheck(),
      () => {},
    );
    this.#unsubscribe.push(() => timer.stop());
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    for (const stop of this.#unsubscribe) stop();
    this.#agents.close();
    await this.#local.settled();
  }

  /** Requests for extension servers go there, all others on. Costs nothing while there are none. */
  around(next: Handle): Handle {
    return (request) => {
      if (this.#elsewhere.size === 0) return next(request);
      const [, root, group, version] = request.path.replace(/^\/openapi\/v3\//, '/').split('/');
      const apiService = root === 'apis' ? this.#elsewhere.get(`${group}/${version}`) : undefined;
      return apiService === undefined ? next(request) : this.#pass(apiService, request);
    };
  }

  /** Whether each registration is available, by its name. */
  *availabilities(): Generator<readonly [string, boolean]> {
    for (const object of this.#core.storage.cache(API_SERVICES).objects()) yield [object.metadata.name!, isAvailable(object)];
  }

  async #pass(apiService: KubeObject, request: ApiRequest): Promise<ApiResponse> {
    if (!isAvailable(apiService)) return UNAVAILABLE;
    let backend: ReturnType<typeof backendOf>;
    try {
      backend = backendOf(this.#remote, apiService, this.#turn++);
    } catch (error) {
      this.#core.log.debug({ err: error, name: apiService.metadata.name }, 'an extension server has no address');
      return UNAVAILABLE;
    }
    const body = request.method === 'GET' || request.method === 'HEAD' || request.upgrade ? undefined : await request.body();
    const bytes = body === undefined || body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
    const query = request.query.size > 0 ? `?${request.query}` : '';
    // A client of this process has no deadline of its own.
    const signal = request.abort || request.info.verb === 'watch' ? request.signal : AbortSignal.timeout(IN_PROCESS_TIMEOUT_MS);
    const inner = Object.create(request, { headers: { value: withoutIdentity(request.headers) }, signal: { value: signal } }) as ApiRequest;
    return pass(inner, backend, {
      path: request.path + query,
      headers: {
        host: backend.kept!.serverName,
        ...userHeaders(request.user!),
        'x-forwarded-for': request.remoteAddress,
        'x-forwarded-uri': request.path,
        'x-forwarded-proto': 'https',
      },
      ...(bytes?.length ? { body: bytes } : {}),
    });
  }

  #changed({ item }: CacheEvent): void {
    this.#rebuild();
    this.#local.check();
    this.#checks.add(item.object.metadata.name!);
  }

  #touched(namespace: string | undefined, name: string | undefined): void {
    for (const apiService of this.#elsewhere.values()) {
      const { service } = specOf(apiService);
      if (service!.namespace === namespace && service!.name === name) this.#checks.add(apiService.metadata.name!);
    }
  }

  #recheck(): void {
    for (const apiService of this.#elsewhere.values()) this.#checks.add(apiService.metadata.name!);
  }

  /** Takes over what the registrations say now. */
  #rebuild(): void {
    const before = this.#elsewhere.size;
    this.#elsewhere = new Map();
    for (const object of this.#core.storage.cache(API_SERVICES).objects()) {
      const { group = '', version, service } = specOf(object);
      if (service !== undefined && group !== '') this.#elsewhere.set(`${group}/${version}`, object);
    }
    for (const key of this.#known.keys()) if (!this.#elsewhere.has(key)) this.#known.delete(key);
    this.#swaggers.keepOnly(this.#elsewhere.values());
    if (before > 0 || this.#elsewhere.size > 0) this.#publish();
  }

  #publish(): void {
    this.#core.kinds.setRemote(
      [...this.#elsewhere].map(([key, object]) => {
        const { group = '', version, groupPriorityMinimum, versionPriority } = specOf(object);
        const known = this.#known.get(key) ?? { names: [] };
        const swagger = () => this.#swaggers.of(object);
        return { group, version, groupPriorityMinimum, versionPriority, stale: !isAvailable(object), swagger, ...known };
      }),
    );
  }

  /** One look at one registration: its condition, and what the server behind it serves. */
  async #check(name: string): Promise<Outcome> {
    const object = this.#core.storage.get(API_SERVICES, '', name)?.object;
    if (object === undefined) return done;
    const { group = '', version } = specOf(object);
    const path = `/apis/${group}/${version}`;
    let list: unknown;
    const condition = await availabilityOf(object, this.#core.services.reader, async () => {
      list = await documentOf(this.#remote, object, path, this.#turn++);
    });
    if (list !== undefined) await this.#learn(object, list);
    await this.#tell(object, condition);
    return condition.reason === 'FailedDiscoveryCheck' ? { retryAfterMs: RETRY.baseMs * 5 } : done;
  }

  async #learn(object: KubeObject, list: unknown): Promise<void> {
    const { group = '', version } = specOf(object);
    const key = `${group}/${version}`;
    // Its absence is no failure: older servers have no version 3.
    const index = await documentOf(this.#remote, object, OPENAPI, this.#turn++).catch(() => undefined);
    const openApi = (index as { paths?: Record<string, object> } | undefined)?.paths?.[`apis/${key}`];
    if (this.#elsewhere.get(key)?.metadata.uid !== object.metadata.uid) return;
    const names = namesIn(list, group, version);
    const changed = JSON.stringify(this.#known.get(key)) !== JSON.stringify({ names, openApi });
    this.#known.set(key, { names, openApi });
    if (changed) this.#publish();
  }

  /** `looked`: as it was when it was looked at. One that is another now has its own look coming. */
  async #tell(looked: KubeObject, condition: Condition): Promise<void> {
    const now = rfc3339(this.#core.clock.nowMs());
    let lost = false;
    try {
      await rewrite(this.#core, API_SERVICES, '', looked.metadata.name!, (copy) => {
        if (copy.metadata.uid !== looked.metadata.uid || !deepEqual(copy['spec'], looked['spec'])) return false;
        const status = withCondition(copy, condition, now);
        if (status === undefined) return false;
        lost = isAvailable(copy) && condition.status !== 'True';
        copy['status'] = status;
        return undefined;
      });
      if (lost) this.#metrics.becameUnavailable(looked.metadata.name!, condition.reason);
    } catch (error) {
      if (!(error instanceof Conflict) && !isStatusError(error, 'NotFound')) throw error;
    }
  }
}

const UNAVAILABLE: ApiResponse = {
  status: 503,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
  body: 'service unavailable\n',
};
