// RemoveContainer: kills when needed; processes, mounts, cgroup, writable layer and record go. The log file stays with the pod.
import { step } from '../../kit/run/index.ts';
import type { CriContext } from './context.ts';
import { stopContainer } from './stop-container.ts';

export async function removeContainer(context: CriContext, id: string): Promise<void> {
  const record = context.containers.get(id);
  if (!record) return;
  await stopContainer(context, id, 0);
  await context.turns.take(`record/${id}`, async () => {
    if (!context.containers.get(id)) return;
    await context.runtime.delete(id);
    await step('container.remove', () => context.containers.remove(id));
    context.events.emit({ type: 'removed', containerId: id, sandboxId: record.sandboxId });
  });
}
