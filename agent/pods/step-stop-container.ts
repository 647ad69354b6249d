// The step `stop-container`: in the pod's grace, or in that of the sentence that a probe, a hook or a change has passed on it.
import { findContainer } from './names.ts';
import { hasExited, type StepOf } from './step.ts';
import type { StepContext } from './step-context.ts';
import { type StopInputs, stopContainer } from './stop-container.ts';

export async function performStop(context: StepContext, step: StepOf<'stop-container'>, signal: AbortSignal): Promise<void> {
  const { clock, cri } = context.tools;
  if (context.preStopped.has(step.id)) await cri.stopContainer(step.id, context.ending.graceLeftMs);
  else await stopContainer(context.pod, stopInputs(context, step, signal));
  // Dead, but its exit may not be recorded yet: leave the runtime's watcher its turn before looking again.
  const [record] = await cri.listContainers({ id: step.id });
  if (record && !hasExited(record)) await clock.sleep(5, signal).catch(() => {});
}

export function stopInputs(context: StepContext, { id, name }: { id: string; name: string }, signal: AbortSignal): StopInputs {
  const { clock, cri, events } = context.tools;
  const sentence = context.ending.isStopping ? undefined : context.condemned.sentence(id);
  return {
    cri,
    clock,
    events,
    signal,
    containerId: id,
    container: findContainer(context.pod, name)?.container,
    podIP: context.place.podIPs[0] ?? '',
    message: sentence?.message ?? `Stopping container ${name}`,
    graceMs: sentence?.graceMs ?? context.ending.graceLeftMs,
  };
}
