// Images of the nodes: those that are built with wherry (every cluster has them) and those that a user loads, pulls or builds. All
// nodes of all clusters of a machine share them.
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  type ArchiveFormat,
  exportImages,
  ImageStore,
  importArchive,
  importStream,
  type ListedImage,
  type PullOptions,
  pullImage,
} from '../agent/images/index.ts';
import { readFileIfExists, writeFileAtomic } from '../kit/fs/index.ts';
import { giveImages, givePause } from './foreign-images.ts';
import { imagesDir } from './layout.ts';
import { dist } from './programs.ts';
import type { ClusterRecord } from './record.ts';
import { existing } from './status.ts';

/** Certificates for registries, unless another folder is named: where an agent looks too. */
const MACHINE_CERTS = '/etc/wherry/certs.d';

const openStore = (): Promise<ImageStore> => ImageStore.open(imagesDir());

/** Archives that scripts/images made, if any. */
export async function bundledImages(): Promise<string[]> {
  const folder = join(dist, 'images');
  if (!existsSync(folder)) return [];
  return (await readdir(folder))
    .filter((name) => name.endsWith('.tar'))
    .sort()
    .map((name) => join(folder, name));
}

/**
 * Imports the archives that this machine's image store has not seen yet (by name, size and time), or has lost. No collection takes them.
 * The cluster's nodes with other people's runtimes get them too.
 */
export async function loadImages(record: ClusterRecord, archives: readonly string[]): Promise<void> {
  const store = await openStore();
  const all: string[] = [];
  for (const archive of archives) {
    const { size, mtimeMs } = await stat(archive);
    const seen = join(imagesDir(), 'seen', `${basename(archive)}-${size}-${Math.round(mtimeMs)}`);
    const known = (await readFileIfExists(seen))?.split('\n').filter((name) => name !== '');
    if (known && (await hasAll(store, known))) {
      all.push(...known);
      continue;
    }
    const names = await importArchive(store, archive, { pinned: true });
    await writeFileAtomic(seen, names.join('\n'));
    all.push(...names);
  }
  await givePause(record, store);
  await giveImages(record, store, all, { missing: true });
}

/** Whole, so that they can be given away again. */
async function hasAll(store: ImageStore, names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    const found = await store.find(name);
    if (!found?.layers.every((layer) => existsSync(store.skeletonOf(layer)))) return false;
  }
  return true;
}

/** Imports one archive (`-`: standard input) for the cluster's nodes and returns the names that it brought. @throws Error when it is no image archive */
export async function load(cluster: string, archive: string): Promise<string[]> {
  const record = await existing(cluster);
  if (archive !== '-' && !existsSync(archive)) throw new Error(`${archive}: no such file`);
  const store = await openStore();
  const names = await (archive === '-' ? importStream(store, process.stdin, 'standard input') : importArchive(store, archive));
  await giveImages(record, store, names);
  return names;
}

/** Images that the nodes have, one row a name. */
export async function images(cluster: string): Promise<{ name: string; id: string; size: string }[]> {
  await existing(cluster);
  return (await listImages()).flatMap((image) =>
    [...image.tags, ...image.digests].map((name) => ({ name, id: image.id, size: `${(image.sizeBytes / 1e6).toFixed(1)} MB` })),
  );
}

export const listImages = async (): Promise<ListedImage[]> => (await openStore()).list();

/** Pulls with this machine's network, which a rig's nodes have none of. Returns the image's id. @throws Error in the registry's words */
export async function pullForNodes(
  name: string,
  options: Pick<PullOptions, 'auth' | 'mirrors' | 'insecureRegistries' | 'certsDir' | 'onProgress' | 'onMirrorFailure' | 'signal'>,
): Promise<string> {
  return (await pullImage(await openStore(), name, { certsDir: MACHINE_CERTS, ...options })).id;
}

/** Writes images into one archive, to standard output without `file`. @throws Error when one is not there */
export async function saveImages(names: readonly string[], file: string | undefined, format: ArchiveFormat): Promise<void> {
  await exportImages(await openStore(), names, file, format);
}

/** The layers of other images stay, and those that a container has mounted. @throws Error when it is not there, or a container was made from it */
export async function removeImage(name: string): Promise<void> {
  const store = await openStore();
  const found = await store.find(name);
  if (!found) throw new Error(`${name}: no such image`);
  if ((await store.idsInUse()).has(found.id)) throw new Error(`${name} is in use by a running container`);
  await store.remove(name);
}

/** Removes what no container runs: images without a tag, with `all` those with one too, but never those that came with wherry. */
export async function pruneImages(all: boolean): Promise<{ images: string[]; layers: number }> {
  const store = await openStore();
  const inUse = await store.idsInUse();
  const gone: string[] = [];
  for (const { id, tags, digests, pinned } of await store.list()) {
    if (pinned || inUse.has(id) || (!all && tags.length > 0)) continue;
    await store.remove(id);
    gone.push(tags[0] ?? digests[0] ?? id);
  }
  return { images: gone, layers: await store.collectLayers() };
}
