// One image from its registry into the store: manifest, configuration, then each layer straight from the wire into its folder.
import { existsSync } from 'node:fs';
import { type Clock, systemClock } from '../../kit/run/index.ts';
import { type ImageRecord, parseImageConfig } from './config.ts';
import { type Descriptor, digestOf, forThisMachine, INDEX_DEPTH_MAX, type Manifest, parseManifest, verify } from './manifest.ts';
import { parseReference, type Reference, referenceName, repositoryName } from './reference.ts';
import { Registry } from './registry.ts';
import { RegistryError } from './registry-error.ts';
import type { RegistryAuth } from './registry-login.ts';
import type { ImageStore } from './store.ts';

export { RegistryError } from './registry-error.ts';
export type { RegistryAuth } from './registry-login.ts';

/** What became of one layer, for who watches a pull. */
export interface PullProgress {
  digest: string;
  /** `downloading` comes many times, with the bytes so far. */
  state: 'exists' | 'downloading' | 'done';
  bytes: number;
  /** Of the layer as it is in the registry. */
  size: number;
}

export interface PullOptions {
  auth?: RegistryAuth;
  /** `host:port` spoken to over plain HTTP; loopback is, where there is no certificate for it. */
  insecureRegistries?: readonly string[];
  /** Endpoints (`http://host:port`) that are asked before the registry itself, by the registry's name as in image names. */
  mirrors?: Readonly<Record<string, readonly string[]>>;
  /** Folder of certificates for registries: see registry-certificates.ts. */
  certsDir?: string;
  onProgress?: (progress: PullProgress) => void;
  /** Of a mirror that could not help, and why. */
  onMirrorFailure?: (endpoint: string, error: unknown) => void;
  signal?: AbortSignal;
  /** Milliseconds of silence after which a connection is given up; default 30,000. */
  stallMs?: number;
  clock?: Clock;
}

const LAYERS_AT_ONCE = 3;

/**
 * From the first mirror that gives the whole image, else from the registry: only its error counts. A pull that failed leaves the layers
 * that it finished.
 * @throws RegistryError, InvalidReference; Error when content and digest differ
 */
export async function pullImage(store: ImageStore, name: string, options: PullOptions = {}): Promise<ImageRecord> {
  const ref = parseReference(name);
  for (const endpoint of options.mirrors?.[ref.registry] ?? []) {
    try {
      // Credentials are for the registry alone.
      return await pullFrom(new Registry(endpoint, ref.repository, connectionOf(options)), store, ref, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      options.onMirrorFailure?.(endpoint, error);
    }
  }
  const { auth } = options;
  const registry = new Registry(endpointOf(ref, options), ref.repository, { ...connectionOf(options), ...(auth ? { auth } : {}) });
  return await pullFrom(registry, store, ref, options);
}

async function pullFrom(registry: Registry, store: ImageStore, ref: Reference, { onProgress }: PullOptions): Promise<ImageRecord> {
  const { manifest, digest } = await resolveManifest(registry, ref).catch((error: unknown) => {
    if (!(error instanceof RegistryError)) throw error;
    const absent = error.kind === 'not-found' && !/no match for platform/.test(error.message);
    const message = absent ? `${referenceName(ref)}: not found` : error.message;
    throw new RegistryError(error.kind, `failed to resolve reference "${referenceName(ref)}": ${message}`, error);
  });
  const text = await registry.blobText(manifest.config.digest);
  verify(text, manifest.config.digest);
  const { config, diffIds } = parseImageConfig(text);
  if (diffIds.length !== manifest.layers.length)
    throw new RegistryError('other', `${referenceName(ref)}: ${manifest.layers.length} layers, ${diffIds.length} diff ids`);
  const layers = manifest.layers.map((layer, index) => ({ ...layer, diffId: diffIds[index]! }));
  await using _use = await store.useLayers(diffIds);
  await inParallel(layers, LAYERS_AT_ONCE, (layer) => pullLayer(store, registry, layer, onProgress));
  const record: ImageRecord = {
    id: manifest.config.digest,
    layers: diffIds,
    sizeBytes: layers.reduce((sum, layer) => sum + layer.size, text.length),
    config,
    createdAtMs: systemClock.nowMs(),
  };
  await store.addImage(record, [referenceName(ref), `${repositoryName(ref)}@${digest}`], text);
  return record;
}

async function pullLayer(
  store: ImageStore,
  registry: Registry,
  { digest, size, diffId }: Descriptor & { diffId: string },
  onProgress: PullOptions['onProgress'],
): Promise<void> {
  let bytes = 0;
  const download = async () =>
    registry.blob(digest, size, (count) => {
      bytes += count;
      onProgress?.({ digest, state: 'downloading', bytes, size });
    });
  const state = (await store.addLayer(diffId, download, digest)) ? 'done' : 'exists';
  onProgress?.({ digest, state, bytes: size, size });
}

const connectionOf = ({ stallMs, clock, signal, certsDir }: PullOptions) => ({
  ...(stallMs ? { stallMs } : {}),
  ...(clock ? { clock } : {}),
  ...(signal ? { signal } : {}),
  ...(certsDir === undefined ? {} : { certsDir }),
});

function endpointOf(ref: Reference, { insecureRegistries = [], certsDir }: PullOptions): string {
  if (ref.registry === 'docker.io') return 'https://registry-1.docker.io';
  const hasCertificates = certsDir !== undefined && existsSync(`${certsDir}/${ref.registry}`);
  const insecure = insecureRegistries.includes(ref.registry) || (isLoopback(ref) && !hasCertificates);
  return `${insecure ? 'http' : 'https'}://${ref.registry}`;
}

function isLoopback({ registry }: Reference): boolean {
  const host = registry.replace(/:\d+$/, '');
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.');
}

/** The manifest for this machine, through indexes where there are some; the digest is what the name stands for: of the index then. */
async function resolveManifest(registry: Registry, ref: Reference): Promise<{ manifest: Manifest; digest: string }> {
  let { text } = await registry.manifest(ref.digest ?? ref.tag!);
  const digest = digestOf(text);
  if (ref.digest) verify(text, ref.digest);
  for (let depth = 0; depth < INDEX_DEPTH_MAX; depth++) {
    const parsed = parseManifest(text);
    if ('manifest' in parsed) return { manifest: parsed.manifest, digest };
    const mine = forThisMachine(parsed.index);
    ({ text } = await registry.manifest(mine.digest));
    verify(text, mine.digest);
  }
  throw new RegistryError('other', `${referenceName(ref)}: indexes within indexes, more than ${INDEX_DEPTH_MAX} deep`);
}

/** All are ended before it returns: a failed layer must not leave another one at work. */
async function inParallel<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      try {
        await work(item);
      } catch (error) {
        queue.length = 0;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: atOnce }, worker));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
