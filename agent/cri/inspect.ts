// What people see who look for a fault: the records as they are, and how the runtime is set up.
import { cgroups } from '../../kit/linux/index.ts';
import { type CriContext, containerCgroup, podCgroup } from './context.ts';
import type { RuntimeStatus } from './cri.ts';
import { supportsUsers } from './user-namespace.ts';

export function inspectPodSandbox(context: CriContext, id: string): object | undefined {
  const record = context.sandboxes.get(id);
  return record && { ...record, cgroup: podCgroup(context, record) };
}

/** With the runtime's own configuration, once it was started. */
export function inspectContainer(context: CriContext, id: string): object | undefined {
  const record = context.containers.get(id);
  if (!record) return undefined;
  const state = context.runtime.state(id);
  return {
    ...record,
    pid: 'pid' in state ? state.pid : 0,
    cgroup: containerCgroup(context, record),
    rootfs: context.runtime.rootfsPath(id),
    runtimeType: context.runtime.name,
    runtimeSpec: context.runtime.spec(id) ?? null,
  };
}

export async function runtimeStatus(context: CriContext): Promise<RuntimeStatus> {
  const { cni, runDir, stateDir, groups, runtime, images, registries } = context;
  return {
    handlers: await Promise.all(
      ['', runtime.name, ...runtime.handlers].map(async (name) => ({
        name,
        recursiveReadOnlyMounts: true,
        userNamespaces: await supportsUsers(context, name),
      })),
    ),
    features: { supplementalGroupsPolicy: true },
    cgroupDriver: groups.driver,
    info: {
      runDir,
      stateDir,
      cgroupParent: groups.group('') || '/',
      cni,
      ...registries,
      runtime: runtime.name,
      imagesDir: images.folder,
      cgroups: cgroups().layout,
    },
  };
}
