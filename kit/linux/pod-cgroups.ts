// The control groups of pods: named, made, limited and removed by one of two drivers, by files or through systemd. Reading is the same for both:
// cgroups() on the path.
import { writeFileSync } from 'node:fs';
import type { CgroupLimits } from './cgroup-limits.ts';
import { type CgroupDriverName, type CgroupNames, cgroupNames } from './cgroup-names.ts';
import { cgroups } from './cgroups.ts';
import { openSystemdCgroups } from './systemd-cgroups.ts';

export interface PodCgroups extends CgroupNames {
  readonly driver: CgroupDriverName;
  /** Makes a class's or pod's group and those above it. Idempotent. */
  create(group: string): Promise<void>;
  /** Of a group that is there; one that is not has no limits. */
  apply(path: string, limits: CgroupLimits): Promise<void>;
  /** Makes a group beside the containers' for a process, and puts it there. */
  adopt(container: string, pid: number): Promise<void>;
  /** Calls `listener` each time that somebody else may have written other limits, until `signal` aborts. */
  watch(listener: () => void, signal: AbortSignal, onError: (error: unknown) => void): void;
  /** Kills what runs in it and removes it with everything below. Idempotent. @throws after 10 s */
  remove(path: string): Promise<void>;
}

/** `parent`: what all groups are below, `/` on a dedicated machine. @throws Error when the driver cannot work on this machine */
export async function openPodCgroups(driver: CgroupDriverName, parent: string): Promise<PodCgroups> {
  const names = cgroupNames(driver, parent);
  return driver === 'systemd' ? await openSystemdCgroups(names) : fileCgroups(names);
}

/** Folders of our own, beside systemd's where there is one. */
const fileCgroups = (names: CgroupNames): PodCgroups => ({
  ...names,
  driver: 'cgroupfs',
  create: async (group) => cgroups().create(group),
  apply: async (path, limits) => cgroups().apply(path, limits),
  adopt: async (path, pid) => {
    cgroups().create(path);
    const folder = cgroups().folder('pids', path) ?? cgroups().folder('memory', path);
    writeFileSync(`${folder}/cgroup.procs`, `${pid}`);
  },
  watch: () => {}, // they are our own
  remove: (path) => cgroups().remove(path),
});
