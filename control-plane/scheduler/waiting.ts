// Pods that wait for a node: ready to be tried (by priority, then age), backing off, or waiting for something to change.
import { backoffMs } from '../../kit/run/index.ts';
import type { Help } from './filter.ts';
import type { PodInfo } from './pod-info.ts';

/** A pod that failed is tried again at the earliest after this long, doubling. Upstream begins with 1 s. */
const BACKOFF_MS = 50;
const BACKOFF_MAX_MS = 10_000;
/** A pod that nothing helped for so long is tried anyway (upstream: 5 minutes). */
const FLUSH_MS = 300_000;

interface Waiting {
  pod: PodInfo;
  attempts: number;
  /** Not before this time. */
  readyAtMs: number;
  failedAtMs: number;
  helpedBy: ReadonlySet<Help> | undefined;
}

export class WaitingPods {
  /** Ready ones by priority, each in order of arrival. */
  readonly #ready = new Map<number, Map<string, Waiting>>();
  readonly #backingOff = new Map<string, Waiting>();
  readonly #unschedulable = new Map<string, Waiting>();
  /** What happened while a pod was being tried counts too: number of the last event of each sort. */
  readonly #happened = new Map<Help, number>();
  #serial = 0;

  get size(): number {
    let ready = 0;
    for (const pods of this.#ready.values()) ready += pods.size;
    return ready + this.#backingOff.size + this.#unschedulable.size;
  }

  /** Marks the moment at which a try begins, for `failed`. */
  get now(): number {
    return this.#serial;
  }

  /** A new pod, or a changed one: it is tried at once. */
  add(pod: PodInfo): void {
    const known = this.remove(pod.uid);
    this.#makeReady({ pod, attempts: known?.attempts ?? 0, readyAtMs: 0, failedAtMs: 0, helpedBy: undefined });
  }

  /** One that waits here is tried at once. */
  hurry(uid: string): void {
    const known = this.remove(uid);
    if (known) this.#makeReady(known);
  }

  remove(uid: string): Waiting | undefined {
    for (const pods of [this.#backingOff, this.#unschedulable, ...this.#ready.values()]) {
      const waiting = pods.get(uid);
      if (waiting && pods.delete(uid)) return waiting;
    }
    return undefined;
  }

  /** The next pod to try, with the number of tries so far. */
  take(): { pod: PodInfo; attempts: number } | undefined {
    let highest = Number.NEGATIVE_INFINITY;
    for (const [priority, pods] of this.#ready) if (pods.size > 0 && priority > highest) highest = priority;
    const pods = this.#ready.get(highest);
    const next = pods?.values().next();
    if (!pods || !next || next.done) return undefined;
    pods.delete(next.value.pod.uid);
    return { pod: next.value.pod, attempts: next.value.attempts };
  }

  /** Nothing fitted; `since` is `now` of when the try began. `helpedBy` undefined: an error, to be tried again in any case. */
  failed(pod: PodInfo, attempts: number, helpedBy: ReadonlySet<Help> | undefined, since: number, nowMs: number): void {
    const waiting: Waiting = {
      pod,
      attempts: attempts + 1,
      readyAtMs: nowMs + backoffMs(attempts + 1, BACKOFF_MS, BACKOFF_MAX_MS),
      failedAtMs: nowMs,
      helpedBy,
    };
    const helped = !helpedBy || [...helpedBy].some((help) => (this.#happened.get(help) ?? 0) > since);
    (helped ? this.#backingOff : this.#unschedulable).set(pod.uid, waiting);
  }

  /** Something changed: pods that it can help are tried again, after their back-off. */
  happened(help: Help): void {
    this.#happened.set(help, ++this.#serial);
    for (const [uid, waiting] of this.#unschedulable) {
      if (!waiting.helpedBy?.has(help)) continue;
      this.#unschedulable.delete(uid);
      this.#backingOff.set(uid, waiting);
    }
  }

  /** Makes those ready whose back-off is over, and those that waited for help long enough. */
  wake(nowMs: number): void {
    for (const waiting of this.#backingOff.values()) if (waiting.readyAtMs <= nowMs) this.#makeReady(waiting);
    for (const waiting of this.#unschedulable.values()) if (waiting.failedAtMs + FLUSH_MS <= nowMs) this.#makeReady(waiting);
  }

  /** How long until a pod can be taken after `wake`, in milliseconds; 0: one can be now. Changes nothing: the clock may have gone on. */
  dueInMs(nowMs: number): number {
    let dueMs = nowMs + FLUSH_MS;
    for (const pods of this.#ready.values()) if (pods.size > 0) return 0;
    for (const { readyAtMs } of this.#backingOff.values()) dueMs = Math.min(dueMs, readyAtMs);
    for (const { failedAtMs } of this.#unschedulable.values()) dueMs = Math.min(dueMs, failedAtMs + FLUSH_MS);
    return Math.max(0, dueMs - nowMs);
  }

  #makeReady(waiting: Waiting): void {
    const { priority, uid } = waiting.pod;
    this.#backingOff.delete(uid);
    this.#unschedulable.delete(uid);
    let pods = this.#ready.get(priority);
    if (!pods) this.#ready.set(priority, (pods = new Map()));
    pods.set(uid, waiting);
  }
}
