// The step `pre-stop`: the hook of a sidecar, which runs with all others' when the pod begins to end; its signal waits for its turn.
import type { StepOf } from './step.ts';
import type { StepContext } from './step-context.ts';
import { stopInputs } from './step-stop-container.ts';
import { preStop } from './stop-container.ts';

export async function performPreStop(context: StepContext, step: StepOf<'pre-stop'>, signal: AbortSignal): Promise<void> {
  try {
    await preStop(context.pod, stopInputs(context, step, signal));
  } finally {
    context.preStopped.add(step.id);
  }
}
