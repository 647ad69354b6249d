// Who was let in, and how long it took to tell: authentication and authorization, by upstream's names.
import { Counter, type CounterSeries, type Family, Histogram, type HistogramSeries } from '../../../kit/metrics/index.ts';

/** Upstream's words: somebody; nobody, where somebody is needed; wrong credentials. */
export type AuthenticationResult = 'success' | 'failure' | 'error';
/** Upstream's words; no authorizer of ours denies what another one may allow. */
export type AuthorizationResult = 'allowed' | 'no-opinion';

/** A millisecond, doubled up to sixteen seconds. */
const SECONDS = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);

/** These names are told as they are; any other one would be a series of its own. */
const KNOWN_USERS = new Set(['admin', 'client', 'kube_proxy', 'kubelet', 'system:serviceaccount:kube-system:default']);

/** Upstream's three sorts of names. */
export function userLabel(name: string): string {
  if (KNOWN_USERS.has(name)) return name;
  return name.includes('@') ? 'email_id' : 'other';
}

interface Attempts {
  readonly count: CounterSeries;
  readonly seconds: HistogramSeries;
}

export class AccessMetrics {
  readonly #authentications = new Counter('authentication_attempts', 'Requests whose asker was looked for, by what came of it.');
  readonly #authenticationSeconds = new Histogram(
    'authentication_duration_seconds',
    'Time in seconds that it took to find out who asks, by what came of it.',
    SECONDS,
  );
  readonly #users = new Counter('authenticated_user_requests', 'Requests of known askers, by the sort of their name.');
  readonly #authorizations = new Counter(
    'authorization_attempts_total',
    'Requests that were looked at for whether they may, by the decision.',
  );
  readonly #authorizationSeconds = new Histogram(
    'authorization_duration_seconds',
    'Time in seconds that a decision took whether a request may, by the decision.',
    SECONDS,
  );
  /** Kept at hand: there are few of each, and every request counts. */
  readonly #attempts = new Map<AuthenticationResult | AuthorizationResult, Attempts>();
  readonly #series = new Map<string, CounterSeries>();

  get families(): readonly Family[] {
    return [this.#authentications, this.#authenticationSeconds, this.#users, this.#authorizations, this.#authorizationSeconds];
  }

  /** `user`: the name of who asks, when that is known. */
  authenticated(result: AuthenticationResult, seconds: number, user?: string): void {
    this.#attempt(result, seconds, this.#authentications, this.#authenticationSeconds);
    if (user === undefined) return;
    const username = userLabel(user);
    let series = this.#series.get(username);
    if (series === undefined) this.#series.set(username, (series = this.#users.series(username, () => ({ username }))));
    series.value++;
  }

  authorized(result: AuthorizationResult, seconds: number): void {
    this.#attempt(result, seconds, this.#authorizations, this.#authorizationSeconds);
  }

  #attempt(result: AuthenticationResult | AuthorizationResult, seconds: number, count: Counter, histogram: Histogram): void {
    let attempts = this.#attempts.get(result);
    if (attempts === undefined) {
      const labels = () => ({ result });
      this.#attempts.set(result, (attempts = { count: count.series(result, labels), seconds: histogram.series(result, labels) }));
    }
    attempts.count.value++;
    attempts.seconds.observe(seconds);
  }
}
