// Images out of a docker-archive (docker save, skopeo) or an OCI layout (umoci, skopeo, buildah, docker buildx): a tar, plain,
// gzip'd or zstd'd, or a folder.
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { systemClock } from '../../kit/run/index.ts';
import { parseImageConfig } from './config.ts';
import { type Descriptor, digestOf, forThisMachine, INDEX_DEPTH_MAX, parseManifest, verify } from './manifest.ts';
import { normalizeName, parseReference, repositoryName } from './reference.ts';
import type { ImageStore } from './store.ts';
import { unpackArchive } from './unpack.ts';

interface ArchivedImage {
  /** Files inside the unpacked archive. */
  configFile: string;
  layers: { file: string; digest?: string }[];
  names: string[];
  configDigest?: string;
  manifestDigest?: string;
}

export interface ImportOptions {
  /** What garbage collection leaves: see ImageRecord. */
  pinned?: boolean;
}

/**
 * Brings all images of the archive (a tar file or a folder) into the store; returns their names, or ids where they have none.
 * @throws Error when it is no image archive, or differs from its digests
 */
export async function importArchive(store: ImageStore, path: string, options: ImportOptions = {}): Promise<string[]> {
  const title = basename(path).replace(/\.(?:tar|tgz|oci)(?:\.\w+)?$/, '');
  if ((await stat(path)).isDirectory()) return await importFolder(store, path, title, options);
  return await importStream(store, createReadStream(path, { highWaterMark: 1 << 20 }), path, title, options);
}

/** As importArchive, from a stream, e.g. standard input. `what` is told in errors; umoci's images, which have only a tag, are named `title`. */
export async function importStream(
  store: ImageStore,
  source: Readable,
  what = 'the archive',
  title = 'image',
  options: ImportOptions = {},
): Promise<string[]> {
  const folder = store.temporary();
  try {
    await mkdir(folder, { recursive: true });
    await unpackArchive(source, folder).catch((error: unknown) => {
      throw new Error(`${what} is no image archive: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    });
    return await importFolder(store, folder, title, options, what);
  } finally {
    source.destroy();
    await rm(folder, { recursive: true, force: true });
  }
}

async function importFolder(store: ImageStore, folder: string, title: string, options: ImportOptions, what = folder): Promise<string[]> {
  const isDocker = existsSync(`${folder}/manifest.json`);
  if (!isDocker && !existsSync(`${folder}/index.json`))
    throw new Error(`${what} is no image archive: it has neither manifest.json (docker-archive) nor index.json (OCI layout)`);
  const images = isDocker ? await dockerImages(folder) : await ociImages(folder, title);
  if (images.length === 0) throw new Error(`${what} holds no image`);
  const out: string[] = [];
  for (const image of images) out.push(...(await importOne(store, folder, image, options)));
  return out;
}

async function importOne(store: ImageStore, folder: string, image: ArchivedImage, options: ImportOptions): Promise<string[]> {
  const text = await readFile(await inside(folder, image.configFile), 'utf8');
  if (image.configDigest) verify(text, image.configDigest);
  const { config, diffIds } = parseImageConfig(text);
  if (diffIds.length !== image.layers.length)
    throw new Error(`${image.configFile} names ${diffIds.length} layers, the archive ${image.layers.length}`);
  await using _use = await store.useLayers(diffIds);
  let sizeBytes = text.length;
  for (const [index, diffId] of diffIds.entries()) {
    const { file, digest } = image.layers[index]!;
    const path = await inside(folder, file);
    sizeBytes += (await stat(path)).size;
    await store.addLayer(diffId, async () => createReadStream(path, { highWaterMark: 1 << 20 }), digest);
  }
  const id = digestOf(text);
  const digests = image.manifestDigest ? image.names.map((name) => `${repositoryName(parseReference(name))}@${image.manifestDigest}`) : [];
  const record = { id, layers: diffIds, sizeBytes, config, createdAtMs: systemClock.nowMs(), ...options };
  await store.addImage(record, [...image.names, ...digests], text);
  return image.names.length > 0 ? image.names : [id];
}

async function dockerImages(folder: string): Promise<ArchivedImage[]> {
  const manifest = JSON.parse(await readFile(await inside(folder, 'manifest.json'), 'utf8')) as {
    Config: string;
    RepoTags?: string[] | null;
    Layers: string[];
  }[];
  return manifest.map(({ Config, RepoTags, Layers }) => ({
    configFile: Config,
    layers: Layers.map((file) => ({ file })),
    names: (RepoTags ?? []).map(normalizeName),
  }));
}

const blobFile = (digest: string): string => `blobs/${digest.replace(':', '/')}`;

async function ociImages(folder: string, title: string): Promise<ArchivedImage[]> {
  const read = async (path: string) => await readFile(await inside(folder, path), 'utf8');
  const top = parseManifest(await read('index.json'));
  if (!('index' in top)) throw new Error('index.json is no index');
  const out: ArchivedImage[] = [];
  for (const descriptor of top.index.manifests) {
    const manifest = await manifestOf(read, descriptor);
    const name = nameOf(descriptor, title);
    out.push({
      configFile: blobFile(manifest.config.digest),
      configDigest: manifest.config.digest,
      layers: manifest.layers.map(({ digest }) => ({ file: blobFile(digest), digest })),
      names: name === undefined ? [] : [normalizeName(name)],
      manifestDigest: descriptor.digest,
    });
  }
  return out;
}

/** The manifest for this machine behind a descriptor, through indexes of several platforms. */
async function manifestOf(read: (path: string) => Promise<string>, descriptor: Descriptor) {
  let { digest } = descriptor;
  for (let depth = 0; depth < INDEX_DEPTH_MAX; depth++) {
    const text = await read(blobFile(digest));
    verify(text, digest);
    const parsed = parseManifest(text);
    if ('manifest' in parsed) return parsed.manifest;
    ({ digest } = forThisMachine(parsed.index));
  }
  throw new Error(`${descriptor.digest}: indexes within indexes, more than ${INDEX_DEPTH_MAX} deep`);
}

/** umoci writes the bare tag: then the archive's name is the image's. */
function nameOf({ annotations = {} }: Descriptor, title: string): string | undefined {
  const named = annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name'];
  if (named === undefined) return undefined;
  return /[/:]/.test(named) ? named : `${title}:${named}`;
}

/** The real path of a file of the archive. @throws Error when it leaves the folder, through `..` or a symlink */
async function inside(folder: string, path: string): Promise<string> {
  const real = await realpath(`${folder}/${path}`).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new Error(`the archive lacks ${path}`) : error;
  });
  if (!real.startsWith(`${await realpath(folder)}/`)) throw new Error(`${path} leaves the archive`);
  return real;
}
