// A folder whose files change all at once: a dated folder behind the symlink `..data`, which rename(2) swaps.
// Containers see `key -> ..data/key`, and whoever holds the old folder open keeps a whole old state.
// All of it is synchronous: a few small files that nothing is flushed for take less than one turn of a busy event loop, and
// asked for one by one they would wait for some thirty of those while their pod starts.
import { randomInt } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  type Dirent,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { step } from '../../kit/run/index.ts';
import { checkPaths, type Payload } from './payload.ts';

const DATA = '..data';

/** Group for all files and folders, when the pod sets fsGroup. */
export interface Ownership {
  fsGroup?: number;
}

/** Makes the folder show exactly `payload`. Safe to repeat and after a crash. Returns whether something changed. */
export function writePayload(folder: string, payload: Payload, ownership: Ownership, nowMs: number): boolean {
  checkPaths(payload);
  const old = orUndefined(() => readlinkSync(join(folder, DATA)));
  const names = new Set([...payload.keys()].map((path) => path.split('/')[0] as string));
  const changed = old === undefined || !showsAlready(join(folder, old), payload);
  if (changed) {
    const name = `..${new Date(nowMs).toISOString().slice(0, 19).replace(/[-:T]/g, '_')}.${randomInt(1e9, 1e10)}`;
    mkdirSync(join(folder, name));
    step('volumes.contents', () => fill(join(folder, name), payload, ownership));
    rmSync(join(folder, `${DATA}_tmp`), { force: true });
    symlinkSync(name, join(folder, `${DATA}_tmp`));
    step('volumes.swap', () => swap(folder, names));
  }
  removeStale(folder, names);
  return changed;
}

/** What `read` returns; undefined when there is nothing to read. */
function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function showsAlready(folder: string, payload: Payload): boolean {
  const present = orUndefined(() => readdirSync(folder, { recursive: true, withFileTypes: true })) ?? [];
  if (present.filter((entry) => !entry.isDirectory()).length !== payload.size) return false;
  for (const [path, file] of payload) {
    const data = orUndefined(() => readFileSync(join(folder, path)));
    if (!data?.equals(file.data)) return false;
  }
  return true;
}

function fill(folder: string, payload: Payload, { fsGroup }: Ownership): void {
  chmodSync(folder, fsGroup === undefined ? 0o755 : 0o2755); // the group itself comes from the setgid folder above
  for (const [path, file] of payload) {
    const target = join(folder, path);
    if (path.includes('/')) mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    writeFileSync(target, file.data);
    if (file.uid !== undefined || fsGroup !== undefined) chownSync(target, file.uid ?? 0, fsGroup ?? 0);
    chmodSync(target, fsGroup === undefined ? file.mode : file.mode | 0o440); // after chown, which clears setuid bits
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
function removeStale(folder: string, names: Set<string>): void {
  const current = readlinkSync(join(folder, DATA));
  for (const name of staleNames(readdirSync(folder, { withFileTypes: true }), names, current))
    rmSync(join(folder, name), { recursive: true, force: true });
}

/** Only what this file makes: dated folders and links. A folder with another name was made for a subPath, and may be mounted. */
const staleNames = (present: readonly Dirent[], names: Set<string>, current: string): string[] =>
  present
    .filter((entry) => entry.name.startsWith('..') || entry.isSymbolicLink())
    .map(({ name }) => name)
    .filter((name) => !names.has(name) && name !== DATA && name !== current);
