// One stop of a container: preStop within the grace, then the stop signal, then SIGKILL.
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import { type Clock, settledWithin, step } from '../../kit/run/index.ts';
import type { Cri } from '../cri/index.ts';
import { runHook } from './hooks.ts';
import type { PodEvents } from './pod-events.ts';

/** What is left for the signal when preStop has used everything up. */
const LAST_CHANCE_MS = 2000;

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
  const { cri, clock, events, container } = inputs;
  const startedMs = clock.nowMs();
  if (container) events.container(pod, container.name, 'Normal', 'Killing', inputs.message);
  const hook = container?.lifecycle?.preStop;
  if (container && hook && inputs.graceMs > 0) {
    const { containerId, podIP, signal } = inputs;
    const place = { cri, clock, containerId, container, podIP, signal };
    const done = step('hook.pre-stop', () => runHook(hook, place, inputs.graceMs)).catch(() => {
      if (!signal.aborted) events.container(pod, container.name, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
    });
    await settledWithin(done, inputs.graceMs, clock, signal);
  }
  const usedMs = clock.nowMs() - startedMs;
  const leftMs = hook ? Math.max(inputs.graceMs - usedMs, Math.min(inputs.graceMs, LAST_CHANCE_MS)) : inputs.graceMs;
  await cri.stopContainer(inputs.containerId, leftMs);
}
