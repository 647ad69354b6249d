// One stop of a container: preStop within the grace, then the stop signal, then SIGKILL.
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import { type Clock, settledWithin, step } from '../../kit/run/index.ts';
import type { Cri } from '../cri/index.ts';
import { LAST_CHANCE_MS } from './ending.ts';
import { runHook } from './hooks.ts';
import type { PodEvents } from './pod-events.ts';

export interface StopInputs {
  cri: Cri;
  clock: Clock;
  events: PodEvents;
  containerId: string;
  /** Undefined: no longer in the pod's spec. */
  container: Container | undefined;
  podIP: string;
  /** Text of the Killing event. */
  message: string;
  graceMs: number;
  signal: AbortSignal;
}

/** Resolves when the container is dead. Safe to repeat. */
export async function stopContainer(pod: Pod, inputs: StopInputs): Promise<void> {
  const { cri, clock, container, containerId, graceMs } = inputs;
  const startedMs = clock.nowMs();
  await preStop(pod, inputs);
  const usedMs = clock.nowMs() - startedMs;
  const hasHook = container?.lifecycle?.preStop !== undefined;
  await cri.stopContainer(containerId, hasHook ? Math.max(graceMs - usedMs, Math.min(graceMs, LAST_CHANCE_MS)) : graceMs);
}

/** Tells that the container is being stopped and runs its preStop, where it has one, for no longer than the grace. */
export async function preStop(pod: Pod, inputs: StopInputs): Promise<void> {
  const { clock, container, events, graceMs, signal } = inputs;
  if (!container) return;
  events.container(pod, container.name, 'Normal', 'Killing', inputs.message);
  const hook = container.lifecycle?.preStop;
  if (!hook || graceMs <= 0) return;
  // One that takes longer goes on while the container has its last chance, and ends with it.
  const done = step('hook.pre-stop', () => runHook(hook, { ...inputs, container }, graceMs + 2 * LAST_CHANCE_MS)).catch(() => {
    if (!signal.aborted) events.container(pod, container.name, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
  });
  await settledWithin(done, graceMs, clock, signal);
}
