// Mounts: bind, overlay, tmpfs, and what lies mounted below a folder. Idempotent where a crash could have come in between.
import { closeSync, type Dirent, lstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { attachMount, cloneMount, isMountRoot, MNT_DETACH, MS, makeReadOnly, mapOwners, mount, SyscallError, umount } from './syscalls.ts';

export interface MountEntry {
  id: number;
  parent: number;
  /** Path inside its own file system that is mounted. */
  root: string;
  target: string;
  options: string[];
  /** `shared:N`, `master:N`, ... */
  propagation: string[];
  type: string;
  source: string;
  superOptions: string[];
}

/** Pure: the text of /proc/<pid>/mountinfo. */
export function parseMountinfo(text: string): MountEntry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const fields = line.split(' ');
      const dash = fields.indexOf('-', 6);
      return {
        id: Number(fields[0]),
        parent: Number(fields[1]),
        root: unescapePath(fields[3] ?? ''),
        target: unescapePath(fields[4] ?? ''),
        options: (fields[5] ?? '').split(','),
        propagation: fields.slice(6, dash),
        type: fields[dash + 1] ?? '',
        source: unescapePath(fields[dash + 2] ?? ''),
        superOptions: (fields[dash + 3] ?? '').split(','),
      };
    });
}

/** The kernel writes space, tab, newline and backslash as octal. */
const unescapePath = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

export const mounts = (): MountEntry[] => parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));

/** Mounts at or below the folder, in mount order. */
export const mountsBelow = (folder: string): MountEntry[] => entriesBelow(readFileSync('/proc/self/mountinfo', 'utf8'), folder);

/** Pure. Of the lines, which are many on a busy node, only those are parsed that can be about the folder. */
export function entriesBelow(text: string, folder: string): MountEntry[] {
  const below = folder.endsWith('/') ? folder : `${folder}/`;
  const candidates = text.split('\n').filter((line) => line.includes(folder) || line.includes('\\'));
  return parseMountinfo(candidates.join('\n')).filter(({ target }) => target === folder || target.startsWith(below));
}

/** Pure: the mount that a path without symbolic links lies on; of those on one another the last is seen. */
export function mountHolding(path: string, entries: readonly MountEntry[]): MountEntry | undefined {
  let found: MountEntry | undefined;
  for (const entry of entries) {
    const { target } = entry;
    if (path !== target && !path.startsWith(target === '/' ? target : `${target}/`)) continue;
    if (!found || target.length >= found.target.length) found = entry;
  }
  return found;
}

/** One system call; the table of all mounts is long on a busy node and is read only where the kernel does not tell. */
export const isMounted = (target: string): boolean => isMountRoot(target) ?? mounts().some((m) => m.target === target);

/** Shows `source` at `target`; `readonly` needs the second mount that Linux asks for. */
export function bindMount(source: string, target: string, options: { readonly?: boolean; recursive?: boolean } = {}): void {
  mount(source, target, null, MS.BIND | (options.recursive ? MS.REC : 0));
  if (options.readonly) mount('none', target, null, MS.REMOUNT | MS.BIND | MS.RDONLY);
}

/**
 * Shows `source` at `target` with the owners that a user namespace (a file) makes of those on the disk: what is 0's there is the namespace's
 * own 0's. Mounts below it come along with theirs. @throws SyscallError EINVAL where the kernel (before 5.12) or the file system cannot
 */
export function mountMapped(source: string, target: string, userNamespace: string, options: { readonly?: 'itself' | 'all' } = {}): void {
  withMappedClone(source, userNamespace, (clone) => {
    if (options.readonly) makeReadOnly(clone, source, options.readonly === 'all');
    attachMount(clone, target);
  });
}

/** @throws SyscallError where `mountMapped` would */
export const checkMappable = (source: string, userNamespace: string): void => withMappedClone(source, userNamespace, () => {});

function withMappedClone(source: string, userNamespace: string, work: (clone: number) => void): void {
  const clone = cloneMount(source);
  try {
    const namespace = openSync(userNamespace, 'r');
    try {
      mapOwners(clone, namespace, source);
    } finally {
      closeSync(namespace);
    }
    work(clone);
  } finally {
    closeSync(clone);
  }
}

/** `layers` from the uppermost down. With `cwd` they may be relative: the kernel takes at most a page of options. */
export function mountOverlay(target: string, options: { layers: readonly string[]; upper?: string; work?: string; cwd?: string }): void {
  const data = [`lowerdir=${options.layers.join(':')}`];
  if (options.upper && options.work) data.push(`upperdir=${options.upper}`, `workdir=${options.work}`);
  const home = process.cwd();
  if (options.cwd) process.chdir(options.cwd);
  try {
    mount('overlay', target, 'overlay', 0, data.join(','));
  } finally {
    if (options.cwd) process.chdir(home);
  }
}

export interface TmpfsOptions {
  sizeBytes?: number | undefined;
  /** Of the folder that is seen there, as is the group. */
  mode?: number;
  gid?: number;
  /** Not even a kernel that is short of memory writes it to a disk, where it can. */
  staysInMemory?: boolean;
}

function tmpfsData({ sizeBytes, mode = 0o755, gid }: TmpfsOptions): string[] {
  return [`mode=${mode.toString(8)}`, ...(gid === undefined ? [] : [`gid=${gid}`]), ...(sizeBytes ? [`size=${sizeBytes}`] : [])];
}

export function mountTmpfs(target: string, options: TmpfsOptions = {}): void {
  const data = tmpfsData(options);
  const mountWith = (more: readonly string[]) => mount('tmpfs', target, 'tmpfs', MS.NOSUID | MS.NODEV, [...data, ...more].join(','));
  try {
    mountWith(options.staysInMemory ? ['noswap'] : []);
  } catch (error) {
    const isUnknown = error instanceof SyscallError && error.code === 'EINVAL'; // before Linux 6.4, or built without swap
    if (!options.staysInMemory || !isUnknown) throw error;
    mountWith([]);
  }
}

/** The kernel's devices as the network namespace of this thread sees them. Whoever mounts them first there decides whether others may write. */
export const mountSysfs = (target: string): void => mount('sysfs', target, 'sysfs', MS.NOSUID | MS.NODEV | MS.NOEXEC);

/** Files in pages of this size alone. The set-group-id bit of the mode is not taken. */
export function mountHugePages(target: string, pageBytes: number, options: Omit<TmpfsOptions, 'staysInMemory'> = {}): void {
  const data = [`pagesize=${pageBytes}`, ...tmpfsData(options)];
  mount('hugetlbfs', target, 'hugetlbfs', MS.NOSUID | MS.NODEV, data.join(','));
}

/** Detaches what is mounted at `target`, once. False when nothing was. */
export function unmount(target: string): boolean {
  try {
    umount(target, MNT_DETACH);
    return true;
  } catch (error) {
    if (error instanceof SyscallError && (error.code === 'EINVAL' || error.code === 'ENOENT')) return false;
    throw error;
  }
}

/** Detaches everything mounted at or below the folder, the innermost first. False: nothing was. */
export function unmountTree(folder: string): boolean {
  const found = mountsBelow(folder).reverse();
  for (const { target } of found) unmount(target);
  return found.length > 0;
}

/** More entries than this are not looked at one by one. */
const ENTRIES_MAX = 200;

/**
 * Detaches everything mounted in a small folder by looking at each of its entries: reading the table of all mounts takes milliseconds on a
 * busy node, and five small folders go with each pod. False: it is not small, or this kernel does not tell of a path what is mounted there.
 * @throws SyscallError when something cannot be unmounted
 */
function detachWithin(folder: string): boolean {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return detach(folder);
  const folders = [folder];
  for (let next = folders.pop(), looked = 0; next !== undefined; next = folders.pop()) {
    if (!detach(next)) return false;
    for (const entry of entriesOf(next)) {
      if (++looked > ENTRIES_MAX) return false;
      const path = `${next}/${entry.name}`;
      if (entry.isDirectory()) folders.push(path);
      else if (!detach(path)) return false;
    }
  }
  return true;
}

/** All that is mounted exactly there, with what is mounted in it. False: this kernel does not tell. */
function detach(path: string): boolean {
  for (;;) {
    const isRoot = isMountRoot(path);
    if (!isRoot) return isRoot !== undefined;
    umount(path, MNT_DETACH);
  }
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []; // it is gone already
    throw error;
  }
}

/**
 * Deletes a folder of ours after taking down everything mounted in it; never follows a mount into somebody else's files.
 * @throws Error when something cannot be unmounted (then nothing is deleted)
 */
export async function removeTree(folder: string): Promise<void> {
  const left = !detachWithin(folder) && unmountTree(folder) ? mountsBelow(folder) : [];
  if (left.length > 0) throw new Error(`${left[0]?.target} is still mounted: not removing ${folder}`);
  await rm(folder, { recursive: true, force: true });
}
