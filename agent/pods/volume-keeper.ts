// The volumes of one pod over its life: set up once, then kept like the objects and tokens that they show.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { backoffMs, type Clock, type Logger, step } from '../../kit/run/index.ts';
import { LIMIT_EXCEEDED, type PodPlace, usedVolumes, VolumeSetupError, type Volumes, waitingText } from '../volumes/index.ts';
import type { Holds } from './holds.ts';
import { podText } from './names.ts';
import type { PodEvents } from './pod-events.ts';
import { StartProblem } from './start-problem.ts';
import { VOLUMES } from './step.ts';

/** A volume that is not attached yet is worth an event after upstream's 2 min 3 s; for want of room the pod is refused then. */
const QUIET_MS = 123_000;
const ATTACH_RETRY_MAX_MS = 4000;
/** Upstream's longest back-off of a volume. */
const RETRY_MAX_MS = 122_000;

export interface VolumeKeeperTools {
  volumes: Volumes;
  clock: Clock;
  events: PodEvents;
  log: Logger;
}

export class VolumeKeeper {
  readonly #tools: VolumeKeeperTools;
  readonly #holds: Holds;
  #paths: ReadonlyMap<string, string> | undefined;
  #refreshAtMs: number | undefined;
  #isChanged = false;
  #waitsSinceMs: number | undefined;
  #refreshFailures = 0;

  readonly #refuse: (reason: string, message: string) => void;

  constructor(tools: VolumeKeeperTools, holds: Holds, refuse: (reason: string, message: string) => void) {
    this.#tools = tools;
    this.#holds = holds;
    this.#refuse = refuse;
  }

  /** Path on the node by volume; undefined: not set up yet. */
  get paths(): ReadonlyMap<string, string> | undefined {
    return this.#paths;
  }
  /** Whether all are set up that the pod's containers use; one that was added may use more. */
  areReady(pod: Pod): boolean {
    return this.#paths !== undefined && usedVolumes(pod).every(({ name }) => this.#paths?.has(name));
  }
  /** When a token is due. */
  get refreshAtMs(): number | undefined {
    return this.#refreshAtMs;
  }
  /** Set up, but what they show has changed since, or a token is due. */
  get isStale(): boolean {
    return this.#paths !== undefined && (this.#isChanged || (this.#refreshAtMs ?? Number.POSITIVE_INFINITY) <= this.#tools.clock.nowMs());
  }

  changed(): void {
    this.#isChanged = true;
  }

  /** A failure becomes an event and holds back the next try. */
  async setUp(pod: Pod, place: PodPlace): Promise<void> {
    const { clock, volumes } = this.#tools;
    this.#isChanged = false;
    const waiting: string[] = [];
    const failed = (failure: VolumeSetupError) => {
      if (failure.isWaiting) waiting.push(failure.volume);
      else this.#tell(pod, failure);
    };
    try {
      const made = await step('volumes', () => volumes.setup(pod, place, failed));
      this.#paths = made.paths;
      this.#refreshAtMs = made.refreshAtMs;
      this.#waitsSinceMs = undefined;
      this.#holds.cleared(VOLUMES);
    } catch (error) {
      if (!(error instanceof VolumeSetupError)) throw error;
      const retryMs = backoffMs(this.#holds.countFailure(VOLUMES), 500, error.isWaiting ? ATTACH_RETRY_MAX_MS : RETRY_MAX_MS);
      this.#holds.failed(VOLUMES, new StartProblem(error.reason, error.message, retryMs), clock.nowMs());
      if (waiting.length > 0) await this.#waited(pod, waiting);
    }
  }

  async #waited(pod: Pod, unattached: readonly string[]): Promise<void> {
    const { clock, log, volumes } = this.#tools;
    const nowMs = clock.nowMs();
    this.#waitsSinceMs ??= nowMs;
    if (nowMs - this.#waitsSinceMs < QUIET_MS) return;
    this.#waitsSinceMs = nowMs;
    const isOver = await volumes.exceedsLimit(pod).catch((error: unknown) => {
      log.debug({ err: error, pod: podText(pod) }, 'not known why its volumes are not attached');
      return false;
    });
    const text = waitingText(unattached);
    if (isOver) this.#refuse(LIMIT_EXCEEDED, `Node has reached its volume attachment limit, rejecting pod. ${text}`);
    else this.#tools.events.pod(pod, 'Warning', 'FailedMount', `Unable to attach or mount volumes: ${text}`);
  }

  #tell(pod: Pod, { message, reason }: VolumeSetupError): void {
    this.#tools.events.pod(pod, 'Warning', reason, message);
  }

  /** An object that has gone keeps its last content: an event says so, the pod goes on, and it is read again when it is back. */
  async refresh(pod: Pod, place: PodPlace): Promise<void> {
    const { clock, log, volumes } = this.#tools;
    this.#isChanged = false;
    try {
      this.#refreshAtMs = (await volumes.refresh(pod, place, (failure) => this.#tell(pod, failure))).refreshAtMs;
      this.#refreshFailures = 0;
    } catch (error) {
      this.#refreshAtMs = clock.nowMs() + backoffMs(++this.#refreshFailures, 500, RETRY_MAX_MS);
      log.debug({ err: error, pod: podText(pod) }, 'volumes not refreshed');
    }
  }
}
