// What the containers of this machine have mounted: the kernel knows, whoever made the container and whatever crashed since.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { parseMountinfo } from '../../kit/linux/index.ts';

export interface Mounted {
  /** Folder names of all layers. */
  layers: Set<string>;
  /** Short names of the images that mounts say they are of. */
  images: Set<string>;
  /** Uppermost layers of mounts that do not say it. */
  unnamed: Set<string>;
}

/** Of an image's or a layer's digest; layers are folders of that name, because overlayfs takes at most a page of mount options. */
export const shortName = (digest: string): string => digest.slice('sha256:'.length, 'sha256:'.length + 24);

/** Name for the work folder of an image's mount. Two images may have the same layers: by this name the mount tells of which it is. */
export const workFolderName = (imageId: string): string => `work-${shortName(imageId)}`;

/** The overlay mounts of all mount namespaces (one process of each is looked at). */
export function mountedByContainers(): Mounted {
  const seen = new Set<string>();
  const found: Mounted = { layers: new Set(), images: new Set(), unnamed: new Set() };
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const table = mountTable(pid, seen);
    if (table?.includes(' - overlay ')) addMounted(found, table);
  }
  return found;
}

/** Adds what one table of mounts shows. Layers are lower folders with names of 24 digits. */
export function addMounted({ layers, images, unnamed }: Mounted, mountinfo: string): void {
  for (const { type, superOptions } of parseMountinfo(mountinfo)) {
    if (type !== 'overlay') continue;
    const lower = superOptions.filter((option) => option.startsWith('lowerdir')).flatMap((option) => textOf(option).split(':'));
    const names = lower.map(lastOf).filter((name) => /^[0-9a-f]{24}$/.test(name));
    for (const name of names) layers.add(name);
    const work = superOptions.find((option) => option.startsWith('workdir='));
    const image = /^work-([0-9a-f]{24})$/.exec(lastOf(textOf(work ?? '')))?.[1];
    if (image) images.add(image);
    else if (names[0]) unnamed.add(names[0]);
  }
}

const textOf = (option: string): string => option.slice(option.indexOf('=') + 1);
const lastOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Undefined when the namespace was seen before, or cannot be one of ours. */
function mountTable(pid: string, seen: Set<string>): string | undefined {
  try {
    const namespace = readlinkSync(`/proc/${pid}/ns/mnt`);
    if (seen.has(namespace)) return undefined;
    const table = readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
    seen.add(namespace);
    return table;
  } catch (error) {
    // It ended meanwhile; or it has rights that we lack, and then it is no container of ours. Anything else might hide one.
    if (['ENOENT', 'ESRCH', 'EINVAL', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
