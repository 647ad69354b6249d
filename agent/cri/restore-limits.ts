// What systemd's control groups are given beyond its properties is lost when it reads its configuration anew: a container that ends as a whole,
// the part of a quota below one per cent. Written again here.
import { cgroups, thaw } from '../../kit/linux/index.ts';
import { type CriContext, containerCgroup, messageOf, podCgroup } from './context.ts';
import { toCgroupLimits } from './resources.ts';
import { isSandboxReady } from './sandbox-status.ts';

/** Containers first: v1 refuses a pod a quota below that of a container. */
export function restoreLimits(context: CriContext): void {
  for (const record of context.containers.all())
    if (context.runtime.state(record.id).status === 'running')
      write(context, containerCgroup(context, record), record.config.linux?.resources);
  for (const record of context.sandboxes.all())
    if (isSandboxReady(context, record)) write(context, podCgroup(context, record), record.config.linux?.resources);
}

function write(context: CriContext, path: string, resources: Parameters<typeof toCgroupLimits>[0] = {}): void {
  try {
    thaw(path);
    cgroups().apply(path, toCgroupLimits(resources));
  } catch (error) {
    context.log.warn({ group: path, error: messageOf(error) }, 'limits not restored');
  }
}
