// hostPath volumes: a path of the node, of the wanted type, made where the type says so.
import { mkdir, open, stat } from 'node:fs/promises';
import type { HostPathVolumeSource } from '../../api/gen/types/core.v1.ts';
import { VolumeProblem } from './payload.ts';

/** @throws VolumeProblem with upstream's text when the path is not of the wanted type */
export async function checkHostPath({ path, type = '' }: HostPathVolumeSource): Promise<string> {
  if (type === '') return path;
  const found = await stat(path).catch(() => undefined);
  if (type === 'DirectoryOrCreate') {
    if (found && !found.isDirectory()) throw wrongType(path, 'a directory');
    if (!found) await mkdir(path, { recursive: true, mode: 0o755 });
  } else if (type === 'FileOrCreate') {
    if (found && !found.isFile()) throw wrongType(path, 'a file');
    if (!found) await (await open(path, 'a', 0o644)).close();
  } else if (type === 'Directory' && !found?.isDirectory()) throw wrongType(path, 'a directory');
  else if (type === 'File' && !found?.isFile()) throw wrongType(path, 'a file');
  else if (type === 'Socket' && !found?.isSocket()) throw wrongType(path, 'a socket file');
  else if (type === 'CharDevice' && !found?.isCharacterDevice()) throw wrongType(path, 'a character device');
  else if (type === 'BlockDevice' && !found?.isBlockDevice()) throw wrongType(path, 'a block device');
  return path;
}

/** The path of a `local` volume: it must be there, whatever it is. @throws VolumeProblem */
export async function checkLocal(path: string): Promise<string> {
  if (!(await stat(path).catch(() => undefined))) throw new VolumeProblem(`path "${path}" does not exist`, 'NewMounter');
  return path;
}

const wrongType = (path: string, wanted: string) => new VolumeProblem(`hostPath type check failed: ${path} is not ${wanted}`);
