// Records core/v1 events: same ones counted up, similar ones combined, floods cut. Fire and forget: nobody waits for an event.
import { isStatusError, type KubeObject } from '../../api/meta/index.ts';
import { type Clock, type Logger, rfc3339, systemClock } from '../run/index.ts';
import type { Client } from './client.ts';
import { type Correlation, EventCorrelator } from './event-correlator.ts';
import { RESOURCES } from './resources.ts';

/** Events that wait to be written; beyond it the newest is dropped, since events are best effort. */
const WAITING_MAX = 1000;
/** Written at once at most. */
const WRITERS_MAX = 4;
/** An event lets what it tells of go first, a whole start of a pod: its binding, token and statuses, which somebody waits for, come right after. */
const LETS_PASS_MS = 150;
/** What a node says of itself delays no start, and who says it may be killed the next moment. */
const OF_NODE_MS = 10;

export interface EventTarget {
  apiVersion?: string;
  kind?: string;
  metadata: { name?: string; namespace?: string; uid?: string; resourceVersion?: string };
}

export interface EventRecorder {
  /**
   * `fieldPath` names a part of the object, e.g. `spec.containers{web}`.
   * `target.apiVersion` and `target.kind` must be set (items of lists have none).
   */
  record(target: EventTarget, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void;
}

export interface EventRecorderOptions {
  client: Client;
  /** Who says it: `kubelet`, `deployment-controller`, ... */
  component: string;
  /** The node's name, for agents. */
  host?: string;
  log: Logger;
  clock?: Clock;
}

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new QueuedRecorder(options);
}

class QueuedRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #correlator = new EventCorrelator();
  readonly #waiting: { body: KubeObject; correlation: Correlation }[] = [];
  #writers = 0;
  #planned: { atMs: number; stop: AbortController } | undefined;
  #serial = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  record(target: EventTarget, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void {
    const { component, host, log } = this.#options;
    const nowMs = this.#clock.nowMs();
    const involvedObject = { ...involved(target), ...(fieldPath ? { fieldPath } : {}) };
    const correlation = this.#correlator.see({ object: involvedObject, component, host: host ?? '', type, reason, message }, nowMs);
    if (!correlation || this.#waiting.length >= WAITING_MAX) {
      log.debug({ reason, message, object: target.metadata.name }, 'event dropped');
      return;
    }
    const time = rfc3339(nowMs);
    const body = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${target.metadata.name}.${this.#uniqueSuffix(nowMs)}`, namespace: target.metadata.namespace || 'default' },
      involvedObject,
      reason,
      message: correlation.message,
      source: { component, ...(host ? { host } : {}) },
      firstTimestamp: rfc3339(correlation.firstMs),
      lastTimestamp: time,
      count: correlation.count,
      type,
      eventTime: null,
      reportingComponent: component,
      reportingInstance: host ?? '',
    };
    this.#waiting.push({ body, correlation });
    if (this.#writers < WRITERS_MAX) this.#writeIn(target.kind === 'Node' ? OF_NODE_MS : LETS_PASS_MS);
  }

  /** All that wait by then. */
  #writeIn(ms: number): void {
    const atMs = this.#clock.nowMs() + ms;
    if (this.#planned && this.#planned.atMs <= atMs) return;
    this.#planned?.stop.abort();
    const stop = new AbortController();
    this.#planned = { atMs, stop };
    void this.#clock.sleep(ms, stop.signal).then(
      () => {
        this.#planned = undefined;
        for (let more = Math.min(this.#waiting.length, WRITERS_MAX - this.#writers); more > 0; more--) void this.#write();
      },
      () => {}, // an earlier one was planned
    );
  }

  async #write(): Promise<void> {
    this.#writers++;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      await this.#writeOne(next.body, next.correlation).catch((error: unknown) => {
        this.#options.log.debug({ err: error, event: next?.body.metadata.name }, 'event not written');
      });
    }
    this.#writers--;
  }

  /** A known event is counted up by a patch; when it has expired on the server it is made anew. */
  async #writeOne(body: KubeObject, correlation: Correlation): Promise<void> {
    const namespace = body.metadata.namespace as string;
    const known = correlation.entry.name;
    if (correlation.count > 1 && known) {
      try {
        const { count, lastTimestamp, message } = body;
        await this.#options.client.patch(RESOURCES.events, known, 'strategic', { count, lastTimestamp, message }, { namespace });
        return;
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    }
    correlation.entry.name = body.metadata.name as string;
    await this.#options.client.create(RESOURCES.events, body, { namespace });
  }

  /** Hexadecimal, rising, unique in this process: upstream uses the nanoseconds since the epoch. */
  #uniqueSuffix(nowMs: number): string {
    this.#serial = (this.#serial + 1) % 1_000_000;
    return (BigInt(nowMs) * 1_000_000n + BigInt(this.#serial)).toString(16);
  }
}

function involved(target: EventTarget): Record<string, string> {
  const { metadata } = target;
  const object: Record<string, string> = {};
  const fields = {
    kind: target.kind,
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    apiVersion: target.apiVersion,
    resourceVersion: metadata.resourceVersion,
  };
  for (const [name, value] of Object.entries(fields)) if (value) object[name] = value;
  return object;
}
