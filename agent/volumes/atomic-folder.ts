// A folder whose files change all at once: a dated folder behind the symlink `..data`, which rename(2) swaps.
// Containers see `key -> ..data/key`, and whoever holds the old folder open keeps a whole old state.
import { randomInt } from 'node:crypto';
import { type Dirent, lstatSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { step } from '../../kit/run/index.ts';
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
    const name = `..${new Date(nowMs).toISOString().slice(0, 19).replace(/[-:T]/g, '_')}.${randomInt(1e9, 1e10)}`;
    await mkdir(join(folder, name));
    await step('volumes.contents', () => fill(join(folder, name), payload, ownership));
    await rm(join(folder, `${DATA}_tmp`), { force: true });
    await symlink(name, join(folder, `${DATA}_tmp`));
    step('volumes.swap', () => swap(folder, names));
  }
  await removeStale(folder, names);
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

/** The new state shows, names appear and disappear: without a pause, so that a container sees hardly anything in between. */
function swap(folder: string, names: Set<string>): void {
  renameSync(join(folder, `${DATA}_tmp`), join(folder, DATA));
  for (const name of names) {
    if (lstatSync(join(folder, name), { throwIfNoEntry: false })) continue;
    symlinkSync(join(DATA, name), join(folder, name));
  }
  for (const name of staleNames(readdirSync(folder, { withFileTypes: true }), names, readlinkSync(join(folder, DATA))))
    rmSync(join(folder, name), { recursive: true, force: true });
}

/** What a crash in the middle of a swap may have left. */
async function removeStale(folder: string, names: Set<string>): Promise<void> {
  const current = await readlink(join(folder, DATA));
  for (const name of staleNames(await readdir(folder, { withFileTypes: true }), names, current))
    await rm(join(folder, name), { recursive: true, force: true });
}

/** Only what this file makes: dated folders and links. A folder with another name was made for a subPath, and may be mounted. */
const staleNames = (present: readonly Dirent[], names: Set<string>, current: string): string[] =>
  present
    .filter((entry) => entry.name.startsWith('..') || entry.isSymbolicLink())
    .map(({ name }) => name)
    .filter((name) => !names.has(name) && name !== DATA && name !== current);
