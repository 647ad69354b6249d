// Manifests and indexes as registries and archives have them: which one is for this machine, and what it must look like. Pure.
import { createHash } from 'node:crypto';
import { RegistryError } from './registry-error.ts';

export interface Descriptor {
  digest: string;
  size: number;
  mediaType?: string;
  platform?: { os?: string; architecture?: string; variant?: string };
  annotations?: Record<string, string>;
}

export interface Manifest {
  config: Descriptor;
  layers: Descriptor[];
}

export interface Index {
  manifests: Descriptor[];
}

/** An index may name indexes; real ones do so once. */
export const INDEX_DEPTH_MAX = 4;
/** overlayfs takes at most 500 lower folders, and their names a page. */
const LAYERS_MAX = 127;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const ARCHITECTURES: Record<string, string> = { x64: 'amd64', ppc64: 'ppc64le' };
const architecture = ARCHITECTURES[process.arch] ?? process.arch;

export const digestOf = (content: string | Uint8Array): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;

/** @throws RegistryError when the content is another */
export function verify(content: string, digest: string): void {
  if (digestOf(content) !== digest) throw new RegistryError('other', `content of ${digest} is ${digestOf(content)}`);
}

/** What a manifest document is. @throws RegistryError when it is neither, or of a kind that is not run any more */
export function parseManifest(text: string): { manifest: Manifest } | { index: Index } {
  const raw = objectIn(text);
  const type = typeof raw['mediaType'] === 'string' ? raw['mediaType'] : '';
  if (raw['schemaVersion'] === 1) throw new RegistryError('other', 'a Docker manifest of schema 1 is not supported: rebuild the image');
  if (isDescriptors(raw['manifests'])) return { index: { manifests: raw['manifests'] } };
  if (!isDescriptor(raw['config']) || !isDescriptors(raw['layers']))
    throw new RegistryError('other', `not an image manifest${type ? `: ${type}` : ''}`);
  const manifest = { config: raw['config'], layers: raw['layers'] };
  checkLayers(manifest.layers);
  return { manifest };
}

function checkLayers(layers: readonly Descriptor[]): void {
  if (layers.length > LAYERS_MAX) throw new RegistryError('other', `${layers.length} layers, at most ${LAYERS_MAX} are possible`);
  for (const { mediaType = '', digest } of layers) {
    if (/foreign|nondistributable/.test(mediaType))
      throw new RegistryError('other', `layer ${digest} is foreign (${mediaType}): its content is not in the registry`);
    if (/\+encrypted$/.test(mediaType)) throw new RegistryError('other', `layer ${digest} is encrypted (${mediaType})`);
    if (mediaType !== '' && !/(?:tar|diff\.tar)(?:[.+](?:gzip|zstd))?$/.test(mediaType))
      throw new RegistryError('other', `layer ${digest} is no archive but ${mediaType}: not a container image`);
  }
}

/** The entry of an index for this machine. @throws RegistryError not-found with containerd's text */
export function forThisMachine({ manifests }: Index): Descriptor {
  const fits = manifests.filter((m) => m.platform?.os === 'linux' && m.platform.architecture === architecture);
  // variants of amd64 (v2, v3) ask for processors that this one may not be: the plain one first
  const found = fits.find((m) => !m.platform?.variant || m.platform.variant === 'v8') ?? fits[0];
  const only = manifests.length === 1 && !manifests[0]?.platform ? manifests[0] : undefined;
  if (found ?? only) return (found ?? only)!;
  throw new RegistryError('not-found', `no match for platform in manifest: not found (linux/${architecture})`);
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const raw: unknown = JSON.parse(text);
    if (typeof raw === 'object' && raw !== null && !Array.isArray(raw)) return raw as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new RegistryError('other', `not a manifest: ${JSON.stringify(text.slice(0, 60))}`);
}

const isDescriptors = (value: unknown): value is Descriptor[] => Array.isArray(value) && value.every(isDescriptor);

function isDescriptor(value: unknown): value is Descriptor {
  const { digest, size } = (value ?? {}) as Partial<Descriptor>;
  return typeof digest === 'string' && DIGEST.test(digest) && Number.isSafeInteger(size) && (size as number) >= 0;
}
