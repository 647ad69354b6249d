// Writes pods' statuses: the newest one only, one request a pod at a time, tried again until it is written or the pod is gone.
import type { Pod, PodStatus } from '../../api/gen/types/core.v1.ts';
import { isStatusError, type KubeObject } from '../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../kit/client/index.ts';
import { backoffMs, type Clock, type Logger, step } from '../../kit/run/index.ts';
import { statusPatch } from './status-patch.ts';

export interface StatusWriterOptions {
  client: Client;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
}

/** The statuses of one pod. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  /** The pod as the server last showed it, by watch or by answer. */
  #known: Pod;
  /** The newest one, on its way or written. */
  #last: PodStatus | undefined;
  #wanted: PodStatus | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: StatusWriterOptions, pod: Pod) {
    this.#options = options;
    this.#known = pod;
  }

  /** Base of the next status: what the server has, with what is still on its way there. */
  get base(): PodStatus {
    return this.#wanted ?? this.#known.status ?? {};
  }

  /** Remembers what the watch has shown, unless an answer was newer. False: its status is the one that was put here last. */
  seen(pod: Pod): boolean {
    if (isNewer(pod, this.#known)) {
      this.#known = pod;
      if (this.#wanted) this.#start();
    }
    return !this.#isAsPut(pod.status ?? {});
  }

  /** Conditions of others that are not in it count too. */
  #isAsPut(status: PodStatus): boolean {
    const last = this.#last;
    return last !== undefined && status.conditions?.length === last.conditions?.length && !statusPatch(status, last);
  }

  put(status: PodStatus): void {
    this.#wanted = status;
    this.#last = status;
    this.#start();
  }

  #start(): void {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      // Put in the very moment of the end.
      if (this.#wanted && this.#known.metadata.resourceVersion && !this.#options.signal.aborted) this.#start();
    });
  }

  /** Resolves when all that was put is written, or the pod is gone. */
  async settled(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  async #write(): Promise<void> {
    const { client, clock, log, signal } = this.#options;
    let failures = 0;
    while (this.#wanted && !signal.aborted) {
      const wanted = this.#wanted;
      const patch = statusPatch(this.#known.status ?? {}, wanted);
      const { name = '', namespace = '', uid, resourceVersion } = this.#known.metadata;
      if (resourceVersion === undefined) return; // from a file, and nothing stands for it in the API yet
      try {
        if (patch) {
          const params = { namespace, subresource: 'status' };
          const body = { metadata: { uid }, status: patch };
          this.#learn(await step('status', () => client.patch<Pod & KubeObject>(RESOURCES.pods, name, 'strategic', body, params)));
        }
        if (this.#wanted === wanted) this.#wanted = undefined;
        failures = 0;
      } catch (error) {
        // Gone, or another pod of that name: nobody is left to tell.
        if (isStatusError(error, 'NotFound') || isStatusError(error, 'Conflict')) {
          this.#wanted = undefined;
          return;
        }
        if (isStatusError(error, 'Invalid')) {
          // No other try of the same will do, and the pod must not wait for it: the next status may be better.
          log.warn({ err: error, pod: `${namespace}/${name}` }, 'status refused');
          if (this.#wanted === wanted) this.#wanted = undefined;
          continue;
        }
        log.debug({ err: error, pod: `${namespace}/${name}` }, 'status not written');
        await clock.sleep(backoffMs(++failures, 50, 5000), signal).catch(() => {});
      }
    }
  }

  #learn(answer: Pod): void {
    if (isNewer(answer, this.#known)) this.#known = answer;
  }
}

const isNewer = (a: Pod, b: Pod): boolean => BigInt(a.metadata.resourceVersion ?? 0) >= BigInt(b.metadata.resourceVersion ?? 0);
