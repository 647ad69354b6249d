// What holds back the starts of one pod's containers: failures to be tried again and the crash loop's back-off.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { durationText } from '../../api/meta/index.ts';
import type { ContainerStatus } from '../cri/index.ts';
import type { Waiting } from './container-statuses.ts';
import { findContainer } from './names.ts';
import { type Backoff, heldUntilMs, raised, recovered } from './restart.ts';
import type { StartProblem } from './start-problem.ts';
import { hasExited } from './step.ts';

interface Failure extends Waiting {
  retryAtMs: number;
}

/** Names are those of containers, and SANDBOX and VOLUMES of step.ts. */
export class Holds {
  readonly #failures = new Map<string, Failure>();
  readonly #backoffs = new Map<string, Backoff | undefined>();
  readonly #inRow = new Map<string, number>();

  failed(name: string, problem: StartProblem, nowMs: number): void {
    this.#failures.set(name, { reason: problem.reason, message: problem.message, retryAtMs: nowMs + problem.retryMs });
  }

  /** The n-th failure in a row, from 1; `cleared` starts over. */
  countFailure(name: string): number {
    const count = (this.#inRow.get(name) ?? 0) + 1;
    this.#inRow.set(name, count);
    return count;
  }

  cleared(name: string): void {
    this.#failures.delete(name);
    this.#inRow.delete(name);
  }

  /** What was missing may be there now: try at once. */
  retryAll(): void {
    for (const failure of this.#failures.values()) failure.retryAtMs = 0;
  }

  /** A container with another image is another one: nothing of the former holds it back. */
  imagesChanged(before: Pod, after: Pod): void {
    for (const { name, image } of [...(after.spec?.containers ?? []), ...(after.spec?.initContainers ?? [])]) {
      const former = findContainer(before, name)?.container;
      if (!former || former.image === image) continue;
      this.cleared(name);
      this.#backoffs.set(name, undefined);
    }
  }

  /** The container is started again: the next time it waits longer. */
  restarted(name: string, record: ContainerStatus, nowMs: number): void {
    this.#backoffs.set(name, raised(this.#backoff(name, record), record.finishedAtMs, nowMs));
  }

  heldUntilMs(name: string, record: ContainerStatus | undefined): number | undefined {
    const failed = this.#failures.get(name)?.retryAtMs;
    const crashed = hasExited(record) ? heldUntilMs(this.#backoff(name, record), record.finishedAtMs) : undefined;
    return failed === undefined ? crashed : Math.max(failed, crashed ?? 0);
  }

  /** `pod` as messages name it. */
  waiting(name: string, record: ContainerStatus | undefined, pod: string, nowMs: number): Waiting | undefined {
    const failure = this.#failures.get(name);
    if (failure) return { reason: failure.reason, ...(failure.message ? { message: failure.message } : {}) };
    return this.crashLoop(name, record, nowMs)
      ? { reason: 'CrashLoopBackOff', message: this.#crashText(name, record as ContainerStatus, pod) }
      : undefined;
  }

  crashLoop(name: string, record: ContainerStatus | undefined, nowMs: number): boolean {
    return hasExited(record) && (heldUntilMs(this.#backoff(name, record), record.finishedAtMs) ?? 0) > nowMs;
  }

  #crashText(name: string, record: ContainerStatus, pod: string): string {
    return `back-off ${durationText((this.#backoff(name, record)?.delayMs ?? 0) * 1e6)} restarting failed container=${name} pod=${pod}`;
  }

  #backoff(name: string, record: ContainerStatus): Backoff | undefined {
    if (!this.#backoffs.has(name)) this.#backoffs.set(name, recovered(record.metadata.attempt, record.startedAtMs));
    return this.#backoffs.get(name);
  }
}
