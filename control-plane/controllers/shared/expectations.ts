// Whether the cache has caught up with what a controller wrote, so that it never acts twice on an old picture.
import type { KubeObject } from '../../../api/meta/index.ts';
import { type Informer, keyOf } from '../../../kit/client/index.ts';
import type { Clock } from '../../../kit/run/index.ts';

/** After so long a watch must have told; what is believed then is the cache. Who waits looks again then. */
const EXPIRES_MS = 60_000;
export const UNSETTLED = { retryAfterMs: EXPIRES_MS };

interface Expected {
  created: Map<string, string>;
  deleted: Map<string, string>;
  untilMs: number;
}

export class Expectations {
  readonly #expected = new Map<string, Expected>();
  readonly #clock: Clock;
  readonly #cache: Informer;
  /** Created objects that were seen and are gone again before the answer to their creation came; bounded. */
  readonly #gone = new Set<string>();

  constructor(cache: Informer, clock: Clock) {
    this.#cache = cache;
    this.#clock = clock;
    cache.on({
      deleted: (object) => {
        this.#gone.add(object.metadata.uid ?? '');
        if (this.#gone.size > 1000) this.#gone.delete(this.#gone.values().next().value as string);
      },
    });
  }

  /** `object` as the server answered. */
  created(owner: string, object: KubeObject): void {
    this.#of(owner).created.set(keyOf(object), object.metadata.uid ?? '');
  }

  deleted(owner: string, object: KubeObject): void {
    this.#of(owner).deleted.set(keyOf(object), object.metadata.uid ?? '');
  }

  /** Whether the cache shows all that was written for `owner`. */
  satisfied(owner: string): boolean {
    const expected = this.#expected.get(owner);
    if (!expected) return true;
    for (const [key, uid] of expected.created)
      if (this.#cache.get(key)?.metadata.uid === uid || this.#gone.has(uid)) expected.created.delete(key);
    for (const [key, uid] of expected.deleted) {
      const seen = this.#cache.get(key);
      if (!seen || seen.metadata.uid !== uid || seen.metadata.deletionTimestamp) expected.deleted.delete(key);
    }
    if (expected.created.size + expected.deleted.size > 0 && this.#clock.nowMs() < expected.untilMs) return false;
    this.#expected.delete(owner);
    return true;
  }

  forget(owner: string): void {
    this.#expected.delete(owner);
  }

  #of(owner: string): Expected {
    let expected = this.#expected.get(owner);
    if (!expected) this.#expected.set(owner, (expected = { created: new Map(), deleted: new Map(), untilMs: 0 }));
    expected.untilMs = this.#clock.nowMs() + EXPIRES_MS;
    return expected;
  }
}
