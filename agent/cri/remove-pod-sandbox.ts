// RemovePodSandbox: stops what runs, removes the containers, the files, and the pod's cgroup with its last sandbox.
import { removeTree } from '../../kit/linux/index.ts';
import { step } from '../../kit/run/index.ts';
import { type CriContext, containersOf, podCgroup } from './context.ts';
import { removeContainer } from './remove-container.ts';
import { stopPodSandbox } from './stop-pod-sandbox.ts';

export async function removePodSandbox(context: CriContext, id: string): Promise<void> {
  await stopPodSandbox(context, id);
  await context.turns.take(`sandbox/${id}`, async () => {
    const record = context.sandboxes.get(id);
    if (!record) return;
    await Promise.all(containersOf(context, id).map((container) => removeContainer(context, container.id)));
    const path = podCgroup(context, record);
    const isShared = context.sandboxes.all().some((other) => other.id !== id && podCgroup(context, other) === path);
    if (!isShared) await step('sandbox.remove-cgroup', () => context.groups.remove(path));
    await step('sandbox.remove-files', () => removeTree(`${context.runDir}/s/${id}`));
    await step('sandbox.remove-record', () => context.sandboxes.remove(id));
  });
}
