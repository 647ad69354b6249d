// The node goes down: it says so, takes no more pods, and ends those that it has, group by group, the critical ones last.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { type Family, sampled } from '../../kit/metrics/index.ts';
import type { Clock, Logger } from '../../kit/run/index.ts';
import { shutdownPlan } from './plan.ts';
import type { PriorityGrace } from './settings.ts';

export interface NodeShutdownOptions {
  graces: readonly PriorityGrace[];
  /** Of this node. */
  pods(): Pod[];
  /** Uids of pods that have a running container. */
  running(): Promise<ReadonlySet<string>>;
  /** Ends a pod: Failed, for this reason. */
  end(uid: string, verdict: { reason: string; message: string; graceSeconds: number }): void;
  /** The node's condition is another one now. */
  changed(): void;
  tell(reason: string, message: string): void;
  clock: Clock;
  log: Logger;
}

const ENDED = { reason: 'Terminated', message: 'Pod was terminated in response to imminent node shutdown.' };
const REFUSED = { reason: 'NodeShutdown', message: 'Pod was rejected as the node is shutting down.' };
const LOOK_EVERY_MS = 50;

export class NodeShutdown {
  readonly #options: NodeShutdownOptions;
  #isUnderWay = false;
  /** Of the last one; 0: there was none. */
  #startedMs = 0;
  #endedMs = 0;
  #ended: Promise<void> | undefined;

  constructor(options: NodeShutdownOptions) {
    this.#options = options;
  }

  readonly families: readonly Family[] = [
    sampled(
      'kubelet_graceful_shutdown_end_time_seconds',
      '[ALPHA] Last graceful shutdown end time since unix epoch in seconds',
      'gauge',
      () => [[{}, this.#endedMs / 1000]],
    ),
    sampled(
      'kubelet_graceful_shutdown_start_time_seconds',
      '[ALPHA] Last graceful shutdown start time since unix epoch in seconds',
      'gauge',
      () => [[{}, this.#startedMs / 1000]],
    ),
  ];

  /** What keeps the node from being Ready. */
  get notReady(): string | undefined {
    return this.#isUnderWay ? 'node is shutting down' : undefined;
  }

  /** Why the node takes no pod now. */
  refusal(): { reason: string; message: string } | undefined {
    return this.#isUnderWay ? REFUSED : undefined;
  }

  /** Resolves when all pods have ended or their time is over. Safe to repeat. */
  begin(): Promise<void> {
    if (!this.#isUnderWay) {
      this.#isUnderWay = true;
      this.#options.tell('NodeShutdown', 'Shutdown manager detected shutdown event');
      this.#options.changed();
    }
    this.#ended ??= this.#endPods().finally(() => {
      this.#ended = undefined;
    });
    return this.#ended;
  }

  /** The machine stays up after all; what has ended has ended. */
  cancel(): void {
    if (!this.#isUnderWay) return;
    this.#isUnderWay = false;
    this.#options.tell('NodeShutdown', 'Shutdown manager detected shutdown cancellation');
    this.#options.changed();
  }

  async #endPods(): Promise<void> {
    [this.#startedMs, this.#endedMs] = [this.#options.clock.nowMs(), 0];
    const { clock, end, graces, log, pods, running } = this.#options;
    for (const { pods: some, seconds } of shutdownPlan(graces, pods())) {
      const uids = some.map(({ pod }) => pod.metadata.uid ?? '');
      log.info({ pods: some.map(({ pod }) => `${pod.metadata.namespace}/${pod.metadata.name}`), seconds }, 'the node goes down: pods end');
      for (const { pod, graceSeconds } of some) end(pod.metadata.uid ?? '', { ...ENDED, graceSeconds });
      const untilMs = clock.nowMs() + seconds * 1000;
      for (let left = await running(); uids.some((uid) => left.has(uid)); left = await running()) {
        if (clock.nowMs() >= untilMs) {
          log.warn({ seconds }, 'pods did not end in their time');
          break;
        }
        await clock.sleep(LOOK_EVERY_MS);
      }
    }
    this.#endedMs = clock.nowMs();
    log.info('the node has ended its pods');
  }
}
