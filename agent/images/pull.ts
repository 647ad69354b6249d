// One image from its registry into the store: manifest, configuration, then each layer straight from the wire into its folder.
import { createHash } from 'node:crypto';
import { systemClock } from '../../kit/run/index.ts';
import { type ImageRecord, parseImageConfig } from './config.ts';
import { parseReference, type Reference, referenceName, repositoryName } from './reference.ts';
import { Registry, type RegistryAuth, RegistryError } from './registry.ts';
import type { ImageStore } from './store.ts';

export { type RegistryAuth, RegistryError } from './registry.ts';

export interface PullOptions {
  auth?: RegistryAuth;
  /** `host:port` spoken to over plain HTTP; loopback always is. */
  insecureRegistries?: readonly string[];
  /** Endpoints (`http://host:port`) that are asked before the registry itself, by the registry's name as in image names. */
  mirrors?: Readonly<Record<string, readonly string[]>>;
}

interface Manifest {
  mediaType?: string;
  config?: { digest: string };
  layers?: { digest: string; size: number }[];
  manifests?: { digest: string; platform?: { os: string; architecture: string } }[];
}

const LAYERS_AT_ONCE = 3;
const ARCHITECTURES: Record<string, string> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ppc64: 'ppc64le', s390x: 's390x' };

/** @throws RegistryError, InvalidReference; Error when content and digest differ */
export async function pullImage(store: ImageStore, name: string, options: PullOptions = {}): Promise<ImageRecord> {
  const ref = parseReference(name);
  const { registry, manifest, digest } = await resolveSomewhere(ref, options).catch((error: unknown) => {
    if (error instanceof RegistryError && error.kind === 'not-found')
      throw new RegistryError('not-found', `${referenceName(ref)}: not found`, error);
    throw error;
  });
  if (!manifest.config || !manifest.layers) throw new RegistryError('other', `${referenceName(ref)}: not an image manifest`);
  const text = await registry.blobText(manifest.config.digest);
  verify(text, manifest.config.digest);
  const { config, diffIds } = parseImageConfig(text);
  if (diffIds.length !== manifest.layers.length)
    throw new RegistryError('other', `${referenceName(ref)}: ${manifest.layers.length} layers, ${diffIds.length} diff ids`);
  const layers = manifest.layers.map((layer, index) => ({ ...layer, diffId: diffIds[index]! }));
  await inParallel(layers, LAYERS_AT_ONCE, (layer) => store.addLayer(layer.diffId, () => registry.blob(layer.digest), layer.digest));
  const record: ImageRecord = {
    id: manifest.config.digest,
    layers: diffIds,
    sizeBytes: layers.reduce((sum, layer) => sum + layer.size, text.length),
    config,
    createdAtMs: systemClock.nowMs(),
  };
  await store.addImage(record, [referenceName(ref), `${repositoryName(ref)}@${digest}`]);
  return record;
}

type Resolved = Awaited<ReturnType<typeof resolveManifest>> & { registry: Registry };

/** From the first mirror that has it, else from the registry: only its error counts. Credentials are for the registry alone. */
async function resolveSomewhere(ref: Reference, { mirrors, auth, insecureRegistries = [] }: PullOptions): Promise<Resolved> {
  for (const endpoint of mirrors?.[ref.registry] ?? []) {
    const registry = new Registry(endpoint, ref.repository);
    const resolved = await resolveManifest(registry, ref).catch((error: unknown) => {
      if (error instanceof RegistryError) return undefined;
      throw error;
    });
    if (resolved) return { ...resolved, registry };
  }
  const host = ref.registry === 'docker.io' ? 'registry-1.docker.io' : ref.registry;
  const registry = new Registry(`${isInsecure(ref, insecureRegistries) ? 'http' : 'https'}://${host}`, ref.repository, auth);
  return { ...(await resolveManifest(registry, ref)), registry };
}

/** The manifest for this machine, through an index where there is one; the digest is the one that the name stands for. */
async function resolveManifest(registry: Registry, ref: Reference): Promise<{ manifest: Manifest; digest: string }> {
  const top = await registry.manifest(ref.digest ?? ref.tag!);
  const digest = digestOf(top.text);
  if (ref.digest) verify(top.text, ref.digest);
  const manifest = JSON.parse(top.text) as Manifest;
  if (!manifest.manifests) return { manifest, digest };
  const architecture = ARCHITECTURES[process.arch] ?? process.arch;
  const mine = manifest.manifests.find((m) => m.platform?.os === 'linux' && m.platform.architecture === architecture);
  if (!mine) throw new RegistryError('not-found', `no match for platform in manifest: not found (linux/${architecture})`);
  const { text } = await registry.manifest(mine.digest);
  verify(text, mine.digest);
  return { manifest: JSON.parse(text) as Manifest, digest };
}

const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

function verify(text: string, digest: string): void {
  if (digestOf(text) !== digest) throw new RegistryError('other', `content of ${digest} is ${digestOf(text)}`);
}

function isInsecure(ref: Reference, listed: readonly string[]): boolean {
  const host = ref.registry.replace(/:\d+$/, '');
  return listed.includes(ref.registry) || host === 'localhost' || host === '[::1]' || host.startsWith('127.');
}

async function inParallel<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
