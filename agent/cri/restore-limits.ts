// What systemd's control groups are given beyond its properties is lost when it reads its configuration anew: a container that ends as a whole,
// the part of a quota below one per cent. Written again here.
import { cgroups, thaw } from '../../kit/linux/index.ts';
import { type CriContext, containerCgroup, messageOf, podCgroup } from './context.ts';
import type { SandboxRecord } from './records.ts';
import { toCgroupLimits } from './resources.ts';

/**
 * Of all that have a group, also those being made: a reload may come between their limits and their start. Containers first: v1 refuses
 * a pod a quota below that of a container.
 */
export function restoreLimits(context: CriContext): void {
  for (const record of context.containers.all())
    if (!record.exit) write(context, containerCgroup(context, record), record.config.linux?.resources);
  for (const record of context.sandboxes.all()) restorePodLimits(context, record);
}

/** With a pod's first container systemd writes the pod's slice anew. */
export function restorePodLimits(context: CriContext, record: SandboxRecord): void {
  write(context, podCgroup(context, record), record.config.linux?.resources);
}

function write(context: CriContext, path: string, resources: Parameters<typeof toCgroupLimits>[0] = {}): void {
  try {
    thaw(path);
    cgroups().apply(path, toCgroupLimits(resources));
  } catch (error) {
    context.log.warn({ group: path, error: messageOf(error) }, 'limits not restored');
  }
}
