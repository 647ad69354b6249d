// UpdateContainerResources: into the record first, then into the container's cgroup as far as it has one.
import { type CriContext, containerCgroup, mustContainer } from './context.ts';
import type { LinuxResources } from './cri.ts';
import { toCgroupLimits } from './resources.ts';

export async function updateContainerResources(context: CriContext, id: string, resources: LinuxResources): Promise<void> {
  await context.turns.take(`record/${id}`, async () => {
    const record = mustContainer(context, id);
    const { config } = record;
    const merged = { ...config.linux?.resources, ...resources };
    context.containers.put({ ...record, config: { ...config, linux: { ...config.linux, resources: merged } } });
    if (!record.exit) await context.groups.apply(containerCgroup(context, record), toCgroupLimits(merged));
  });
}
