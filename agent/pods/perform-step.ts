// From a step that was decided to the file that performs it.
import type { Step } from './step.ts';
import type { Seen, StepContext } from './step-context.ts';
import { createSandbox } from './step-create-sandbox.ts';
import { performPreStop } from './step-pre-stop.ts';
import { performResize } from './step-resize.ts';
import { performStart } from './step-start-container.ts';
import { performStop } from './step-stop-container.ts';

/** Resolves when it is done, or has failed in a way that the pod's status or an event tells. Safe to repeat. */
export function performStep(context: StepContext, step: Step, seen: Seen, signal: AbortSignal): Promise<void> {
  switch (step.do) {
    case 'set-up-volumes':
      return context.volumes.setUp(context.pod, context.place);
    case 'create-sandbox':
      context.firstImage.fetch(context.tools.pulls, context.pod);
      return createSandbox(context, step.attempt);
    case 'start-container':
      return performStart(context, step, seen, signal);
    case 'pre-stop':
      return performPreStop(context, step, signal);
    case 'stop-container':
      return performStop(context, step, signal);
    case 'resize':
      return performResize(context, step.sandboxId, seen);
    case 'stop-sandbox':
      return context.tools.cri.stopPodSandbox(step.id);
  }
}
