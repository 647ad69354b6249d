// How long a request may take: upstream's --request-timeout, or less when the client says so. One timer looks after all.
import { badRequest, StatusError } from '../../api/meta/index.ts';
import type { ApiRequest } from './request.ts';
import { Termination } from './termination.ts';

/** Upstream's default. */
const REQUEST_MS = 60_000;
/** These live on as long as both sides want. */
const LONG_RUNNING = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

const timedOut = (): StatusError =>
  new Termination(new StatusError(504, 'Timeout', 'Timeout: request did not complete within the allotted timeout', {}));

/** How the work of a request ended that had been answered before. */
export type LateEnd = 'ok' | 'error';

export class Deadlines {
  readonly #waiting = new Set<{ atMs: number; expire(): void }>();
  readonly #now: () => number;
  readonly #late: (end: LateEnd) => void;

  /** `late` is told of work that ended after its request had timed out. */
  constructor(now: () => number, late: (end: LateEnd) => void) {
    this.#now = now;
    this.#late = late;
  }

  /** What `work` gives, or 504 when it takes too long; its request is aborted then. @throws StatusError 400 for a bad `timeout` */
  within<T>(request: ApiRequest, work: () => Promise<T>): Promise<T> {
    const { info } = request;
    if (info.verb === 'watch' || LONG_RUNNING.has(info.subresource) || request.upgrade) return work();
    const atMs = this.#now() + Math.min(REQUEST_MS, timeoutOf(request.query.get('timeout')) ?? REQUEST_MS);
    return new Promise<T>((resolve, reject) => {
      const waiting = this.#waiting;
      const entry = {
        atMs,
        expire() {
          reject(timedOut());
          request.abort?.();
        },
      };
      waiting.add(entry);
      work().then(
        (result) => {
          if (!waiting.delete(entry)) this.#late('ok');
          resolve(result);
        },
        (error) => {
          if (!waiting.delete(entry)) this.#late('error');
          reject(error);
        },
      );
    });
  }

  /** To be called about once a second. */
  tick(): void {
    const nowMs = this.#now();
    for (const entry of this.#waiting) {
      if (entry.atMs > nowMs) continue;
      this.#waiting.delete(entry);
      entry.expire();
    }
  }
}

const UNITS_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A Go duration in milliseconds; undefined when there is none or it is zero. */
function timeoutOf(text: string | null): number | undefined {
  if (text === null || text === '' || text === '0') return undefined;
  if (!/^(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(text))
    throw badRequest(`invalid timeout specified in the request URL - time: invalid duration ${JSON.stringify(text)}`);
  const ms = [...text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)].reduce((sum, [, n, unit]) => sum + Number(n) * UNITS_MS[unit!]!, 0);
  return ms > 0 ? ms : undefined;
}
