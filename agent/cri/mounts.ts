// A container's own mounts: folders and devices of the host, and images as read-only volumes.
import { existsSync, lstatSync, mkdirSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isMounted, type MountEntry, mountHolding, mounts } from '../../kit/linux/index.ts';
import type { SpecMount } from '../runtime/index.ts';
import type { CriContext } from './context.ts';
import { CriError, type Mount } from './cri.ts';
import { mountImage } from './mount-image.ts';
import type { ContainerRecord, ImageVolume } from './records.ts';
import { withOwners } from './user-namespace.ts';

/** @throws CriError where what is asked for contradicts itself */
export function checkMounts(mounts: readonly Mount[]): void {
  for (const { image, hostPath, containerPath, readonly, recursiveReadOnly, propagation = 'private' } of mounts) {
    const refuse = (why: string) => {
      throw new CriError('InvalidArgument', `mount at "${containerPath}": ${why}`);
    };
    if (containerPath === '') refuse('a path in the container must be given');
    if (image && hostPath !== '') refuse('either a host path or an image can be mounted');
    if (!image && hostPath === '') refuse('a host path must be given');
    if (image && !readonly) refuse('an image can only be mounted read-only');
    if (recursiveReadOnly && !readonly) refuse('recursive read-only needs read-only');
    if (recursiveReadOnly && propagation !== 'private') refuse(`recursive read-only needs private propagation, not ${propagation}`);
  }
}

/** What the image volumes of a container are at this moment. @throws CriError ImageNotFound */
export async function resolveImageVolumes(context: CriContext, mounts: readonly Mount[]): Promise<ImageVolume[]> {
  const volumes: ImageVolume[] = [];
  for (const { image, containerPath } of mounts) {
    if (!image) continue;
    const found = await context.images.find(image);
    if (!found) throw new CriError('ImageNotFound', `failed to resolve image "${image}": not found`);
    volumes.push({ containerPath, imageId: found.id, layers: found.layers.toReversed().map((layer) => context.images.layerName(layer)) });
  }
  return volumes;
}

/** Also after a restart of the machine. They end with the container: its bundle is unmounted as a whole. @throws CriError for a sub path that is not there */
export function mountImageVolumes(context: CriContext, record: ContainerRecord): void {
  for (const [index, { imageId, layers }] of (record.imageVolumes ?? []).entries()) {
    const target = volumePath(context, record, index);
    if (isMounted(target)) continue;
    // an upper folder, because overlay wants two layers at least; nothing is ever written: the container sees it read-only
    mountImage(context, record, { imageId, layers, folder: `${context.containers.folder(record.id)}/image-${index}`, target });
  }
  for (const mount of record.config.mounts ?? []) if (mount.image) sourceOf(context, record, mount);
}

const volumePath = (context: CriContext, { id }: ContainerRecord, index: number): string =>
  `${dirname(context.runtime.rootfsPath(id))}/image-${index}`;

/** A host path that is not there is made a folder, as other runtimes do. @throws CriError for propagation that its mount does not allow */
export function mountsOf(context: CriContext, record: ContainerRecord): SpecMount[] {
  return (record.config.mounts ?? []).map((mount, index) => {
    if (!mount.image && !exists(mount.hostPath)) mkdirSync(mount.hostPath, { recursive: true });
    if (mount.propagation && mount.propagation !== 'private') {
      const problem = unableToPropagate(realpathSync(mount.hostPath), mount.propagation, mounts());
      if (problem) throw new CriError('CreateContainerError', `failed to generate container spec: ${problem}`);
    }
    const asGiven: SpecMount = {
      source: mount.image ? sourceOf(context, record, mount) : mount.hostPath,
      destination: mount.containerPath,
      readonly: mount.readonly === true,
      ...(mount.recursiveReadOnly ? { recursiveReadOnly: true } : {}),
      propagation: mount.propagation ?? 'private',
    };
    // an image's layers have the right owners already
    return mount.owners && !mount.image ? withOwners(context, record, asGiven, String(index)) : asGiven;
  });
}

/** Mounts reach a container only from a shared mount or its slave, and the node only through a shared one: runtimes would not tell. */
export function unableToPropagate(
  path: string,
  propagation: 'host-to-container' | 'bidirectional',
  entries: readonly MountEntry[],
): string | undefined {
  const on = mountHolding(path, entries);
  const needed = propagation === 'bidirectional' ? ['shared'] : ['shared', 'master'];
  if (!on || on.propagation.some((field) => needed.includes(field.split(':')[0] ?? ''))) return undefined;
  const wanted = propagation === 'bidirectional' ? 'shared' : 'shared or slave';
  return `path "${path}" is mounted on "${on.target}" but it is not a ${wanted} mount`;
}

function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch {
    return false;
  }
}

function sourceOf(context: CriContext, record: ContainerRecord, { image, containerPath, imageSubPath = '' }: Mount): string {
  const index = (record.imageVolumes ?? []).findIndex((volume) => volume.containerPath === containerPath);
  const found = pathInside(volumePath(context, record, index), imageSubPath);
  if (found === undefined) throw new CriError('CreateContainerError', `image "${image}" has no path "${imageSubPath}"`);
  return found;
}

const LINKS_MAX = 40;

/** Undefined where nothing is, also below what is no folder. */
function kindOf(path: string): 'link' | 'other' | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? 'link' : 'other';
  } catch {
    return undefined;
  }
}

/**
 * Where `path` leads below `root`, its symbolic links read as the container would: `/` and the parent of the root are the root. Undefined
 * where nothing is. The content must not change meanwhile, as an image does not.
 */
export function pathInside(root: string, path: string): string | undefined {
  const left = path.split('/');
  let at: string[] = [];
  for (let links = 0; left.length > 0; ) {
    const part = left.shift()!;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      at = at.slice(0, -1);
      continue;
    }
    const next = join(root, ...at, part);
    const kind = kindOf(next);
    if (kind === undefined) return undefined;
    if (kind === 'other') {
      at = [...at, part];
      continue;
    }
    if (++links > LINKS_MAX) return undefined;
    const target = readlinkSync(next);
    if (target.startsWith('/')) at = [];
    left.unshift(...target.split('/'));
  }
  const found = join(root, ...at);
  return existsSync(found) ? found : undefined;
}
