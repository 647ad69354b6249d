// Namespaces: entering one for a moment and pinning new ones to files. All synchronous: the main thread is back home before
// anything else can run. Never await inside, and never touch libuv's thread pool for the first time inside (its threads keep
// the namespaces of the thread that first used it): `homeFirst` sees to that.
import { closeSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CLONE, MNT_DETACH, MS, mount, SyscallError, setns, umount, unshare } from './syscalls.ts';

const kinds = { net: CLONE.NEWNET, ipc: CLONE.NEWIPC, uts: CLONE.NEWUTS } as const;
export type PinnableNamespace = keyof typeof kinds;

/** Starts libuv's thread pool in the home namespaces. Await once before the first `inNetns` or `pinNamespace` of a process. */
export async function homeFirst(): Promise<void> {
  await Promise.all([stat('/'), stat('/'), stat('/'), stat('/')]);
}

/** Runs `work` inside a network namespace (a file or an open descriptor). `work` must be synchronous. */
export function inNetns<T>(netns: string | number, work: () => T): T {
  return inNamespace('net', netns, work);
}

/** Runs `work` in another namespace of the main thread and comes back, also after an error. `work` must be synchronous. */
export function inNamespace<T>(kind: PinnableNamespace, namespace: string | number, work: () => T): T {
  const home = openSync(`/proc/thread-self/ns/${kind}`, 'r');
  try {
    const fd = typeof namespace === 'number' ? namespace : openSync(namespace, 'r');
    try {
      setns(fd, kinds[kind]);
    } finally {
      if (typeof namespace !== 'number') closeSync(fd);
    }
    try {
      return work();
    } finally {
      setns(home, kinds[kind]);
    }
  } finally {
    closeSync(home);
  }
}

/**
 * Makes a new namespace and pins it to `path` by a bind mount, so that it lives without a process. `inside` runs in it once
 * (for sysctls, the host name). When the file already pins one, nothing is made and false is returned.
 */
export function pinNamespace(kind: PinnableNamespace, path: string, inside?: () => void): boolean {
  if (isPinned(path)) return false;
  mkdirSync(dirname(path), { recursive: true });
  closeSync(openSync(path, 'a', 0o600));
  const home = openSync(`/proc/thread-self/ns/${kind}`, 'r');
  try {
    unshare(kinds[kind]);
    try {
      inside?.();
      mount(`/proc/thread-self/ns/${kind}`, path, null, MS.BIND);
    } finally {
      setns(home, kinds[kind]);
    }
  } finally {
    closeSync(home);
  }
  return true;
}

export const createNamedNetns = (path: string, inside?: () => void): boolean => pinNamespace('net', path, inside);

/** Removes the pin; the namespace ends with its last process. Idempotent. */
export function unpinNamespace(path: string): void {
  try {
    umount(path, MNT_DETACH);
  } catch (error) {
    if (!(error instanceof SyscallError && (error.code === 'EINVAL' || error.code === 'ENOENT'))) throw error;
  }
  rmSync(path, { force: true });
}

/** Whether a namespace is pinned to the file (it lies on nsfs, not on the folder's file system). */
export function isPinned(path: string): boolean {
  try {
    return statSync(path).dev !== statSync(dirname(path)).dev;
  } catch {
    return false;
  }
}

/** Identity of a namespace, equal for all ways to reach it: for comparing. */
export function namespaceId(path: string): string {
  const { dev, ino } = statSync(path);
  return `${dev}:${ino}`;
}
