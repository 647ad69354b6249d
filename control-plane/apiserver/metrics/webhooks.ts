// How admission webhooks do: calls, their time, refusals, failures that were let pass.
import { Counter, type Family, Histogram } from '../../../kit/metrics/index.ts';

export interface WebhookCall {
  name: string;
  /** As upstream calls the two phases here. */
  type: 'admit' | 'validating';
  operation: string;
  rejected: boolean;
  /** Of the answer to the client; 200 when it was let pass. */
  code: number;
}

export type RejectionCause = 'calling_webhook_error' | 'apiserver_internal_error' | 'no_error';

export class WebhookMetrics {
  readonly #seconds = new Histogram(
    'apiserver_admission_webhook_admission_duration_seconds',
    'Admission webhook latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).',
    [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25],
  );
  readonly #total = new Counter(
    'apiserver_admission_webhook_request_total',
    'Admission webhook request total, identified by name and broken out for each admission type (validating or mutating) and operation.',
  );
  readonly #rejections = new Counter(
    'apiserver_admission_webhook_rejection_count',
    'Admission webhook rejection count, identified by name and broken out for each admission type (validating or admit) and operation.',
  );
  readonly #failedOpen = new Counter(
    'apiserver_admission_webhook_fail_open_count',
    'Admission webhook fail open count, identified by name and broken out for each admission type (validating or mutating).',
  );

  get families(): readonly Family[] {
    return [this.#seconds, this.#total, this.#rejections, this.#failedOpen];
  }

  observe({ name, type, operation, rejected, code }: WebhookCall, seconds: number): void {
    const key = `${name}|${type}|${operation}|${rejected}`;
    const labels = () => ({ name, operation, rejected: String(rejected), type });
    this.#seconds.observe(key, labels, seconds);
    this.#total.add(`${key}|${code}`, () => ({ ...labels(), code: String(code) }));
  }

  reject({ name, type, operation, code }: WebhookCall, cause: RejectionCause): void {
    const labels = () => ({ error_type: cause, name, operation, rejection_code: String(code), type });
    this.#rejections.add(`${name}|${type}|${operation}|${cause}|${code}`, labels);
  }

  failOpen({ name, type }: WebhookCall): void {
    this.#failedOpen.add(`${name}|${type}`, () => ({ name, type }));
  }
}
