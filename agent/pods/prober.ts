// The probes of one pod: a loop for each probe of each running container, holding its present result.
import type { ContainerStatus as ApiStatus, Container, Pod, Probe } from '../../api/gen/types/core.v1.ts';
import type { Clock } from '../../kit/run/index.ts';
import type { ContainerStatus, Cri } from '../cri/index.ts';
import { findContainer } from './names.ts';
import type { PodEvents } from './pod-events.ts';
import { runProbe } from './probe-run.ts';
import { counted, firstCount, type ProbeCount, type ProbeKind } from './probe-verdict.ts';

export interface ProberOptions {
  cri: Cri;
  clock: Clock;
  events: PodEvents;
  /** Readiness or startup has changed. */
  onChange(): void;
  /** A probe was made; `ok` undefined: it could not be. */
  onProbe(container: string, kind: ProbeKind, ok: boolean | undefined): void;
  /** Liveness or startup has failed. */
  onUnhealthy(containerId: string, name: string, kind: ProbeKind, graceSeconds: number | undefined): void;
}

interface Probed {
  container: Container;
  startedAtMs: number;
  stop: AbortController;
  counts: Partial<Record<ProbeKind, ProbeCount>>;
  /** Started under an agent that has since been restarted. */
  isKnown: boolean;
  looping: Set<ProbeKind>;
}

/** How long a container counts as young, and the pauses between looks at it: doubled each time; a command costs more than a request. */
const EARLY_MS = 3000;
const EARLY_PAUSE_MS = 10;
const EARLY_PAUSE_MAX_MS = 250;

const KINDS: readonly [ProbeKind, 'startupProbe' | 'livenessProbe' | 'readinessProbe'][] = [
  ['startup', 'startupProbe'],
  ['liveness', 'livenessProbe'],
  ['readiness', 'readinessProbe'],
];

export class Prober {
  readonly #options: ProberOptions;
  readonly #probed = new Map<string, Probed>();
  #pod: Pod | undefined;
  #podIP = '';
  #stopping = false;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** These containers run now, and no others. While the pod is stopping only readiness goes on. */
  follow(pod: Pod, running: readonly ContainerStatus[], podIP: string, stopping: boolean): void {
    this.#pod = pod;
    this.#podIP = podIP;
    this.#stopping = stopping;
    for (const [id, probed] of this.#probed) {
      if (running.some((record) => record.id === id)) continue;
      probed.stop.abort();
      this.#probed.delete(id);
    }
    for (const record of running) {
      const container = findContainer(pod, record.metadata.name)?.container;
      if (!container || !KINDS.some(([, field]) => container[field])) continue;
      let probed = this.#probed.get(record.id);
      if (!probed) {
        const shown = runningAs(pod, record.id);
        const counts = countsShown(shown);
        const isKnown = shown !== undefined;
        probed = { container, startedAtMs: record.startedAtMs, stop: new AbortController(), counts, isKnown, looping: new Set() };
        this.#probed.set(record.id, probed);
      }
      this.#startLoops(record.id, probed);
    }
  }

  /** The startup probe has passed, or there is none. */
  hasStarted(containerId: string): boolean {
    const probed = this.#probed.get(containerId);
    return !probed?.container.startupProbe || probed.counts.startup?.ok === true;
  }

  isReady(containerId: string): boolean {
    const probed = this.#probed.get(containerId);
    return !probed?.container.readinessProbe || probed.counts.readiness?.ok === true;
  }

  close(): void {
    for (const { stop } of this.#probed.values()) stop.abort();
    this.#probed.clear();
  }

  #startLoops(id: string, probed: Probed): void {
    for (const [kind, field] of KINDS) {
      const probe = probed.container[field];
      if (!probe || probed.looping.has(kind) || (kind !== 'startup' && !this.hasStarted(id))) continue;
      probed.looping.add(kind);
      if (kind === 'startup' && probed.counts.startup?.ok) continue; // passed before the agent was restarted
      void this.#loop(id, probed, kind, probe).catch(() => {}); // ends by its signal only
    }
  }

  async #loop(id: string, probed: Probed, kind: ProbeKind, probe: Probe): Promise<void> {
    const { clock } = this.#options;
    const { signal } = probed.stop;
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    const firstMs = probed.startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000;
    probed.counts[kind] ??= firstCount(kind);
    // All of a node's containers are met at once by an agent that was restarted: their probes begin over a whole period.
    if (probed.isKnown) await clock.sleep(Math.max(1, Math.floor(spread(id) * periodMs)), signal);
    if (firstMs > clock.nowMs()) await clock.sleep(firstMs - clock.nowMs(), signal);
    let dueMs = clock.nowMs();
    let pauseMs = probe.exec ? EARLY_PAUSE_MAX_MS : EARLY_PAUSE_MS;
    for (;;) {
      const beganMs = clock.nowMs();
      const isDue = beganMs >= dueMs;
      if (isDue) dueMs = beganMs + periodMs;
      if (!(this.#stopping && kind !== 'readiness')) {
        const isOver = await this.#probeOnce(id, probed, kind, probe, isDue);
        signal.throwIfAborted();
        if (isOver) return;
      }
      // A container that is not ready yet is looked at in between at first, so that it does not wait for a whole period.
      const isYoung = kind !== 'liveness' && !probed.counts[kind]?.ok && beganMs - firstMs < EARLY_MS;
      const looksEarly = isYoung && (probe.successThreshold ?? 1) === 1;
      const nextMs = looksEarly ? Math.min(dueMs, clock.nowMs() + pauseMs) : dueMs;
      pauseMs = Math.min(pauseMs * 2, EARLY_PAUSE_MAX_MS);
      await clock.sleep(Math.max(nextMs - clock.nowMs(), 1), signal);
    }
  }

  /** A failure that was not due counts nothing: thresholds are counted in periods. True: this container need not be asked again, ever. */
  async #probeOnce(id: string, probed: Probed, kind: ProbeKind, probe: Probe, isDue: boolean): Promise<boolean> {
    const { cri, events, onChange, onProbe, onUnhealthy } = this.#options;
    const answer = await runProbe(cri, probe, probed.container, id, this.#podIP);
    if (probed.stop.signal.aborted || !this.#pod) return false;
    if (!isDue && !answer.ok) return false;
    onProbe(probed.container.name, kind, answer.erred ? undefined : answer.ok);
    const name = `${kind[0]?.toUpperCase()}${kind.slice(1)}`;
    const tell = (reason: string, message: string) =>
      events.container(this.#pod as Pod, probed.container.name, 'Warning', reason, `${name} probe ${message}`);
    if (answer.erred) {
      tell('Unhealthy', `errored and resulted in ${answer.erred} state: ${answer.text}`);
      return false;
    }
    if (answer.warns) tell('ProbeWarning', `warning: ${answer.text}`);
    const before = probed.counts[kind] ?? firstCount(kind);
    const after = counted(before, answer.ok, probe);
    probed.counts[kind] = after;
    if (!answer.ok) tell('Unhealthy', `failed: ${answer.text}`);
    const isSentence = !answer.ok && after.tripped && kind !== 'readiness';
    if (isSentence) onUnhealthy(id, probed.container.name, kind, probe.terminationGracePeriodSeconds);
    if (after.ok !== before.ok) onChange();
    return isSentence || (kind === 'startup' && after.ok);
  }
}

/** The status that says that this very container runs; undefined: it has been started since it was written. */
const runningAs = ({ status }: Pod, containerId: string): ApiStatus | undefined =>
  [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].find(
    ({ containerID, state }) => containerID?.endsWith(`//${containerId}`) && state?.running,
  );

/** An agent that was restarted goes on from what it had reported: nothing flaps until a probe says otherwise. */
function countsShown(shown: ApiStatus | undefined): Probed['counts'] {
  const passed: ProbeCount = { ok: true, last: undefined, row: 0 };
  return { ...(shown?.started ? { startup: passed } : {}), ...(shown?.ready ? { readiness: passed } : {}) };
}

/** 0 to 1, by the container's id: the same each time. */
const spread = (containerId: string): number => (Number.parseInt(containerId.slice(0, 8), 16) || 0) / 2 ** 32;
