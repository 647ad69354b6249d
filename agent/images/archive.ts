// Images out of a tar file: docker-archive (docker save, skopeo) and OCI archive (umoci, skopeo, buildah).
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { mkdir, readFile, realpath, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { run } from '../../kit/exec/index.ts';
import { systemClock } from '../../kit/run/index.ts';
import { parseImageConfig } from './config.ts';
import { normalizeName, parseReference, repositoryName } from './reference.ts';
import type { ImageStore } from './store.ts';

interface ArchivedImage {
  /** Files inside the unpacked archive. */
  configFile: string;
  layerFiles: string[];
  names: string[];
  manifestDigest?: string;
}

/** Brings all images of the archive into the store; returns their names, or ids where they have none. */
export async function importArchive(store: ImageStore, tarPath: string): Promise<string[]> {
  const folder = store.temporary();
  try {
    await mkdir(folder, { recursive: true });
    await run('tar', ['--extract', `--file=${tarPath}`, `--directory=${folder}`, '--no-same-owner'], { timeoutMs: 600_000 });
    const images = existsSync(`${folder}/manifest.json`)
      ? await dockerImages(folder)
      : await ociImages(folder, basename(tarPath).replace(/\.tar(\.\w+)?$/, ''));
    if (images.length === 0) throw new Error(`${tarPath} holds no image`);
    const out: string[] = [];
    for (const image of images) out.push(...(await importOne(store, folder, image)));
    return out;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function importOne(store: ImageStore, folder: string, image: ArchivedImage): Promise<string[]> {
  const text = await readFile(await inside(folder, image.configFile), 'utf8');
  const { config, diffIds } = parseImageConfig(text);
  if (diffIds.length !== image.layerFiles.length)
    throw new Error(`${image.configFile} names ${diffIds.length} layers, the archive ${image.layerFiles.length}`);
  let sizeBytes = text.length;
  for (const [index, diffId] of diffIds.entries()) {
    const file = await inside(folder, image.layerFiles[index]!);
    sizeBytes += statSync(file).size;
    await store.addLayer(diffId, async () => createReadStream(file, { highWaterMark: 1 << 20 }));
  }
  const id = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const digests = image.manifestDigest ? image.names.map((name) => `${repositoryName(parseReference(name))}@${image.manifestDigest}`) : [];
  await store.addImage({ id, layers: diffIds, sizeBytes, config, createdAtMs: systemClock.nowMs() }, [...image.names, ...digests]);
  return image.names.length > 0 ? image.names : [id];
}

async function dockerImages(folder: string): Promise<ArchivedImage[]> {
  const manifest = JSON.parse(await readFile(`${folder}/manifest.json`, 'utf8')) as {
    Config: string;
    RepoTags?: string[] | null;
    Layers: string[];
  }[];
  return manifest.map(({ Config, RepoTags, Layers }) => ({
    configFile: Config,
    layerFiles: Layers,
    names: (RepoTags ?? []).map(normalizeName),
  }));
}

interface Descriptor {
  digest: string;
  mediaType?: string;
  annotations?: Record<string, string>;
}

async function ociImages(folder: string, fileName: string): Promise<ArchivedImage[]> {
  const blob = (digest: string) => `blobs/${digest.replace(':', '/')}`;
  const read = async (path: string) => JSON.parse(await readFile(await inside(folder, path), 'utf8'));
  const out: ArchivedImage[] = [];
  const index = (await read('index.json')) as { manifests: Descriptor[] };
  for (const descriptor of index.manifests) {
    const manifest = (await read(blob(descriptor.digest))) as { config?: Descriptor; layers?: Descriptor[] };
    if (!manifest.config || !manifest.layers) continue; // an index below the index: several platforms, of no use here
    const named = descriptor.annotations?.['io.containerd.image.name'] ?? descriptor.annotations?.['org.opencontainers.image.ref.name'];
    // umoci writes the bare tag: then the file's name is the image's
    const name = named === undefined ? undefined : /[/:]/.test(named) ? named : `${fileName}:${named}`;
    out.push({
      configFile: blob(manifest.config.digest),
      layerFiles: manifest.layers.map((layer) => blob(layer.digest)),
      names: name === undefined ? [] : [normalizeName(name)],
      manifestDigest: descriptor.digest,
    });
  }
  return out;
}

/** The real path of a file of the archive. @throws Error when it leaves the folder, through `..` or a symlink */
async function inside(folder: string, path: string): Promise<string> {
  const real = await realpath(`${folder}/${path}`);
  if (!real.startsWith(`${await realpath(folder)}/`)) throw new Error(`${path} leaves the archive`);
  return real;
}
