// One image from its registry into the store: manifest, configuration, then each layer straight from the wire into its folder.
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
  /** `host:port` spoken to over plain HTTP; loopback always is. */
  insecureRegistries?: readonly string[];
  /** Endpoints (`http://host:port`) that are asked before the registry itself, by the registry's name as in image names. */
  mirrors?: Readonly<Record<string, readonly string[]>>;
  /** Credentials of this machine for an image, asked for when `auth` is absent; tried in this order, and none last. */
  credentials?: (image: string) => Promise<readonly RegistryAuth[]>;
  onProgress?: (progress: PullProgress) => void;
  signal?: AbortSignal;
  /** Milliseconds of silence after which a connection is given up; default 30,000. */
  stallMs?: number;
  clock?: Clock;
}

const LAYERS_AT_ONCE = 3;

/**
 * Credentials are tried one after the other; the first refusal is told. A pull that failed leaves the layers that it finished.
 * @throws RegistryError, InvalidReference; Error when content and digest differ
 */
export async function pullImage(store: ImageStore, name: string, options: PullOptions = {}): Promise<ImageRecord> {
  const ref = parseReference(name);
  const { auth } = options;
  const candidates: (RegistryAuth | undefined)[] = auth
    ? [auth]
    : [...((await options.credentials?.(referenceName(ref))) ?? []), undefined];
  let refusal: unknown;
  for (const candidate of candidates) {
    try {
      return await pullWith(store, ref, candidate, options);
    } catch (error) {
      const refused = error instanceof RegistryError && (error.kind === 'unauthorized' || error.kind === 'not-found');
      if (!refused) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

async function pullWith(store: ImageStore, ref: Reference, auth: RegistryAuth | undefined, options: PullOptions): Promise<ImageRecord> {
  const { registry, manifest, digest } = await resolveSomewhere(ref, auth, options).catch((error: unknown) => {
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
  await inParallel(layers, LAYERS_AT_ONCE, (layer) => pullLayer(store, registry, layer, options.onProgress));
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

interface Resolved {
  registry: Registry;
  manifest: Manifest;
  /** What the name stands for: of the index, where there is one. */
  digest: string;
}

/** From the first mirror that has it, else from the registry: only its error counts. Credentials are for the registry alone. */
async function resolveSomewhere(ref: Reference, auth: RegistryAuth | undefined, options: PullOptions): Promise<Resolved> {
  const { mirrors, insecureRegistries = [], stallMs, clock, signal } = options;
  const common = { ...(stallMs ? { stallMs } : {}), ...(clock ? { clock } : {}), ...(signal ? { signal } : {}) };
  for (const endpoint of mirrors?.[ref.registry] ?? []) {
    const registry = new Registry(endpoint, ref.repository, common);
    const resolved = await resolveManifest(registry, ref).catch((error: unknown) => {
      if (error instanceof RegistryError) return undefined;
      throw error;
    });
    if (resolved) return { ...resolved, registry };
  }
  const host = ref.registry === 'docker.io' ? 'registry-1.docker.io' : ref.registry;
  const scheme = isInsecure(ref, insecureRegistries) ? 'http' : 'https';
  const registry = new Registry(`${scheme}://${host}`, ref.repository, { ...common, ...(auth ? { auth } : {}) });
  return { ...(await resolveManifest(registry, ref)), registry };
}

/** The manifest for this machine, through indexes where there are some. */
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

function isInsecure(ref: Reference, listed: readonly string[]): boolean {
  const host = ref.registry.replace(/:\d+$/, '');
  return listed.includes(ref.registry) || host === 'localhost' || host === '[::1]' || host.startsWith('127.');
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
