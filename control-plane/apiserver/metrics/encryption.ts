// How often the encryption configuration changed under the running server, and when last.
import { createHash } from 'node:crypto';
import { Counter, type Family, type Labels, sampled } from '../../../kit/metrics/index.ts';
import type { Clock } from '../../../kit/run/index.ts';

type Status = 'success' | 'failure';

export class EncryptionReloads {
  readonly #clock: Clock;
  readonly #idHash: string;
  readonly #total = new Counter(
    'apiserver_encryption_config_controller_automatic_reloads_total',
    'Total number of reload successes and failures of encryption configuration split by apiserver identity.',
  );
  readonly #lastMs = new Map<Status, number>();

  /** `serverId`: of this API server among those of its cluster. */
  constructor(serverId: string, clock: Clock) {
    this.#clock = clock;
    this.#idHash = `sha256:${createHash('sha256').update(serverId).digest('hex')}`;
  }

  /** One change of the file; `error`: why it was not taken over. */
  count(error: Error | undefined): void {
    const status = error ? 'failure' : 'success';
    this.#total.add(status, () => this.#labels(status));
    this.#lastMs.set(status, this.#clock.nowMs());
  }

  get families(): readonly Family[] {
    return [
      this.#total,
      sampled(
        'apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds',
        'Timestamp of the last successful or failed automatic reload of encryption configuration split by apiserver identity.',
        'gauge',
        () => [...this.#lastMs].map(([status, ms]) => [this.#labels(status), ms / 1000] as const),
      ),
    ];
  }

  #labels(status: Status): Labels {
    return { apiserver_id_hash: this.#idHash, status };
  }
}
