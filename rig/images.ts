// Images of the nodes: those that are built with wherry (every cluster has them) and those that a user loads.
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ImageStore, importArchive } from '../agent/images/index.ts';
import { writeFileAtomic } from '../kit/fs/index.ts';
import { imagesDir } from './layout.ts';
import { dist } from './programs.ts';
import { existing } from './status.ts';

/** Archives that scripts/images made, if any. */
export async function bundledImages(): Promise<string[]> {
  const folder = join(dist, 'images');
  if (!existsSync(folder)) return [];
  return (await readdir(folder))
    .filter((name) => name.endsWith('.tar'))
    .sort()
    .map((name) => join(folder, name));
}

/** Imports the archives that this machine's image store has not seen yet (by name, size and time). */
export async function loadImages(archives: readonly string[]): Promise<void> {
  const store = await ImageStore.open(imagesDir());
  for (const archive of archives) {
    const { size, mtimeMs } = await stat(archive);
    const seen = join(imagesDir(), 'seen', `${basename(archive)}-${size}-${Math.round(mtimeMs)}`);
    if (existsSync(seen)) continue;
    await importArchive(store, archive);
    await writeFileAtomic(seen, '');
  }
}

/** Imports one archive for the cluster's nodes and returns the names that it brought. @throws Error when it is no image archive */
export async function load(cluster: string, archive: string): Promise<string[]> {
  await existing(cluster);
  if (!existsSync(archive)) throw new Error(`${archive}: no such file`);
  return importArchive(await ImageStore.open(imagesDir()), archive);
}

/** Images that the nodes have, one row a name. */
export async function images(cluster: string): Promise<{ name: string; id: string; size: string }[]> {
  await existing(cluster);
  const listed = await (await ImageStore.open(imagesDir())).list();
  return listed.flatMap((image) =>
    [...image.tags, ...image.digests].map((name) => ({ name, id: image.id, size: `${(image.sizeBytes / 1e6).toFixed(1)} MB` })),
  );
}
