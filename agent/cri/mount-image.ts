// An image's layers as a file system with a folder to write into, for a container's root and for image volumes.
import { existsSync, mkdirSync } from 'node:fs';
import { mountOverlay, unmount } from '../../kit/linux/index.ts';
import { workFolderName } from '../images/index.ts';
import type { CriContext } from './context.ts';
import { CriError } from './cri.ts';
import type { ContainerRecord } from './records.ts';
import { layersFolder } from './user-namespace.ts';

export interface ImageMount {
  imageId: string;
  /** Folder names, from the uppermost down. */
  layers: readonly string[];
  /** What is written goes to `upper` there. */
  folder: string;
  target: string;
}

/**
 * The mount names its image, so that the image is known to be in use. Whoever collects layers takes one out of its place and looks then
 * whether it is mounted; here it is looked after mounting whether it was in its place: one of both always sees the other.
 * @throws CriError ImageNotFound when a layer was just collected
 */
export function mountImage(context: CriContext, record: ContainerRecord, { imageId, layers, folder, target }: ImageMount): void {
  const [upper, work] = [`${folder}/upper`, `${folder}/${workFolderName(imageId)}`];
  for (const path of [target, upper, work]) mkdirSync(path, { recursive: true });
  const cwd = layersFolder(context, record);
  const isThere = () => layers.every((layer) => existsSync(`${cwd}/${layer}`));
  const gone = () => new CriError('ImageNotFound', `image "${imageId}" has just been removed`);
  if (!isThere()) throw gone();
  mountOverlay(target, { cwd, layers, upper, work });
  if (isThere()) return;
  unmount(target);
  throw gone();
}
