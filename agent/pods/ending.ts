// Whether a pod is to end, why, and until when its containers have time: deletion, a decision of the node, its own deadline.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { graceSecondsOf, isFinished } from '../../kit/pods/index.ts';
import type { Clock } from '../../kit/run/index.ts';

/** What is left for the signal, within the grace, when a hook or those that end before have used everything up. */
export const LAST_CHANCE_MS = 2000;

/** A decision of the node against the pod. */
export interface Verdict {
  reason: string;
  message: string;
  /** It was well and ends for the sake of the node: what its condition says. */
  disrupts?: string;
  /** It was never let in. */
  refused?: boolean;
}

export class Ending {
  readonly #clock: Clock;
  #pod: Pod;
  #isRemoved = false;
  #verdict: Verdict | undefined;
  #graceUntilMs: number | undefined;
  #lastChanceMs = LAST_CHANCE_MS;

  constructor(clock: Clock, pod: Pod) {
    this.#clock = clock;
    this.#pod = pod;
  }

  get verdict(): Verdict | undefined {
    return this.#verdict;
  }
  /** Gone from the API: there is nobody to report to. */
  get isRemoved(): boolean {
    return this.#isRemoved;
  }
  get isStopping(): boolean {
    // What has been reported as ended never runs again, also when the verdict is forgotten with the agent.
    return this.#isRemoved || isFinished(this.#pod) || this.#verdict !== undefined || this.#pod.metadata.deletionTimestamp !== undefined;
  }

  /** What is left for containers that are told to stop now. */
  get graceLeftMs(): number {
    if (this.#graceUntilMs === undefined) return graceSecondsOf(this.#pod) * 1000;
    return Math.max(this.#lastChanceMs, this.#graceUntilMs - this.#clock.nowMs());
  }

  /** Until then; undefined: nothing ends yet. */
  get graceUntilMs(): number | undefined {
    return this.#graceUntilMs;
  }

  /** `hasRun`: all has been run that was to run, and what is left ends with it, in the same grace as ever. */
  followRun(hasRun: boolean): void {
    if (this.isStopping) return;
    if (!hasRun) this.#graceUntilMs = undefined;
    else if (this.#graceUntilMs === undefined) this.#grant(graceSecondsOf(this.#pod) * 1000);
  }

  /** The first verdict counts. False: there was one. */
  judge(verdict: Verdict, graceSeconds?: number): boolean {
    if (this.#verdict) return false;
    this.#verdict = verdict;
    if (graceSeconds !== undefined) this.#grant(graceSeconds * 1000);
    return true;
  }

  /** The pod as it is now, or `removed`. The grace starts when the end is first seen; a later one may only shorten it, which is told. */
  follow(pod: Pod, removed: boolean): 'goes on' | 'ends' | 'ends sooner' | 'as before' {
    this.#pod = pod;
    this.#isRemoved ||= removed;
    if (!this.isStopping) return 'goes on';
    const { deletionGracePeriodSeconds, deletionTimestamp } = pod.metadata;
    const seconds = (deletionTimestamp ? deletionGracePeriodSeconds : undefined) ?? graceSecondsOf(pod);
    const before = this.#graceUntilMs;
    if (before !== undefined && this.#clock.nowMs() + seconds * 1000 >= before) return 'as before';
    this.#grant(seconds * 1000);
    return before === undefined ? 'ends' : 'ends sooner';
  }

  #grant(ms: number): void {
    this.#graceUntilMs = this.#clock.nowMs() + ms;
    this.#lastChanceMs = Math.min(ms, LAST_CHANCE_MS);
  }
}

/** When the pod has been active for as long as it may be; undefined: it may be so for ever. */
export function deadlineMs(pod: Pod, startTime: string | undefined): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  return seconds === undefined || startTime === undefined ? undefined : Date.parse(startTime) + seconds * 1000;
}

export const DEADLINE_EXCEEDED: Verdict = {
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
};
