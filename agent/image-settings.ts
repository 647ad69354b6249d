// What the configuration says of images: mirrors, programs that know credentials, when unused ones go.
import type { Clock, Logger } from '../kit/run/index.ts';
import {
  CredentialProviders,
  type GcPolicy,
  loadCredentialProviders,
  parseReference,
  pullSecretAuths,
  type RegistryAuth,
  repositoryName,
  type SecretData,
} from './images/index.ts';

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((item) => typeof item === 'string');

/** @throws Error `field mirrors: what is wrong` */
export function checkMirrors(value: unknown): void {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMap || !Object.values(value).every(isTexts)) throw new Error('field mirrors: must map names of registries to lists of URLs');
  for (const endpoint of Object.values(value as Record<string, string[]>).flat())
    if (!/^https?:\/\/[^/]+\/?$/.test(endpoint))
      throw new Error(`field mirrors: ${JSON.stringify(endpoint)} must be http:// or https://, a host and a port`);
}

/** What may open an image's registry: out of pull secrets, then of the node's credential providers. */
export type ImageCredentials = (image: string, secrets: readonly SecretData[]) => Promise<RegistryAuth[]>;

/** kubelet's --image-credential-provider-config and --image-credential-provider-bin-dir: both or none. @throws Error naming the file or field */
export async function imageCredentials(
  config: { imageCredentialProviderConfig?: string; imageCredentialProviderBinDir?: string },
  clock: Clock,
  log: Logger,
): Promise<ImageCredentials> {
  const ofSecrets = (image: string, secrets: readonly SecretData[]) => secrets.flatMap((data) => pullSecretAuths(data, image));
  const { imageCredentialProviderConfig: file, imageCredentialProviderBinDir: binDir } = config;
  if (file === undefined && binDir === undefined) return async (image, secrets) => ofSecrets(image, secrets);
  if (file === undefined || binDir === undefined)
    throw new Error('fields imageCredentialProviderConfig and imageCredentialProviderBinDir: both or none must be set');
  const onError = (error: Error) => log.error({ err: error }, 'no credentials from a provider');
  const providers = new CredentialProviders({ providers: await loadCredentialProviders(file), binDir, clock, onError });
  return async (image, secrets) => [
    ...ofSecrets(image, secrets),
    ...(await providers.credentials(repositoryName(parseReference(image)))), // without a tag, as kubelet asks
  ];
}

export const imagePolicy = (config: {
  imageGCHighThresholdPercent: number;
  imageGCLowThresholdPercent: number;
  imageMinimumGCAgeMs: number;
  imageMaximumGCAgeMs: number;
}): GcPolicy => ({
  highPercent: config.imageGCHighThresholdPercent,
  lowPercent: config.imageGCLowThresholdPercent,
  minAgeMs: config.imageMinimumGCAgeMs,
  maxAgeMs: config.imageMaximumGCAgeMs,
});
