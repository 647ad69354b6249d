// Entry of control-plane/apiserver/metrics: /metrics in Prometheus' text, by upstream's names.
import { Counter, type Family, Histogram, type Labels, processFamilies, sampled } from '../../../kit/metrics/index.ts';
import type { Audit } from '../audit/index.ts';
import type { Fairness } from '../flowcontrol/index.ts';
import type { ApiResponse } from '../request.ts';
import type { Storage } from '../storage/storage.ts';
import { AccessMetrics } from './access.ts';
import { AdmissionMetrics } from './admission.ts';
import type { EncryptionReloads } from './encryption.ts';
import { RequestMetrics } from './requests.ts';
import { WebhookMetrics } from './webhooks.ts';

export { AccessMetrics, type AuthenticationResult } from './access.ts';
export { AdmissionMetrics, type Enforcement, type Phase } from './admission.ts';
export { EncryptionReloads } from './encryption.ts';
export { countLongRunning } from './long-running.ts';
export type { WebhookMetrics } from './webhooks.ts';

const STORE_SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

/** What /metrics reads at the moment it is asked. */
export interface Sources {
  storage: Pick<Storage, 'resources'>;
  fairness: Fairness;
  audit: Audit | undefined;
  encryption: EncryptionReloads | undefined;
  gitVersion: string;
  startedMs: number;
}

export class Metrics {
  readonly requests = new RequestMetrics();
  readonly access = new AccessMetrics();
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

  answer(sources: Sources): ApiResponse {
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
      ...storageFamilies(sources.storage),
      ...fairnessFamilies(sources.fairness),
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

function storageFamilies(storage: Sources['storage']): Family[] {
  const each = function* (value: (cache: { size: number; watchers: number }) => number): Generator<readonly [Labels, number]> {
    for (const { group, plural, cache } of storage.resources()) yield [{ group, resource: plural }, value(cache)];
  };
  return [
    sampled('apiserver_storage_objects', 'Number of stored objects at the time of last check split by kind.', 'gauge', function* () {
      for (const [{ group, resource }, value] of each(({ size }) => size))
        yield [{ resource: group === '' ? resource! : `${resource}.${group}` }, value];
    }),
    sampled('apiserver_resource_objects', 'Number of stored objects at the time of last check split by kind.', 'gauge', () =>
      each(({ size }) => size),
    ),
  ];
}

function fairnessFamilies(fairness: Fairness): Family[] {
  const level = (name: string, help: string, value: (one: typeof fairness.levels extends Iterable<infer L> ? L : never) => number) =>
    sampled(`apiserver_flowcontrol_${name}`, help, 'gauge', function* () {
      for (const one of fairness.levels) yield [{ priority_level: one.config.name }, value(one)];
    });
  return [
    level('nominal_limit_seats', 'Nominal number of execution seats configured for each priority level.', ({ config }) => config.nominal),
    level(
      'current_limit_seats',
      'Current derived number of execution seats available to each priority level.',
      ({ config, borrowed }) => config.nominal + borrowed,
    ),
    level(
      'current_executing_seats',
      'Concurrency (number of seats) occupied by the currently executing requests in the API Priority and Fairness subsystem.',
      ({ inUse }) => inUse,
    ),
    level(
      'current_executing_requests',
      'Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage in the API Priority and Fairness subsystem.',
      ({ executing }) => executing,
    ),
    level(
      'current_inqueue_requests',
      'Number of requests currently pending in queues of the API Priority and Fairness subsystem.',
      ({ waiting }) => waiting,
    ),
    sampled(
      'apiserver_flowcontrol_dispatched_requests_total',
      'Number of requests executed by API Priority and Fairness subsystem.',
      'counter',
      function* () {
        for (const one of fairness.levels)
          for (const [schema, count] of one.dispatched) yield [{ flow_schema: schema, priority_level: one.config.name }, count];
      },
    ),
    sampled(
      'apiserver_flowcontrol_rejected_requests_total',
      'Number of requests rejected by API Priority and Fairness subsystem.',
      'counter',
      function* () {
        for (const one of fairness.levels)
          for (const [key, count] of one.refused) {
            const [schema = '', reason = ''] = key.split('|');
            yield [{ flow_schema: schema, priority_level: one.config.name, reason }, count];
          }
      },
    ),
  ];
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
