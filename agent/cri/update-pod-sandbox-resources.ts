// UpdatePodSandboxResources: into the pod's cgroup as long as it has one, then into the record.
import { step } from '../../kit/run/index.ts';
import { type CriContext, mustSandbox, podCgroup } from './context.ts';
import type { LinuxResources } from './cri.ts';
import { toCgroupLimits } from './resources.ts';

export async function updatePodSandboxResources(context: CriContext, id: string, resources: LinuxResources): Promise<void> {
  await context.turns.take(`sandbox/${id}`, async () => {
    const record = mustSandbox(context, id);
    const { config } = record;
    const merged = { ...config.linux?.resources, ...resources };
    if (record.state === 'ready')
      await step('sandbox.limits', () => context.groups.apply(podCgroup(context, record), toCgroupLimits(resources)));
    const present = mustSandbox(context, id);
    step('sandbox.limits-record', () =>
      context.sandboxes.put({ ...present, config: { ...config, linux: { ...config.linux, resources: merged } } }),
    );
  });
}
