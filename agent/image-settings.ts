// What the configuration says of images: mirrors, programs that know credentials, whose image is whose, when unused ones go.
import type { Clock, Logger } from '../kit/run/index.ts';
import {
  CredentialProviders,
  type GcPolicy,
  loadCredentialProviders,
  type PodAccount,
  type PresentImage,
  type PullCredential,
  PullRecords,
  type PullSecret,
  parseReference,
  pullSecretCredentials,
  repositoryName,
  VERIFICATION_POLICIES,
  type VerificationPolicy,
} from './images/index.ts';
import { parseRuntime } from './runtime-choice.ts';

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((item) => typeof item === 'string');

/** @throws Error `field mirrors: what is wrong` */
export function checkMirrors(value: unknown): void {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMap || !Object.values(value).every(isTexts)) throw new Error('field mirrors: must map names of registries to lists of URLs');
  for (const endpoint of Object.values(value as Record<string, string[]>).flat())
    if (!/^https?:\/\/[^/]+\/?$/.test(endpoint))
      throw new Error(`field mirrors: ${JSON.stringify(endpoint)} must be http:// or https://, a host and a port`);
}

export interface VerificationSettings {
  /** When a pod's credentials are tried for an image that is there already. */
  imagePullCredentialsVerificationPolicy: VerificationPolicy['policy'];
  /** Repositories of NeverVerifyAllowlistedImages; `/*` at the end: all below. */
  preloadedImagesVerificationAllowlist: string[];
}

/** kubelet's. */
export const verificationDefaults: VerificationSettings = {
  imagePullCredentialsVerificationPolicy: 'NeverVerifyPreloadedImages',
  preloadedImagesVerificationAllowlist: [],
};

/** @throws Error `field NAME: what is wrong` */
export function checkVerification(config: Record<string, unknown>): void {
  const { imagePullCredentialsVerificationPolicy: policy, preloadedImagesVerificationAllowlist: allowlist } = config;
  if (!VERIFICATION_POLICIES.some((known) => known === policy))
    throw new Error(
      `field imagePullCredentialsVerificationPolicy: must be one of ${VERIFICATION_POLICIES.join(', ')}, is ${JSON.stringify(policy)}`,
    );
  if (!isTexts(allowlist)) throw new Error('field preloadedImagesVerificationAllowlist: must be a list of repositories');
  if (allowlist.length > 0 && policy !== 'NeverVerifyAllowlistedImages')
    throw new Error(
      'field preloadedImagesVerificationAllowlist: is for imagePullCredentialsVerificationPolicy NeverVerifyAllowlistedImages',
    );
  for (const entry of allowlist)
    if (!/^[^\s*@]+$/.test(entry.replace(/\/\*$/, '')) || /:[^/]*$/.test(entry.replace(/^[^/]*/, '')))
      throw new Error(
        `field preloadedImagesVerificationAllowlist: ${JSON.stringify(entry)} must be a repository without tag, or end with /* for all below it`,
      );
}

/** Who may use which image that is there. Nodes that share a store share that too. */
export function imageAccess(
  config: VerificationSettings & { runtime: string; imagesDir: string; stateDir: string },
  images: () => Promise<readonly PresentImage[]>,
): Promise<PullRecords> {
  const { imagePullCredentialsVerificationPolicy: policy, preloadedImagesVerificationAllowlist: allowlist } = config;
  const folder = parseRuntime(config.runtime).kind === 'oci' ? config.imagesDir : config.stateDir;
  return PullRecords.open(`${folder}/pulls`, { policy, allowlist }, images);
}

/** What may open an image's registry: out of pull secrets, then of the node's credential providers. */
export type ImageCredentials = (
  image: string,
  secrets: readonly PullSecret[],
  account: PodAccount | undefined,
) => Promise<PullCredential[]>;

/** kubelet's --image-credential-provider-config and --image-credential-provider-bin-dir: both or none. @throws Error naming the file or field */
export async function imageCredentials(
  config: { imageCredentialProviderConfig?: string; imageCredentialProviderBinDir?: string },
  clock: Clock,
  log: Logger,
): Promise<ImageCredentials> {
  const ofSecrets = (image: string, secrets: readonly PullSecret[]) => secrets.flatMap((secret) => pullSecretCredentials(secret, image));
  const { imageCredentialProviderConfig: file, imageCredentialProviderBinDir: binDir } = config;
  if (file === undefined && binDir === undefined) return async (image, secrets) => ofSecrets(image, secrets);
  if (file === undefined || binDir === undefined)
    throw new Error('fields imageCredentialProviderConfig and imageCredentialProviderBinDir: both or none must be set');
  const onError = (error: Error) => log.error({ err: error }, 'no credentials from a provider');
  const providers = new CredentialProviders({ providers: await loadCredentialProviders(file), binDir, clock, onError });
  return async (image, secrets, account) => [
    ...ofSecrets(image, secrets),
    ...(await providers.credentials(repositoryName(parseReference(image)), account)), // without a tag, as kubelet asks
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
