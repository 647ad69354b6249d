// The step `resize`: what can be changed in a running pod is.
import { StartProblem } from './start-problem.ts';
import { RESIZE } from './step.ts';
import type { Seen, StepContext } from './step-context.ts';

/** A failure holds back the next try. */
export async function performResize({ pod, tools, holds, resizer }: StepContext, sandboxId: string, seen: Seen): Promise<void> {
  const running = seen.containers.filter(({ state }) => state === 'running');
  try {
    await resizer.perform(pod, sandboxId, running);
    holds.cleared(RESIZE);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    holds.failed(RESIZE, new StartProblem('ResizeError', message), tools.clock.nowMs());
  }
}
