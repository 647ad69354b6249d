// What the configuration says of images: mirrors, programs that know credentials, when unused images go.

import { type Clock, type Logger, neverFails, repeat, type Service } from '../kit/run/index.ts';
import type { CriOptions } from './cri/index.ts';
import { CredentialProviders, type GcPolicy, ImageGc, ImageStore, loadCredentialProviders } from './images/index.ts';

/** kubelet's ImageGCPeriod. */
const COLLECT_EVERY_MS = 5 * 60_000;

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((item) => typeof item === 'string');

/** @throws Error `field mirrors: what is wrong` */
export function checkMirrors(value: unknown): void {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMap || !Object.values(value).every(isTexts)) throw new Error('field mirrors: must map names of registries to lists of URLs');
  for (const endpoint of Object.values(value as Record<string, string[]>).flat())
    if (!/^https?:\/\/[^/]+\/?$/.test(endpoint))
      throw new Error(`field mirrors: ${JSON.stringify(endpoint)} must be http:// or https://, a host and a port`);
}

/** kubelet's --image-credential-provider-config and --image-credential-provider-bin-dir: both or none. @throws Error naming the file or field */
export async function credentialsOf(
  config: { imageCredentialProviderConfig?: string; imageCredentialProviderBinDir?: string },
  clock: Clock,
  log: Logger,
): Promise<Pick<CriOptions, 'credentials'>> {
  const { imageCredentialProviderConfig: file, imageCredentialProviderBinDir: binDir } = config;
  if (file === undefined && binDir === undefined) return {};
  if (file === undefined || binDir === undefined)
    throw new Error('fields imageCredentialProviderConfig and imageCredentialProviderBinDir: both or none must be set');
  const onError = (error: Error) => log.error({ err: error }, 'no credentials from a provider');
  const providers = new CredentialProviders({ providers: await loadCredentialProviders(file), binDir, clock, onError });
  return { credentials: (image) => providers.credentials(image) };
}

export interface ImageCollectionOptions {
  imagesDir: string;
  policy: GcPolicy;
  clock: Clock;
  log: Logger;
  /** Tells the node's watchers, with kubelet's reason. */
  onFailure: (reason: string, message: string) => void;
}

/** Collects unused images now and then; the first round is one period after the start, as kubelet's. */
export function imageCollection({ imagesDir, policy, clock, log, onFailure }: ImageCollectionOptions): Service {
  return {
    name: 'image collection',
    async start() {
      const gc = new ImageGc({ store: await ImageStore.open(imagesDir), clock, policy });
      let hasFailed = false;
      const round = async () => {
        const { images, bytes } = await gc.collect();
        hasFailed = false;
        if (images.length > 0) log.info({ images, bytes }, 'unused images removed');
      };
      const timer = repeat(COLLECT_EVERY_MS, round, (error) => {
        const message = error instanceof Error ? error.message : String(error);
        log.error({ err: error }, 'images not collected');
        if (error instanceof Error && error.name === 'FreeDiskSpaceFailed') onFailure('FreeDiskSpaceFailed', message);
        if (hasFailed) onFailure('ImageGCFailed', message); // the second time in a row, as upstream
        hasFailed = true;
      });
      return { failed: neverFails, stop: async () => timer.stop() };
    },
  };
}
