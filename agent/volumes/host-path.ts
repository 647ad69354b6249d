// hostPath volumes: a path of the node, of the wanted type, made where the type says so.
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HostPathVolumeSource } from '../../api/gen/types/core.v1.ts';
import { fileErrorText } from '../../kit/fs/index.ts';
import { VolumeProblem } from './payload.ts';

/** @throws VolumeProblem with upstream's text when the path is not of the wanted type */
export async function checkHostPath({ path, type = '' }: HostPathVolumeSource): Promise<string> {
  if (type === '') return path;
  const found = await stat(path).catch(() => undefined);
  if (type === 'DirectoryOrCreate') {
    if (found && !found.isDirectory()) throw wrongType(path, 'a directory');
    if (!found) await makeFolders(path).catch(asProblem);
  } else if (type === 'FileOrCreate') {
    if (found && !found.isFile()) throw wrongType(path, 'a file');
    if (!found) await (await open(path, 'a', 0o644).catch(asProblem)).close();
  } else if (type === 'Directory' && !found?.isDirectory()) throw wrongType(path, 'a directory');
  else if (type === 'File' && !found?.isFile()) throw wrongType(path, 'a file');
  else if (type === 'Socket' && !found?.isSocket()) throw wrongType(path, 'a socket file');
  else if (type === 'CharDevice' && !found?.isCharacterDevice()) throw wrongType(path, 'a character device');
  else if (type === 'BlockDevice' && !found?.isBlockDevice()) throw wrongType(path, 'a block device');
  return path;
}

/** The path of a `local` volume: it must be there, and a device where the volume is one. @throws VolumeProblem */
export async function checkLocal(path: string, isBlock: boolean): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new VolumeProblem(`path "${path}" does not exist`, isBlock ? 'MountDevice' : 'NewMounter');
  if (isBlock && !found.isBlockDevice()) throw new VolumeProblem(`path "${path}" is not a block device`, 'MountDevice');
  return path;
}

const wrongType = (path: string, wanted: string) => new VolumeProblem(`hostPath type check failed: ${path} is not ${wanted}`);

/** One by one: Node's own recursive mkdir never returns for a folder that cannot be made where its parent is there, as in /proc. */
async function makeFolders(path: string): Promise<void> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  await makeFolders(dirname(path));
  await mkdir(path, 0o755).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

function asProblem(error: unknown): never {
  throw new VolumeProblem(fileErrorText(error));
}
