// What is counted of requests, by upstream's names and labels. Label values come from what is served, never from what was asked: their number is bounded.

import { Counter, Histogram, type Labels } from '../../../kit/metrics/index.ts';
import type { ApiRequest } from '../request.ts';

/** Upstream's own bounds. */
const SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const BYTES = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const CONNECT = new Set(['attach', 'exec', 'portforward', 'proxy']);
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

export class RequestMetrics {
  readonly total = new Counter(
    'apiserver_request_total',
    'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
  );
  readonly durations = new Histogram(
    'apiserver_request_duration_seconds',
    'Response latency in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
    SECONDS,
  );
  readonly sizes = new Histogram(
    'apiserver_response_sizes',
    'Response size in bytes for each group, version, verb, resource, subresource, scope and component.',
    BYTES,
  );
  readonly watchEvents = new Counter('apiserver_watch_events_total', 'Number of events sent in watch clients.');
  readonly watchBytes = new Counter('apiserver_watch_events_bytes_total', 'Bytes of the events sent to watch clients.');
  /** Being worked on now: upstream's two kinds. */
  mutating = 0;
  readOnly = 0;

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
    const { key, labels } = seriesOf(request, known);
    const dryRun = request.query.get('dryRun') === 'All' ? 'All' : '';
    const whole = () => ({ ...labels(), dry_run: dryRun });
    this.total.add(`${key}|${dryRun}|${code}`, () => ({ ...whole(), code: String(code) }));
    if (request.info?.verb === 'watch') return;
    this.durations.observe(`${key}|${dryRun}`, whole, seconds);
    if (bytes !== undefined && request.method === 'GET') this.sizes.observe(key, labels, bytes);
  }

  /** Counts the lines of one watch. */
  watchOf(request: ApiRequest): (bytes: number) => void {
    const { group, version, resource } = request.info;
    const key = `${group}|${version}|${resource}`;
    const labels = () => ({ group, version, resource });
    return (bytes) => {
      this.watchEvents.add(key, labels);
      this.watchBytes.add(key, labels, bytes);
    };
  }
}

function seriesOf(request: ApiRequest, known: boolean): { key: string; labels: () => Labels } {
  const { info, served } = request;
  const resource = served ? info.resource : '';
  const subresource = served
    ? served.kind.subresources.some(({ name }) => name === info.subresource)
      ? info.subresource
      : ''
    : known
      ? request.path
      : '';
  const verb = verbOf(request);
  const scope = scopeOf(info, served !== undefined);
  const group = served ? info.group : '';
  const version = served ? info.version : '';
  return {
    key: `${verb}|${group}|${version}|${resource}|${subresource}|${scope}`,
    labels: () => ({ component: 'apiserver', group, resource, scope, subresource, verb, version }),
  };
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
