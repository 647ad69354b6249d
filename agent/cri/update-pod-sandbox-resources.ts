// UpdatePodSandboxResources: into the record first, then into the pod's cgroup as long as it has one.
import { type CriContext, mustSandbox, podCgroup } from './context.ts';
import type { LinuxResources } from './cri.ts';
import { toCgroupLimits } from './resources.ts';

export async function updatePodSandboxResources(context: CriContext, id: string, resources: LinuxResources): Promise<void> {
  await context.turns.take(`sandbox/${id}`, async () => {
    const record = mustSandbox(context, id);
    const { config } = record;
    const merged = { ...config.linux?.resources, ...resources };
    context.sandboxes.put({ ...record, config: { ...config, linux: { ...config.linux, resources: merged } } });
    if (record.state === 'ready') await context.groups.apply(podCgroup(context, record), toCgroupLimits(resources));
  });
}
