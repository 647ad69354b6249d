// Where the hierarchies of control groups are. Pure.
import type { MountEntry } from './mounts.ts';

export const ROOT = '/sys/fs/cgroup';

/**
 * Of v1, the folder of each controller, and of systemd's own hierarchy as `systemd`. One hierarchy may have several controllers
 * (systemd: `cpu,cpuacct`), and only its mount's options tell which.
 */
export function controllersOf(entries: readonly MountEntry[]): Map<string, string> {
  const folders = new Map<string, string>();
  for (const { type, target, superOptions } of entries)
    if (type === 'cgroup' && target.startsWith(`${ROOT}/`))
      for (const option of superOptions) if (!isFlag(option)) folders.set(option.replace(/^name=/, ''), target);
  return folders;
}

const isFlag = (option: string): boolean => ['rw', 'ro', 'xattr'].includes(option) || option.startsWith('release_agent=');
