// Files that are whole or absent, also after kill -9: write beside, fsync, rename.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

let counter = 0;

/** Replaces `path` in one step. `durable` (default false) also fsyncs the file and its folder. Creates the folder. */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  options: { mode?: number; durable?: boolean } = {},
): Promise<void> {
  const temporary = `${path}.tmp-${process.pid}-${counter++}`;
  await mkdir(dirname(path), { recursive: true });
  const file = await open(temporary, 'wx', options.mode ?? 0o600);
  try {
    try {
      await file.writeFile(data);
      if (options.durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (options.durable) {
    const folder = await open(dirname(path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

/**
 * The same for a small file that need not outlive the machine, at once: some 0.1 ms, where each of the five calls would otherwise wait for
 * a thread and for this one's next turn, which is what takes the time on a busy machine.
 */
export function writeFileAtomicSync(path: string, data: string): void {
  const temporary = `${path}.tmp-${process.pid}-${counter++}`;
  try {
    writeInFolder(temporary, data);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function writeInFolder(path: string, data: string): void {
  const write = () => writeFileSync(path, data, { flag: 'wx', mode: 0o600 });
  try {
    write();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { recursive: true });
    write();
  }
}

/** The file's text, or undefined when it does not exist. */
export async function readFileIfExists(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** For small files that somebody waits for: as quick as one turn of the event loop, of which the other one takes four. */
export function readFileIfExistsSync(path: string): string | undefined {
  try {
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined; // an exception costs ten times the look
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
