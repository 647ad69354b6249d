// What the configuration says of images: mirrors, programs that know credentials.
import type { Clock, Logger } from '../kit/run/index.ts';
import type { CriOptions } from './cri/index.ts';
import { CredentialProviders, loadCredentialProviders } from './images/index.ts';

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
