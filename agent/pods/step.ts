// The pure decision: what a pod wants and what is there -> the next steps. Steps of one answer are independent of each other.
// Whoever performs them records nothing but what the CRI records, and asks again: a crash in between costs nothing.
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import { containerStatusOf, isSidecar, sidecarsOf } from '../../kit/pods/index.ts';
import type { ContainerStatus, PodSandboxStatus } from '../cri/index.ts';
import { KILLED, restarts } from './restart.ts';
import { ofFormerLife } from './restart-all.ts';

export type Step =
  | { do: 'set-up-volumes' }
  | { do: 'create-sandbox'; attempt: number }
  | { do: 'start-container'; name: string; attempt: number; sandboxId: string }
  | { do: 'pre-stop'; id: string; name: string }
  | { do: 'stop-container'; id: string; name: string }
  | { do: 'resize'; sandboxId: string }
  | { do: 'stop-sandbox'; id: string };

export type StepOf<Name extends Step['do']> = Extract<Step, { do: Name }>;

export interface Facts {
  nowMs: number;
  /** The pod is being deleted, or was found to have failed (deadline, eviction): everything is to stop. */
  stopping: boolean;
  /** Newest one. */
  sandbox: PodSandboxStatus | undefined;
  /** All records, in any order. */
  containers: readonly ContainerStatus[];
  volumesReady: boolean;
  /** Keys of steps that are being performed. */
  busy: ReadonlySet<string>;
  /** A start of this container (or SANDBOX, VOLUMES) must wait until then (back-off, failure); undefined: it need not. */
  heldUntilMs(name: string): number | undefined;
  /** Startup probe passed, or none. */
  hasStarted(containerId: string): boolean;
  /** To be stopped although the pod goes on (failed probe, changed image). */
  condemned: ReadonlySet<string>;
  /** Ended, or to be ended, to start anew, whatever its exit code and the restart policy say. */
  comeBack: ReadonlySet<string>;
  /** Until when the containers of a pod that ends have time. */
  graceUntilMs: number | undefined;
  /** Whose preStop has been run before their turn to stop. */
  preStopped: ReadonlySet<string>;
  /** Limits of the pod or its containers are not what they should be. */
  outdated: boolean;
}

/** Names in `heldUntilMs` that no container can have. */
export const SANDBOX = '/sandbox';
export const VOLUMES = '/volumes';
export const RESIZE = '/resize';

export interface Decision {
  steps: Step[];
  /** Nothing is left to do, for ever: all have ended and the network is gone. */
  finished: boolean;
  /** Decide again then, although nothing has happened. */
  wakeAtMs?: number;
}

export const stepKey = (step: Step): string => {
  if (step.do === 'start-container') return `start-container ${step.name}`;
  return step.do === 'stop-container' || step.do === 'pre-stop' ? `${step.do} ${step.id}` : step.do;
};

export function nextSteps(pod: Pod, facts: Facts): Decision {
  const decision = facts.stopping || hasRun(pod, facts) ? windDown(pod, facts) : wind(pod, facts);
  return { ...decision, steps: decision.steps.filter((step) => !facts.busy.has(stepKey(step))) };
}

/** The newest record of a container; of two with one attempt (a crash, then a new sandbox, met the first before it ran) the later one. */
export function newest(containers: readonly ContainerStatus[], name: string): ContainerStatus | undefined {
  let found: ContainerStatus | undefined;
  for (const record of containers) if (record.metadata.name === name && (!found || isLater(record, found))) found = record;
  return found;
}

const isLater = (a: ContainerStatus, b: ContainerStatus): boolean =>
  a.metadata.attempt === b.metadata.attempt ? a.createdAtMs > b.createdAtMs : a.metadata.attempt > b.metadata.attempt;

export const hasExited = (record: ContainerStatus | undefined): record is ContainerStatus =>
  record !== undefined && (record.state === 'exited' || record.state === 'unknown');

/** All has been run that will ever run: every main container has ended for good, or is about to, or an init container failed for good. */
export function hasRun(pod: Pod, facts: Pick<Facts, 'containers' | 'condemned' | 'comeBack'>): boolean {
  const former = new Set(ofFormerLife(pod, facts.containers));
  const endedForGood = (container: Container, isInit: boolean) => {
    const record = newest(facts.containers, container.name);
    if (!record || former.has(record) || facts.comeBack.has(record.id)) return false;
    if (record.state === 'running') return facts.condemned.has(record.id) && !restarts(pod, container, KILLED, isInit);
    return hasExited(record) && !restarts(pod, container, record.exitCode, isInit);
  };
  const mains = pod.spec?.containers ?? [];
  if (mains.length > 0 && mains.every((container) => endedForGood(container, false))) return true;
  if (mains.some(({ name }) => newest(facts.containers, name))) return false;
  return (pod.spec?.initContainers ?? []).some((container) => {
    const record = newest(facts.containers, container.name);
    return !isSidecar(container) && endedForGood(container, true) && record?.exitCode !== 0;
  });
}

function windDown(pod: Pod, facts: Facts): Decision {
  // One that was made and never let go has nothing to stop: it goes with its sandbox.
  const running = facts.containers.filter(({ state }) => state === 'running');
  const sidecars = new Map(sidecarsOf(pod).map((container) => [container.name, container]));
  const starting = [...facts.busy].some((key) => key.startsWith('start-container') || key === 'create-sandbox');
  const mains = running.filter(({ metadata }) => !sidecars.has(metadata.name));
  // All hooks run at once, also of those whose turn to stop comes later.
  const unprepared = running.filter(
    ({ id, metadata }) =>
      sidecars.get(metadata.name)?.lifecycle?.preStop && !facts.preStopped.has(id) && !facts.busy.has(`stop-container ${id}`),
  );
  const hooks = unprepared.map(({ id, metadata }): Step => ({ do: 'pre-stop', id, name: metadata.name }));
  const { graceUntilMs, nowMs } = facts;
  const waiting = sidecars.size > 0 && graceUntilMs !== undefined ? { wakeAtMs: graceUntilMs } : {};
  // No grace is left for waiting: all at once.
  if (graceUntilMs !== undefined && graceUntilMs <= nowMs && running.length > 0)
    return { steps: running.filter(({ id }) => !facts.busy.has(`pre-stop ${id}`)).map(stop), finished: false };
  if (mains.length > 0) return { steps: [...mains.map(stop), ...hooks], finished: false, ...waiting };
  if (starting) return { steps: hooks, finished: false };
  // Sidecars end after the others, the last one first, one by one.
  const order = [...sidecars.keys()].reverse();
  const last = order.flatMap((name) => running.filter(({ metadata }) => metadata.name === name))[0];
  if (last) return { steps: unprepared.includes(last) ? hooks : [stop(last), ...hooks], finished: false, ...waiting };
  if (facts.sandbox?.state === 'ready') return { steps: [{ do: 'stop-sandbox', id: facts.sandbox.id }], finished: false };
  return { steps: [], finished: facts.busy.size === 0 };
}

const stop = (record: ContainerStatus): Step => ({ do: 'stop-container', id: record.id, name: record.metadata.name });

function wind(pod: Pod, facts: Facts): Decision {
  const steps: Step[] = [];
  let wakeAtMs: number | undefined;
  const isHeld = (name: string): boolean => {
    const untilMs = facts.heldUntilMs(name);
    if (untilMs === undefined || untilMs <= facts.nowMs) return false;
    wakeAtMs = Math.min(wakeAtMs ?? untilMs, untilMs);
    return true;
  };
  const decided = (): Decision => ({ steps, finished: false, ...(wakeAtMs === undefined ? {} : { wakeAtMs }) });
  if (!facts.volumesReady && !isHeld(VOLUMES)) steps.push({ do: 'set-up-volumes' });
  const { sandbox } = facts;
  if (sandbox?.state !== 'ready') {
    const orphans = facts.containers.filter(({ state }) => state === 'running');
    if (orphans.length > 0) return { steps: orphans.map(stop), finished: false }; // their network is gone: start over
    if (!isHeld(SANDBOX)) steps.push({ do: 'create-sandbox', attempt: sandbox ? sandbox.metadata.attempt + 1 : 0 });
    return decided();
  }
  for (const record of facts.containers) if (record.state === 'running' && facts.condemned.has(record.id)) steps.push(stop(record));
  if (facts.outdated && !isHeld(RESIZE)) steps.push({ do: 'resize', sandboxId: sandbox.id });
  // Whatever is left of a former life ends before the new one begins.
  const former = new Set(ofFormerLife(pod, facts.containers));
  const isEnding = [...former].some(({ state }) => state === 'running');
  if (facts.volumesReady && !isEnding) {
    const isStarting = [...facts.busy].some((key) => key.startsWith('start-container'));
    for (const name of startable(pod, facts, sandbox.id, former)) {
      if (isHeld(name)) continue;
      if (isStarting) break; // one after the other, as their order in the pod says
      const record = newest(facts.containers, name);
      // Made but never let go (the agent died in between): the same start goes on, it is no restart.
      const attempt = record?.state === 'created' ? record.metadata.attempt : (record?.metadata.attempt ?? lastTold(pod, name)) + 1;
      steps.push({ do: 'start-container', name, attempt, sandboxId: sandbox.id });
      break;
    }
  }
  return decided();
}

/** The attempt that the pod's status tells of, where a power failure has taken the records: counts never fall. -1: none was there. */
function lastTold(pod: Pod, name: string): number {
  const told = containerStatusOf(pod, name);
  return told?.containerID ? told.restartCount : -1;
}

/** Names of the containers that should be running and are not, in the order of their turn. */
function startable(pod: Pod, facts: Facts, sandboxId: string, former: ReadonlySet<ContainerStatus>): string[] {
  const names: string[] = [];
  const current = (name: string): ContainerStatus | undefined => {
    const record = newest(facts.containers, name);
    return record && former.has(record) ? undefined : record;
  };
  const mains = pod.spec?.containers ?? [];
  const mainsHaveRun = mains.some(({ name }) => current(name)?.sandboxId === sandboxId);
  for (const container of pod.spec?.initContainers ?? []) {
    const record = current(container.name);
    const here = record?.sandboxId === sandboxId ? record : undefined; // a new network means a new start of all
    if (isSidecar(container)) {
      if (here?.state !== 'running') names.push(container.name);
      if (!mainsHaveRun && !(here?.state === 'running' && facts.hasStarted(here.id))) return names;
      continue;
    }
    if (mainsHaveRun || (hasExited(here) && here.exitCode === 0)) continue;
    if (here?.state !== 'running') names.push(container.name);
    return names;
  }
  // Every container starts once before one of them starts again.
  const again: string[] = [];
  for (const container of mains) {
    const record = current(container.name);
    if (!record || record.state === 'created') names.push(container.name);
    else if (hasExited(record) && (facts.comeBack.has(record.id) || restarts(pod, container, record.exitCode, false)))
      again.push(container.name);
  }
  names.push(...again);
  for (const { name } of pod.spec?.ephemeralContainers ?? []) if (!newest(facts.containers, name)) names.push(name);
  return names;
}
