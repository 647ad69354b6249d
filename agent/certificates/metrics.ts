// How long this node's certificates live on, and how often it could not have a new one: what tells of a node that is about to be shut out.
import { Counter, type Family, sampled } from '../../kit/metrics/index.ts';
import type { KeyPair } from '../../kit/net/index.ts';
import type { Clock } from '../../kit/run/index.ts';
import { lifeOf } from './life.ts';

export class CertificateMetrics {
  readonly families: readonly Family[];
  readonly #errors: Readonly<Record<'client' | 'server', Counter>>;
  readonly #pairs: Partial<Record<'client' | 'server', KeyPair>> = {};

  constructor(clock: Clock) {
    this.#errors = {
      client: new Counter('kubelet_certificate_manager_client_expiration_renew_errors', '[ALPHA] Counter of certificate renewal errors.'),
      server: new Counter('kubelet_server_expiration_renew_errors', '[ALPHA] Counter of certificate renewal errors.'),
    };
    for (const errors of Object.values(this.#errors)) errors.add('', () => ({}), 0);
    this.families = [...Object.values(this.#errors), this.#timeLeft('client', clock), this.#timeLeft('server', clock)];
  }

  /** `pair` is in use from now on. */
  use(of: 'client' | 'server', pair: KeyPair): void {
    this.#pairs[of] = pair;
  }

  failed(of: 'client' | 'server'): void {
    this.#errors[of].add('', () => ({}));
  }

  #timeLeft(of: 'client' | 'server', clock: Clock): Family {
    const help = `[ALPHA] Gauge of the TTL (time-to-live) of the Kubelet's ${of === 'client' ? 'client' : 'serving'} certificate. The value is in seconds until certificate expiry (negative if already expired).`;
    return sampled(`kubelet_certificate_manager_${of}_ttl_seconds`, help, 'gauge', () => {
      const pair = this.#pairs[of];
      return pair ? [[{}, Math.round((lifeOf(pair.cert).toMs - clock.nowMs()) / 1000)] as const] : [];
    });
  }
}
