// A folder whose files change all at once: a dated folder behind the symlink `..data`, which rename(2) swaps.
// Containers see `key -> ..data/key`, and whoever holds the old folder open keeps a whole old state.
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkPaths, type Payload } from './payload.ts';

const DATA = '..data';

/** Group for all files and folders, when the pod sets fsGroup. */
export interface Ownership {
  fsGroup?: number;
}

/** Makes the folder show exactly `payload`. Safe to repeat and after a crash. Returns whether something changed. */
export async function writePayload(folder: string, payload: Payload, ownership: Ownership, nowMs: number): Promise<boolean> {
  checkPaths(payload);
  const old = await readlink(join(folder, DATA)).catch(() => undefined);
  const names = new Set([...payload.keys()].map((path) => path.split('/')[0] as string));
  const changed = old === undefined || !(await showsAlready(join(folder, old), payload));
  if (changed) {
    const dated = await mkdtemp(join(folder, `..${new Date(nowMs).toISOString().slice(0, 19).replace(/[-:T]/g, '_')}.`));
    await fill(dated, payload, ownership);
    await rm(join(folder, `${DATA}_tmp`), { force: true });
    await symlink(dated.slice(folder.length + 1), join(folder, `${DATA}_tmp`));
    await rename(join(folder, `${DATA}_tmp`), join(folder, DATA));
  }
  await linkNames(folder, names);
  await removeStale(folder, names, await readlink(join(folder, DATA)));
  return changed;
}

async function showsAlready(folder: string, payload: Payload): Promise<boolean> {
  const present = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  if (present.filter((entry) => !entry.isDirectory()).length !== payload.size) return false;
  for (const [path, file] of payload) {
    const data = await readFile(join(folder, path)).catch(() => undefined);
    if (!data?.equals(file.data)) return false;
  }
  return true;
}

async function fill(folder: string, payload: Payload, { fsGroup }: Ownership): Promise<void> {
  await chmod(folder, fsGroup === undefined ? 0o755 : 0o2755); // the group itself comes from the setgid folder above
  for (const [path, file] of payload) {
    const target = join(folder, path);
    if (path.includes('/')) await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await writeFile(target, file.data);
    if (file.uid !== undefined || fsGroup !== undefined) await chown(target, file.uid ?? 0, fsGroup ?? 0);
    await chmod(target, fsGroup === undefined ? file.mode : file.mode | 0o440); // after chown, which clears setuid bits
  }
}

async function linkNames(folder: string, names: Set<string>): Promise<void> {
  for (const name of names) {
    if (await lstat(join(folder, name)).catch(() => undefined)) continue;
    await symlink(join(DATA, name), join(folder, name));
  }
}

async function removeStale(folder: string, names: Set<string>, current: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (names.has(name) || name === DATA || name === current) continue;
    await rm(join(folder, name), { recursive: true, force: true });
  }
}
