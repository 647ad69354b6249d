// Images of the store as a docker-archive or an OCI layout in one tar. Layers come out byte by byte as they came in, so ids stay.
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { exitOf, start } from '../../kit/exec/index.ts';
import { digestOf } from './manifest.ts';
import { isImageId, normalizeName } from './reference.ts';
import { rebuildTar } from './skeleton.ts';
import type { ImageStore } from './store.ts';

export type ArchiveFormat = 'docker' | 'oci';

interface Exported {
  id: string;
  /** As asked for, when by name. */
  name: string | undefined;
  configText: string;
  layers: string[];
}

/** Writes the images (by any name) to `target`, a file, or undefined: standard output. @throws Error when one is not there */
export async function exportImages(
  store: ImageStore,
  images: readonly string[],
  target: string | undefined,
  format: ArchiveFormat = 'docker',
): Promise<void> {
  const found = await Promise.all(images.map((name) => exported(store, name)));
  await using _use = await store.useLayers(found.flatMap(({ layers }) => layers));
  const folder = store.temporary();
  try {
    await mkdir(folder, { recursive: true });
    const members = format === 'docker' ? await dockerLayout(store, found, folder) : await ociLayout(store, found, folder);
    await writeTar(folder, members, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function exported(store: ImageStore, text: string): Promise<Exported> {
  const record = await store.find(text);
  if (!record) throw new Error(`${text}: no such image`);
  const configText = await store.configText(record.id);
  if (configText === undefined) throw new Error(`${text} was imported by an older wherry: pull or load it again, then save it`);
  const byId = isImageId(text) && record.id.includes(text);
  return { id: record.id, name: byId ? undefined : normalizeName(text), configText, layers: record.layers };
}

/** Each layer's tar once, verified. Returns its size. */
async function writeLayer(store: ImageStore, diffId: string, path: string): Promise<number> {
  const hash = createHash('sha256');
  const hashed = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of rebuildTar(store.skeletonOf(diffId), `${store.layersFolder}/${store.layerName(diffId)}`)) {
      hash.update(chunk);
      yield chunk;
    }
  };
  await pipeline(hashed, createWriteStream(path)).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new Error(`layer ${diffId} was unpacked by an older wherry: pull or load its image again`) : error;
  });
  if (`sha256:${hash.digest('hex')}` !== diffId)
    throw new Error(`layer ${diffId} cannot be made again byte by byte: its archive has a path twice`);
  return (await stat(path)).size;
}

async function dockerLayout(store: ImageStore, images: readonly Exported[], folder: string): Promise<string[]> {
  const fileOf = (digest: string) => `${digest.slice('sha256:'.length)}.tar`;
  const layers = new Set(images.flatMap((image) => image.layers));
  for (const diffId of layers) await writeLayer(store, diffId, `${folder}/${fileOf(diffId)}`);
  const byId = Map.groupBy(images, ({ id }) => id);
  const manifest = [...byId.values()].map((same) => ({
    Config: `${same[0]!.id.slice('sha256:'.length)}.json`,
    RepoTags: same.flatMap(({ name }) => (name === undefined || name.includes('@') ? [] : [name])),
    Layers: same[0]!.layers.map(fileOf),
  }));
  for (const { id, configText } of images) await writeFile(`${folder}/${id.slice('sha256:'.length)}.json`, configText);
  await writeFile(`${folder}/manifest.json`, JSON.stringify(manifest));
  // First, so that who reads a stream knows what comes.
  return ['manifest.json', ...manifest.map(({ Config }) => Config), ...[...layers].map(fileOf)];
}

async function ociLayout(store: ImageStore, images: readonly Exported[], folder: string): Promise<string[]> {
  const blobs = `${folder}/blobs/sha256`;
  await mkdir(blobs, { recursive: true });
  const fileOf = (digest: string) => `${blobs}/${digest.slice('sha256:'.length)}`;
  const put = async (mediaType: string, text: string) => {
    const digest = digestOf(text);
    await writeFile(fileOf(digest), text);
    return { mediaType, digest, size: Buffer.byteLength(text) };
  };
  const sizes = new Map<string, number>();
  for (const diffId of new Set(images.flatMap((image) => image.layers))) sizes.set(diffId, await writeLayer(store, diffId, fileOf(diffId)));
  const manifests = [];
  for (const { name, configText, layers } of images) {
    const config = await put('application/vnd.oci.image.config.v1+json', configText);
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = {
      schemaVersion: 2,
      mediaType,
      config,
      layers: layers.map((digest) => ({ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size: sizes.get(digest) })),
    };
    const annotations =
      name === undefined ? {} : { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name.replace(/^.*[:@]/, '') };
    manifests.push({ ...(await put(mediaType, JSON.stringify(manifest))), annotations });
  }
  await writeFile(
    `${folder}/index.json`,
    JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests }),
  );
  await writeFile(`${folder}/oci-layout`, JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return ['oci-layout', 'index.json', 'blobs'];
}

/** A file appears whole or not at all. */
async function writeTar(folder: string, members: readonly string[], target: string | undefined): Promise<void> {
  const temporary = target === undefined ? '-' : `${target}.new-${process.pid}`;
  const args = ['--create', `--file=${temporary}`, '--owner=0', '--group=0', '--numeric-owner', `--directory=${folder}`, ...members];
  const tar = await start('tar', args, { stdio: ['ignore', target === undefined ? 'inherit' : 'ignore', 'pipe'] });
  let complaint = '';
  tar.stderr?.on('data', (chunk: Buffer) => {
    if (complaint.length < 2000) complaint += chunk.toString();
  });
  try {
    if ((await exitOf(tar)) !== 0) throw new Error(`writing ${target ?? 'the archive'}: ${complaint.trim()}`);
    if (target !== undefined) await rename(temporary, target);
  } finally {
    if (target !== undefined) await rm(temporary, { force: true });
  }
}
