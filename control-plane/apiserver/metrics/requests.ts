// What is counted of requests, by upstream's names and labels. Label values come from what is served, never from what was asked: their number is bounded.
import { Counter, type CounterSeries, type Family, Gauge, Histogram, type HistogramSeries } from '../../../kit/metrics/index.ts';
import type { LateEnd } from '../deadlines.ts';
import type { ApiRequest } from '../request.ts';

/** Upstream's own bounds. */
const SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
/** Upstream's own too: the same without the two shortest. */
const OWN_SECONDS = SECONDS.slice(2);
const BYTES = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const EVENT_BYTES = [1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072];
/** Sub-resources that are connections or streams: one verb for all. */
export const CONNECT = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);
const METHODS: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
};

/** Kinds of requests whose series are kept at hand: their number is bounded by what is served. */
const REMEMBERED_MAX = 10_000;

/** The series of requests that differ in nothing but their answers; made when they are first needed. */
interface RequestSeries {
  readonly isDryRun: boolean;
  readonly totals: Map<number, CounterSeries>;
  total(code: number): CounterSeries;
  durations?: HistogramSeries;
  duration(): HistogramSeries;
  sizes?: HistogramSeries;
  size(): HistogramSeries;
  ownTimes?: HistogramSeries;
  ownTime(): HistogramSeries;
  longRunnings?: CounterSeries;
  longRunning(): CounterSeries;
  terminated(code: number): void;
  aborted(): void;
}

export class RequestMetrics {
  readonly #total = new Counter(
    'apiserver_request_total',
    'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
  );
  readonly #durations = new Histogram(
    'apiserver_request_duration_seconds',
    'Response latency in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
    SECONDS,
  );
  readonly #ownDurations = new Histogram(
    'apiserver_request_sli_duration_seconds',
    'Time in seconds until the answer, without what admission webhooks and the queues of priority and fairness took of it.',
    OWN_SECONDS,
  );
  readonly #sizes = new Histogram(
    'apiserver_response_sizes',
    'Response size in bytes for each group, version, verb, resource, subresource, scope and component.',
    BYTES,
  );
  readonly #longRunning = new Gauge(
    'apiserver_longrunning_requests',
    'Watches, connections and streams that are open now, by verb, group, version, resource, scope and component.',
  );
  readonly #terminations = new Counter(
    'apiserver_request_terminations_total',
    'Requests that the server ended to protect itself: too many of them, or one that took too long.',
  );
  readonly #aborts = new Counter(
    'apiserver_request_aborts_total',
    'Answers that were given up because their client took too long over them.',
  );
  readonly #late = new Counter(
    'apiserver_request_post_timeout_total',
    'Requests whose work ended after they had timed out, by how it ended.',
  );
  readonly #handshakes = new Counter('apiserver_tls_handshake_errors_total', 'Connections whose TLS handshake failed.');
  readonly #handshakeErrors = this.#handshakes.series('', () => ({}));
  readonly #watchEvents = new Counter('apiserver_watch_events_total', 'Number of events sent in watch clients.');
  readonly #watchSizes = new Histogram('apiserver_watch_events_sizes', 'Watch event size distribution in bytes', EVENT_BYTES);
  readonly #series = new Map<string, RequestSeries>();
  /** Being worked on now: upstream's two kinds. */
  mutating = 0;
  readOnly = 0;

  get families(): readonly Family[] {
    return [
      this.#total,
      this.#durations,
      this.#ownDurations,
      this.#sizes,
      this.#longRunning,
      this.#terminations,
      this.#aborts,
      this.#late,
      this.#handshakes,
      this.#watchEvents,
      this.#watchSizes,
    ];
  }

  begin(request: Pick<ApiRequest, 'method'>): () => void {
    if (request.method === 'GET' || request.method === 'HEAD') {
      this.readOnly++;
      return () => void this.readOnly--;
    }
    this.mutating++;
    return () => void this.mutating--;
  }

  /** `bytes`: of the answer's body where it is known. `known`: the path is one of the server's own. */
  observe(request: ApiRequest, code: number, seconds: number, bytes: number | undefined, known: boolean): void {
    const series = this.#seriesOf(request, known);
    let total = series.totals.get(code);
    if (total === undefined) series.totals.set(code, (total = series.total(code)));
    total.value++;
    if (request.info?.verb === 'watch') return;
    (series.durations ??= series.duration()).observe(seconds);
    if (!series.isDryRun) (series.ownTimes ??= series.ownTime()).observe(seconds - (request.waitedSeconds ?? 0));
    if (bytes !== undefined && request.method === 'GET') (series.sizes ??= series.size()).observe(bytes);
  }

  /** The server ended it in self-defence. */
  terminated(request: ApiRequest, code: number, known: boolean): void {
    this.#seriesOf(request, known).terminated(code);
  }

  /** Its answer was given up. */
  aborted(request: ApiRequest): void {
    this.#seriesOf(request, false).aborted();
  }

  /** One that lives on; to be told when it is over. */
  longRunning(request: ApiRequest, known: boolean): () => void {
    const series = this.#seriesOf(request, known);
    const gauge = (series.longRunnings ??= series.longRunning());
    gauge.value++;
    return () => void gauge.value--;
  }

  endedLate(status: LateEnd): void {
    this.#late.add(status, () => ({ source: 'timeout-handler', status }));
  }

  handshakeFailed(): void {
    this.#handshakeErrors.value++;
  }

  /** All series of such requests, found by one key. */
  #seriesOf(request: ApiRequest, known: boolean): RequestSeries {
    const { info, served } = request;
    const resource = served ? info.resource : '';
    const subresource = subresourceOf(request, known);
    const verb = verbOf(request);
    const scope = scopeOf(info, served !== undefined);
    const group = served ? info.group : '';
    const version = served ? info.version : '';
    const dry_run = request.query.get('dryRun') === 'All' ? 'All' : '';
    const key = `${verb}|${group}|${version}|${resource}|${subresource}|${scope}`;
    const whole = dry_run === '' ? key : `${key}|${dry_run}`;
    let series = this.#series.get(whole);
    if (series !== undefined) return series;
    const labels = () => ({ component: 'apiserver', group, resource, scope, subresource, verb, version });
    series = {
      isDryRun: dry_run !== '',
      totals: new Map(),
      total: (code) => this.#total.series(`${whole}|${code}`, () => ({ ...labels(), dry_run, code: String(code) })),
      duration: () => this.#durations.series(whole, () => ({ ...labels(), dry_run })),
      size: () => this.#sizes.series(key, labels),
      ownTime: () => this.#ownDurations.series(key, labels),
      longRunning: () => this.#longRunning.series(key, labels),
      terminated: (code) => this.#terminations.add(`${key}|${code}`, () => ({ ...labels(), code: String(code) })),
      aborted: () => this.#aborts.add(key, () => ({ group, resource, scope, subresource, verb, version })),
    };
    if (this.#series.size < REMEMBERED_MAX) this.#series.set(whole, series);
    return series;
  }

  /** Counts the lines of one watch. */
  watchOf(request: ApiRequest): (bytes: number) => void {
    const { group, version, resource } = request.info;
    const key = `${group}|${version}|${resource}`;
    const labels = () => ({ group, version, resource });
    let events: CounterSeries | undefined;
    let sizes: HistogramSeries | undefined;
    return (bytes) => {
      (events ??= this.#watchEvents.series(key, labels)).value++;
      (sizes ??= this.#watchSizes.series(key, labels)).observe(bytes);
    };
  }
}

/** A sub-resource that there is, or one of the server's own paths. */
function subresourceOf({ info, served, path }: ApiRequest, known: boolean): string {
  if (!served) return known ? path : '';
  if (info.subresource === '') return '';
  return served.kind.subresources.some(({ name }) => name === info.subresource) ? info.subresource : '';
}

function verbOf({ info, method, headers }: ApiRequest): string {
  if (!info?.isResource) return ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'].includes(method) ? method : 'other';
  if (CONNECT.has(info.subresource)) return 'CONNECT';
  if (info.verb === 'patch' && headers['content-type']?.startsWith('application/apply-patch')) return 'APPLY';
  return METHODS[info.verb] ?? 'other';
}

function scopeOf(info: ApiRequest['info'], served: boolean): string {
  if (!served) return '';
  if (info.name !== '' || info.verb === 'create') return 'resource';
  return info.namespace === '' ? 'cluster' : 'namespace';
}
