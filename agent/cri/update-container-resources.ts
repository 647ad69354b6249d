// UpdateContainerResources: into the container's cgroup as far as it has one, then into the record, which says what it runs with: a change
// that was cut off, or that the kernel did not take, is asked for again.
import { step } from '../../kit/run/index.ts';
import { type CriContext, containerCgroup, mustContainer } from './context.ts';
import type { LinuxResources } from './cri.ts';
import { toCgroupLimits } from './resources.ts';

export async function updateContainerResources(context: CriContext, id: string, resources: LinuxResources): Promise<void> {
  await context.turns.take(`record/${id}`, async () => {
    const record = mustContainer(context, id);
    const { config } = record;
    const merged = { ...config.linux?.resources, ...resources };
    if (!record.exit) await step('container.limits', () => context.groups.apply(containerCgroup(context, record), toCgroupLimits(merged)));
    const present = mustContainer(context, id);
    step('container.limits-record', () =>
      context.containers.put({ ...present, config: { ...config, linux: { ...config.linux, resources: merged } } }),
    );
  });
}
