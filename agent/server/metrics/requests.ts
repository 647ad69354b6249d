// Requests to this API: how many, for how long, how many at the moment. By upstream's names of paths; what is none of them is `other`.
import { Counter, type Family, Gauge, Histogram, type Labels } from '../../../kit/metrics/index.ts';

/** First parts of paths, and those of which the second part counts too. */
const PATHS: ReadonlySet<string> = new Set(
  'attach checkpoint configz containerLogs debug exec healthz logs metrics pods portForward run runningpods stats'.split(' '),
);
const METRICS: ReadonlySet<string> = new Set(['cadvisor', 'probes', 'resource']);
const LONG: ReadonlySet<string> = new Set(['attach', 'debug', 'exec']);
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class RequestMetrics {
  readonly #inflight = new Gauge('kubelet_http_inflight_requests', '[ALPHA] Number of the inflight http requests');
  readonly #seconds = new Histogram(
    'kubelet_http_requests_duration_seconds',
    '[ALPHA] Duration in seconds to serve http requests',
    SECONDS,
  );
  readonly #total = new Counter('kubelet_http_requests_total', '[ALPHA] Number of the http requests received since the server started');
  readonly families: readonly Family[] = [this.#inflight, this.#seconds, this.#total];

  async count<T>(method: string, parts: readonly string[], work: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    const labels = requestLabels(method, parts);
    const key = `${labels['method']} ${labels['path']}`;
    this.#total.add(key, () => labels);
    this.#inflight.add(key, () => labels);
    try {
      return await work();
    } finally {
      this.#inflight.add(key, () => labels, -1);
      this.#seconds.observe(key, () => labels, (performance.now() - begun) / 1000);
    }
  }
}

/** Pure. Of few values, whatever is asked. */
export function requestLabels(method: string, [first = '', second = '']: readonly string[]): Labels {
  const path = first === 'metrics' && METRICS.has(second) ? `${first}/${second}` : PATHS.has(first) ? first : 'other';
  return { long_running: String(LONG.has(first)), method: METHODS.has(method) ? method : 'other', path, server_type: 'readwrite' };
}
