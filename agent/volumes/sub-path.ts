// subPath mounts: a part of a volume is opened once, beneath the volume by the kernel's own word, and bound by its descriptor: no symlink
// that a container makes or swaps leads out of the volume.
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bindMount, isMounted, openBeneath, SyscallError } from '../../kit/linux/index.ts';
import { step } from '../../kit/run/index.ts';
import { VolumeProblem } from './payload.ts';

const O_PATH = 0o10000000;
/** A rename in the very moment makes the kernel give up; a container that renames without end does not hold us up. */
const TRIES_MAX = 100;

/** It is not there and cannot be made. */
export class SubPathMissing extends VolumeProblem {}

/**
 * Binds `subPath` of the volume at `target` and returns `target`. A missing part is made as a folder.
 * @throws VolumeProblem when it leads out of the volume
 */
export async function bindSubPath(volumeFolder: string, subPath: string, target: string): Promise<string> {
  if (subPath.startsWith('/') || subPath.split('/').includes('..'))
    throw new VolumeProblem(`subPath must be relative and must not contain '..': ${subPath}`);
  if (isMounted(target)) return target;
  const volume = openSync(volumeFolder, O_PATH | constants.O_DIRECTORY);
  try {
    const source = (await openInside(volume, volumeFolder, subPath)) ?? (await makeMissing(volume, volumeFolder, subPath));
    try {
      await mkdir(dirname(target), { recursive: true });
      if (fstatSync(source).isDirectory()) await mkdir(target, { recursive: true });
      else await writeFile(target, '', { flag: 'a' });
      step('volumes.sub-path', () => bindMount(held(source), target));
    } finally {
      closeSync(source);
    }
  } finally {
    closeSync(volume);
  }
  return target;
}

/** A path that is the open file itself, wherever it is moved. */
const held = (fd: number): string => `/proc/self/fd/${fd}`;

/** Undefined: there is nothing of that name. */
async function openInside(volume: number, volumeFolder: string, subPath: string): Promise<number | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return openBeneath(volume, subPath);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      if (error.code === 'ENOENT') return undefined;
      if (error.code === 'EAGAIN' && tries < TRIES_MAX) continue;
      if (error.code === 'ENOSYS') throw new VolumeProblem('subPath needs Linux 5.6 or newer (openat2)');
      throw new VolumeProblem(
        error.code === 'EXDEV' || error.code === 'ELOOP'
          ? `subpath "${subPath}" not within volume path "${volumeFolder}"`
          : `subpath "${subPath}" of volume path "${volumeFolder}" cannot be opened: ${error.code}`,
      );
    }
  }
}

/** Makes the folders that are not there, each in its open parent, as open as the volume itself whatever the umask. */
async function makeMissing(volume: number, volumeFolder: string, subPath: string): Promise<number> {
  const { mode, uid, gid } = fstatSync(volume);
  const parts = subPath.split('/').filter((part) => part !== '' && part !== '.');
  let parent = openBeneath(volume, '.');
  try {
    for (const [at, part] of parts.entries()) {
      const way = parts.slice(0, at + 1).join('/');
      let next = await openInside(volume, volumeFolder, way);
      if (next === undefined) {
        await mkdir(join(held(parent), part)).catch((error: NodeJS.ErrnoException) => {
          throw new SubPathMissing(`subpath "${way}" of volume path "${volumeFolder}" cannot be made: ${error.code}`);
        });
        next = openBeneath(parent, part);
        await chown(held(next), uid, gid);
        await chmod(held(next), mode & 0o7777);
      }
      closeSync(parent);
      parent = next;
    }
    return parent;
  } catch (error) {
    closeSync(parent);
    throw error;
  }
}
