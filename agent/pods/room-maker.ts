// Ends the pods that make room for a critical one, and waits until it is there.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { type Family, sampled } from '../../kit/metrics/index.ts';
import { graceSecondsOf } from '../../kit/pods/index.ts';
import { type Clock, type Logger, settledWithin } from '../../kit/run/index.ts';
import { podText } from './names.ts';
import { PREEMPTED, PREEMPTING, type Shortage } from './preemption.ts';

/** A decision of the node to end a pod. */
export interface NodeVerdict {
  reason: string;
  message: string;
  /** What the pod's condition says, where that is not the message. */
  condition?: string;
  /** Left out: the pod's own. */
  graceSeconds?: number;
}

export interface RoomMakerOptions {
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  /** Ends a pod, by uid, and tells of it. */
  evict(uid: string, verdict: NodeVerdict): void;
  /** Whether anything of it runs still, or may. */
  isHere(uid: string): boolean;
  /** The next end of any pod. */
  nextEnd(): Promise<void>;
}

/** Beyond the grace of a pod: its containers are killed, its volumes unmounted. */
const MARGIN_MS = 10_000;

export class RoomMaker {
  readonly #options: RoomMakerOptions;
  /** Pods that were ended, by the resource that was lacking. */
  readonly #counts = new Map<string, number>();
  readonly families: readonly Family[] = [
    sampled('kubelet_preemptions', '[ALPHA] Cumulative number of pod preemptions by preemption resource', 'counter', () =>
      [...this.#counts].map(([preemption_signal, count]) => [{ preemption_signal }, count] as const),
    ),
  ];

  constructor(options: RoomMakerOptions) {
    this.#options = options;
  }

  /** Never rejects. The victims have their own grace; whoever takes longer than that is not waited for. */
  async preempt(victims: readonly Pod[], shortage: Shortage): Promise<void> {
    const { clock, evict, isHere, log, nextEnd, signal } = this.#options;
    const deadlineMs = clock.nowMs() + Math.max(...victims.map(graceSecondsOf)) * 1000 + MARGIN_MS;
    const [resource = ''] = shortage.keys();
    const uids = victims.map(({ metadata }) => metadata.uid ?? '');
    for (const uid of uids) evict(uid, { ...PREEMPTING, condition: PREEMPTED });
    this.#counts.set(resource, (this.#counts.get(resource) ?? 0) + uids.length);
    while (uids.some(isHere) && clock.nowMs() < deadlineMs && !signal.aborted)
      await settledWithin(nextEnd(), deadlineMs - clock.nowMs(), clock, signal);
    if (uids.some(isHere)) log.warn({ pods: victims.map(podText) }, 'pods that make room for a critical one have not ended in time');
  }
}
