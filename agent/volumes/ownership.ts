// fsGroup: everything in a volume belongs to the pod's group, and the group may do what the owner may (upstream's SetVolumeOwnership).
import type { Stats } from 'node:fs';
import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What the group gets: of files, of what may be executed, and the bit by which new files get the group too. */
const GROUP_RW = 0o660;
const EXECUTE = 0o110;
const SETGID = 0o2000;

/** Entries worked on at once. */
const BATCH = 32;

const wantedMode = (found: Stats): number => {
  const mode = (found.mode & 0o7777) | GROUP_RW;
  return found.isDirectory() ? mode | SETGID | EXECUTE : mode;
};

const fits = (found: Stats, group: number): boolean => found.gid === group && (found.mode & 0o7777) === wantedMode(found);

/** With `OnRootMismatch` a folder that is right itself is taken to be right below. Symlinks are never followed. Safe to repeat. */
export async function giveToGroup(folder: string, group: number, policy: string | undefined): Promise<void> {
  const root = await lstat(folder);
  if (policy === 'OnRootMismatch' && fits(root, group)) return;
  await giveBelow(folder, group);
  await give(folder, root, group); // last: only what is done wholly looks done
}

async function giveBelow(folder: string, group: number): Promise<void> {
  const names = await readdir(folder);
  for (let at = 0; at < names.length; at += BATCH) {
    await Promise.all(
      names.slice(at, at + BATCH).map(async (name) => {
        const path = join(folder, name);
        const found = await lstat(path).catch(() => undefined); // a container may have removed it meanwhile
        if (!found) return;
        if (found.isDirectory()) await giveBelow(path, group);
        await give(path, found, group);
      }),
    );
  }
}

async function give(path: string, found: Stats, group: number): Promise<void> {
  if (found.gid !== group) await lchown(path, found.uid, group);
  if (!found.isSymbolicLink() && !fits(found, group)) await chmod(path, wantedMode(found));
}
