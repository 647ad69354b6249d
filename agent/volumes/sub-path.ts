// subPath mounts: the part of a volume is bound once, through a descriptor, so that no symlink made by a container leads out of the volume.
import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import { chmod, chown, mkdir, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bindMount, isMounted } from '../../kit/linux/index.ts';
import { VolumeProblem } from './payload.ts';

/**
 * Binds `subPath` of the volume at `target` and returns `target`. A missing part is made as a folder.
 * @throws VolumeProblem when it leads out of the volume
 */
export async function bindSubPath(volumeFolder: string, subPath: string, target: string): Promise<string> {
  if (subPath.startsWith('/') || subPath.split('/').includes('..'))
    throw new VolumeProblem(`subPath must be relative and must not contain '..': ${subPath}`);
  if (isMounted(target)) return target;
  const base = await realpath(volumeFolder);
  await makeMissing(base, subPath);
  const real = await realpath(join(base, subPath));
  const source = openSync(real, constants.O_RDONLY | 0o10000000); // O_PATH: a name for the file, without opening a device or fifo
  try {
    const held = `/proc/self/fd/${source}`;
    const now = readlinkSync(held); // where the descriptor really leads, whatever was swapped since
    if (now !== base && !now.startsWith(`${base}/`)) throw new VolumeProblem(`subpath "${now}" not within volume path "${base}"`);
    await mkdir(dirname(target), { recursive: true });
    if ((await stat(held)).isDirectory()) await mkdir(target, { recursive: true });
    else await writeFile(target, '', { flag: 'a' });
    bindMount(held, target);
  } finally {
    closeSync(source);
  }
  return target;
}

/** Makes the folders that are not there, checking before each that the way so far stays inside. */
async function makeMissing(base: string, subPath: string): Promise<void> {
  let way = base;
  for (const part of subPath.split('/')) {
    if (part === '' || part === '.') continue;
    const next = join(way, part);
    const real = await realpath(next).catch(() => undefined);
    if (real === undefined) {
      await mkdir(next);
      const { mode, uid, gid } = await stat(base); // as open as the volume itself, whatever the umask
      await chown(next, uid, gid);
      await chmod(next, mode & 0o7777);
    }
    if (real !== undefined && real !== base && !real.startsWith(`${base}/`))
      throw new VolumeProblem(`subpath "${real}" not within volume path "${base}"`);
    way = real ?? next;
  }
}
