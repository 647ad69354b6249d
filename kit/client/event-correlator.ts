// Decides what becomes of an event: new, counted up, combined with similar ones, or dropped. Pure but for its own bounded memory.
import { BoundedMap } from '../run/index.ts';

export interface EventKey {
  object: Readonly<Record<string, string>>;
  component: string;
  host: string;
  type: string;
  reason: string;
  message: string;
}

/** What is known of one event that was written; `name` is that of its object. */
export interface KnownEvent {
  name: string | undefined;
  firstMs: number;
  count: number;
}

export interface Correlation {
  message: string;
  count: number;
  firstMs: number;
  entry: KnownEvent;
}

/** The values of client-go's events_cache: 25 at once, then one each 5 minutes; 10 similar ones in 10 minutes are combined. */
const BURST = 25;
const REFILL_MS = 300_000;
const SIMILAR_MAX = 10;
const SIMILAR_WITHIN_MS = 600_000;
const REMEMBERED_MAX = 4096;

export class EventCorrelator {
  readonly #buckets = new BoundedMap<string, { tokens: number; atMs: number }>(REMEMBERED_MAX);
  readonly #similar = new BoundedMap<string, { messages: Set<string>; atMs: number }>(REMEMBERED_MAX);
  readonly #known = new BoundedMap<string, KnownEvent>(REMEMBERED_MAX);

  /** Undefined: the flood filter says drop it. */
  see(event: EventKey, nowMs: number): Correlation | undefined {
    const { kind, namespace, name, uid, apiVersion, fieldPath } = event.object;
    const source = `${event.component}|${event.host}|${kind}|${namespace}|${name}|${uid}|${apiVersion}`;
    const group = `${source}|${fieldPath}|${event.type}|${event.reason}`;
    const combined = this.#isCombined(group, event.message, nowMs);
    const message = combined ? `(combined from similar events): ${event.message}` : event.message;
    if (!this.#takeToken(source, nowMs)) return undefined;
    const key = combined ? group : `${group}|${event.message}`;
    const entry = this.#known.get(key) ?? { name: undefined, firstMs: nowMs, count: 0 };
    entry.count++;
    this.#known.set(key, entry);
    return { message, count: entry.count, firstMs: entry.firstMs, entry };
  }

  #isCombined(group: string, message: string, nowMs: number): boolean {
    let seen = this.#similar.get(group);
    if (!seen || nowMs - seen.atMs > SIMILAR_WITHIN_MS) seen = { messages: new Set(), atMs: nowMs };
    seen.atMs = nowMs;
    if (seen.messages.size < SIMILAR_MAX) seen.messages.add(message);
    this.#similar.set(group, seen);
    return seen.messages.size >= SIMILAR_MAX;
  }

  #takeToken(source: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(source) ?? { tokens: BURST, atMs: nowMs };
    bucket.tokens = Math.min(BURST, bucket.tokens + (nowMs - bucket.atMs) / REFILL_MS);
    bucket.atMs = nowMs;
    this.#buckets.set(source, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}
