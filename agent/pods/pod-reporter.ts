// Reports one pod: its status to the API, what its containers wait for, and how its start went.
import type { Pod, PodStatus } from '../../api/gen/types/core.v1.ts';
import { isFinalPhase, isSidecar } from '../../kit/pods/index.ts';
import { type Logger, Story } from '../../kit/run/index.ts';
import type { Devices } from '../devices/index.ts';
import type { Waiting } from './container-statuses.ts';
import { findContainer, IMAGE_ANNOTATION, podText } from './names.ts';
import type { Prober } from './prober.ts';
import { restarts } from './restart.ts';
import type { Starts } from './starts.ts';
import { podStatus } from './status.ts';
import { holdMs } from './status-hold.ts';
import { StatusWriter, type StatusWriterOptions } from './status-writer.ts';
import { hasExited, newest } from './step.ts';
import type { Seen, StepContext } from './step-context.ts';

export interface ReporterTools extends StatusWriterOptions {
  devices: Devices;
  log: Logger;
  starts: Starts;
  hostIP: string;
}

export class PodReporter {
  readonly writer: StatusWriter;
  readonly #tools: ReporterTools;
  readonly #context: StepContext;
  readonly #prober: Prober;
  /** Restarts that a BackOff event was written for: `name attempt`. */
  readonly #toldBackoff = new Set<string>();
  #heldUntilMs: number | undefined;
  /** The first look. */
  #seenMs: number | undefined;
  /** Of the start, until the pod is ready or has ended. */
  #story: Story | undefined;

  constructor(tools: ReporterTools, pod: Pod, context: StepContext, prober: Prober) {
    this.#tools = tools;
    this.#context = context;
    this.#prober = prober;
    this.writer = new StatusWriter(tools, pod);
    if (!pod.status?.startTime && !pod.metadata.deletionTimestamp) this.#story = new Story();
  }

  get story(): Story | undefined {
    return this.#story;
  }

  /** `busy`: keys of the steps under way. */
  report(seen: Seen, finished: boolean, busy: ReadonlyMap<string, unknown>): void {
    const { condemned, ending, messages, pod, resizer } = this.#context;
    const { phase } = this.writer.base;
    const hasEnded = isFinalPhase(phase);
    // What has been reported as ended stays as reported; what is gone from the API has nobody to report to.
    if (ending.isRemoved || (hasEnded && !pod.metadata.deletionTimestamp && busy.size === 0 && !ending.verdict)) return;
    // The last container of a deleted pod and the pod itself end in one write.
    const isEnding = ending.isStopping && !finished && !ending.verdict;
    if (isEnding && seen.containers.length > 0 && seen.containers.every(hasExited)) return;
    const nowMs = this.#tools.clock.nowMs();
    const status = podStatus(
      { ...pod, status: this.writer.base },
      {
        sandbox: seen.sandbox,
        records: seen.containers,
        hostIP: this.#tools.hostIP,
        nowMs,
        seenMs: (this.#seenMs ??= nowMs),
        finished,
        verdict: ending.verdict,
        waiting: (name) => this.#waiting(name, seen, nowMs, busy),
        hasStarted: (id) => this.#prober.hasStarted(id),
        isReady: (id) => this.#prober.isReady(id),
        terminationMessage: (id) => messages.get(id),
        comesBack: (id) => !ending.isStopping && condemned.comeBack.has(id),
        isOutdated: (record) => resizer.isOutdated(pod, record),
        resize: resizer.conditions,
        devices: (name) => this.#tools.devices.status(pod, name),
      },
    );
    if (this.#holds(status, busy, nowMs, replaced(pod, seen))) return;
    this.writer.put(status);
    this.#endStory(status);
  }

  /** Until when a status is held back that the next one will say too; undefined: none is. */
  get heldUntilMs(): number | undefined {
    return this.#heldUntilMs;
  }

  #holds(status: PodStatus, busy: ReadonlyMap<string, unknown>, nowMs: number, replaced: readonly string[]): boolean {
    const ms = holdMs(this.writer.base, status, busy.keys(), replaced);
    const untilMs = ms > 0 ? (this.#heldUntilMs ?? nowMs + ms) : nowMs;
    this.#heldUntilMs = untilMs > nowMs ? untilMs : undefined;
    return this.#heldUntilMs !== undefined;
  }

  #endStory({ phase, conditions = [] }: PodStatus): void {
    const story = this.#story;
    const isOver = isFinalPhase(phase) || conditions.some((c) => c.type === 'Ready' && c.status === 'True');
    if (!story || !isOver) return;
    this.#story = undefined;
    void this.writer.settled().then(() => this.#tools.log.debug(this.#tools.starts.add(this.#context.pod, story), 'pod started'));
  }

  #waiting(name: string, seen: Seen, nowMs: number, busy: ReadonlyMap<string, unknown>): Waiting | undefined {
    const { condemned, ending, holds, pod, tools } = this.#context;
    const record = newest(seen.containers, name);
    const found = findContainer(pod, name);
    // Upstream shows a crashed sidecar of a pod that never restarts as ended, although it comes back.
    const isSidecarOfNever = found && found.role === 'init' && isSidecar(found.container) && pod.spec?.restartPolicy === 'Never';
    if (isSidecarOfNever && hasExited(record)) return undefined;
    const waiting = holds.waiting(name, record, podText(pod), nowMs);
    const isGone = hasExited(record) && !condemned.comeBack.has(record.id);
    if (isGone && found && !restarts(pod, found.container, record.exitCode, found.role === 'init')) return undefined;
    if (waiting?.reason !== 'CrashLoopBackOff') return waiting;
    // While it starts its back-off counts for the next time already.
    if (busy.has(`start-container ${name}`)) return undefined;
    const told = `${name} ${record?.metadata.attempt}`;
    if (!this.#toldBackoff.has(told) && !ending.isStopping) {
      this.#toldBackoff.add(told);
      tools.events.container(pod, name, 'Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${podText(pod)}`);
    }
    return waiting;
  }
}

/** Containers that have ended and start with another image; one with probes is not ready again by that, which is told at once. */
function replaced({ spec }: Pod, { containers }: Seen): string[] {
  const unprobed = (spec?.containers ?? []).filter(({ readinessProbe, startupProbe }) => !readinessProbe && !startupProbe);
  const others = unprobed.filter(({ name, image }) => {
    const record = newest(containers, name);
    return hasExited(record) && record.annotations[IMAGE_ANNOTATION] !== image;
  });
  return others.map(({ name }) => name);
}
