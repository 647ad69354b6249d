// Entry of control-plane/apiserver/metrics: /metrics in Prometheus' text, by upstream's names.
import { Counter, type Family, Histogram, processFamilies, sampled } from '../../../kit/metrics/index.ts';
import type { Aggregator } from '../aggregation/index.ts';
import type { Audit } from '../audit/index.ts';
import type { Fairness } from '../flowcontrol/index.ts';
import type { ApiResponse } from '../request.ts';
import type { Storage } from '../storage/storage.ts';
import { AccessMetrics } from './access.ts';
import { AdmissionMetrics } from './admission.ts';
import { AggregationMetrics } from './aggregation.ts';
import type { EncryptionReloads } from './encryption.ts';
import { RequestMetrics } from './requests.ts';
import { storageFamilies } from './storage.ts';
import { WebhookMetrics } from './webhooks.ts';

export { AccessMetrics, type AuthenticationResult } from './access.ts';
export { AdmissionMetrics, type Enforcement, type Phase } from './admission.ts';
export type { AggregationMetrics } from './aggregation.ts';
export { EncryptionReloads } from './encryption.ts';
export { countLongRunning } from './long-running.ts';
export type { WebhookMetrics } from './webhooks.ts';

const STORE_SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

/** What /metrics reads at the moment it is asked. */
export interface Sources {
  storage: Pick<Storage, 'resources' | 'applied' | 'store'>;
  aggregator: Pick<Aggregator, 'availabilities'>;
  fairness: Fairness;
  audit: Audit | undefined;
  encryption: EncryptionReloads | undefined;
  gitVersion: string;
  startedMs: number;
}

export class Metrics {
  readonly requests = new RequestMetrics();
  readonly access = new AccessMetrics();
  readonly aggregation = new AggregationMetrics();
  readonly webhooks = new WebhookMetrics();
  readonly admission = new AdmissionMetrics();
  readonly #storeSeconds = new Histogram(
    'etcd_request_duration_seconds',
    'Etcd request latency in seconds for each operation and object type.',
    STORE_SECONDS,
  );
  readonly #storeTotal = new Counter('etcd_requests_total', 'Etcd request counts for each operation and object type.');

  /** One write to the store. */
  observeStore(operation: 'create' | 'update' | 'delete', group: string, resource: string, seconds: number): void {
    const key = `${operation}|${group}|${resource}`;
    const labels = () => ({ operation, group, resource });
    this.#storeTotal.add(key, labels);
    this.#storeSeconds.observe(key, labels, seconds);
  }

  async answer(sources: Sources): Promise<ApiResponse> {
    const { requests } = this;
    const families: Family[] = [
      ...requests.families,
      ...this.access.families,
      this.#storeTotal,
      this.#storeSeconds,
      ...this.webhooks.families,
      ...this.admission.families,
      sampled(
        'apiserver_current_inflight_requests',
        'Number of currently used inflight request limit of this apiserver per request kind.',
        'gauge',
        () => [
          [{ request_kind: 'mutating' }, requests.mutating],
          [{ request_kind: 'readOnly' }, requests.readOnly],
        ],
      ),
      sampled('apiserver_current_inqueue_requests', 'Requests that wait for their turn now, per request kind.', 'gauge', () => [
        [{ request_kind: 'mutating' }, sources.fairness.waiting.mutating],
        [{ request_kind: 'readOnly' }, sources.fairness.waiting.readOnly],
      ]),
      ...(await storageFamilies(sources.storage)),
      ...this.aggregation.families(() => sources.aggregator.availabilities()),
      ...sources.fairness.metrics.families(() => sources.fairness.levels),
      ...(sources.audit ? auditFamilies(sources.audit) : []),
      ...(sources.encryption?.families ?? []),
      sampled('kubernetes_build_info', 'A metric with a constant 1 value labeled by versions.', 'gauge', () => [
        [{ git_version: sources.gitVersion, platform: 'linux/amd64' }, 1],
      ]),
      ...processFamilies(sources.startedMs),
    ];
    return {
      status: 200,
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores' },
      body: families.map((family) => family.text()).join(''),
    };
  }
}

const auditFamilies = ({ events, file }: Audit): Family[] => [
  sampled('apiserver_audit_event_total', 'Counter of audit events generated and sent to the audit backend.', 'counter', () => [
    [{}, [...events.values()].reduce((sum, count) => sum + count, 0)],
  ]),
  sampled('apiserver_audit_level_total', 'Counter of policy levels for audit events (1 per request).', 'counter', () =>
    [...events].map(([level, count]) => [{ level }, count] as const),
  ),
  sampled('apiserver_audit_error_total', 'Counter of audit events that failed to be audited properly.', 'counter', () => [
    [{ plugin: 'log' }, file.lost],
  ]),
];
