// What the server counts, and /metrics. Cheap on the hot path: label objects are reused.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ApiRequest, ApiResponse } from './request.ts';

export class Metrics {
  readonly registry = new Registry();
  readonly #requests = new Counter({
    name: 'apiserver_request_total',
    help: 'Requests by verb, resource and code.',
    labelNames: ['verb', 'group', 'version', 'resource', 'subresource', 'scope', 'code'],
    registers: [this.registry],
  });
  readonly #durations = new Histogram({
    name: 'apiserver_request_duration_seconds',
    help: 'Time from the request to the answer, without the sending.',
    labelNames: ['verb', 'group', 'resource'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.25, 1, 5, 30],
    registers: [this.registry],
  });
  readonly #inflight = new Gauge({
    name: 'apiserver_current_inflight_requests',
    help: 'Requests that are being worked on.',
    registers: [this.registry],
  });
  #pending = new Map<string, { request: ApiRequest; code: number; count: number; seconds: number[] }>();
  inflight = 0;

  /** Counted in a map first; prom-client is fed when someone reads. */
  observe(request: ApiRequest, code: number, seconds: number): void {
    const { verb, resource, subresource } = request.info;
    const key = `${verb}|${request.info.group}|${resource}|${subresource}|${code}`;
    let entry = this.#pending.get(key);
    if (entry === undefined)
      this.#pending.set(key, (entry = { request: { info: request.info } as ApiRequest, code, count: 0, seconds: [] }));
    entry.count++;
    entry.seconds.push(seconds);
    if (entry.seconds.length > 1000) this.#flush();
  }

  async answer(): Promise<ApiResponse> {
    this.#flush();
    this.#inflight.set(this.inflight);
    return {
      status: 200,
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores' },
      body: await this.registry.metrics(),
    };
  }

  #flush(): void {
    const pending = this.#pending;
    this.#pending = new Map();
    for (const { request, code, count, seconds } of pending.values()) {
      const { verb, group, version, resource, subresource, namespace } = request.info;
      const labels = {
        verb: verb.toUpperCase(),
        group,
        version,
        resource,
        subresource,
        scope: namespace ? 'namespace' : 'cluster',
        code: String(code),
      };
      this.#requests.inc(labels, count);
      for (const value of seconds) this.#durations.observe({ verb: labels.verb, group, resource }, value);
    }
  }
}
