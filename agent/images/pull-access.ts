// Who may use an image that is on the node already: kubelet's rules, so that a private image is not everybody's once one pod has pulled it
// (imagePullCredentialsVerificationPolicy, KEP-2535). Pure.
import { createHash } from 'node:crypto';
import type { Owner, PullCredential } from './keyring.ts';
import type { RegistryAuth } from './registry-login.ts';

export const VERIFICATION_POLICIES = ['NeverVerify', 'NeverVerifyPreloadedImages', 'NeverVerifyAllowlistedImages', 'AlwaysVerify'] as const;

export interface VerificationPolicy {
  policy: (typeof VERIFICATION_POLICIES)[number];
  /** Of NeverVerifyAllowlistedImages: repositories, or all below one with `/*` at the end. */
  allowlist: readonly string[];
}

/** Who has shown that a repository lets them in. */
export interface Access {
  /** It was pulled with the node's own credentials, or without any. */
  everyPod?: true;
  secrets?: readonly (Owner & { hash: string })[];
  serviceAccounts?: readonly Owner[];
}

/** A repository with more than these has its oldest proofs given up: those pods' credentials are tried again. */
const OWNERS_MAX = 100;

/** Whether a pod may use the image whatever credentials it has. `isPreloaded`: no pod of the node has pulled it by this name. */
export function isExempt({ policy, allowlist }: VerificationPolicy, repository: string, isPreloaded: boolean): boolean {
  if (policy === 'NeverVerify') return true;
  if (policy === 'NeverVerifyPreloadedImages') return isPreloaded;
  return (
    policy === 'NeverVerifyAllowlistedImages' &&
    allowlist.some((entry) => (entry.endsWith('/*') ? repository.startsWith(entry.slice(0, -1)) : repository === entry))
  );
}

/** The first of the credentials that was seen to work: the very secret, one with the same content, or the service account. */
export function provenBy(
  { secrets = [], serviceAccounts = [] }: Access,
  credentials: readonly PullCredential[],
): PullCredential | undefined {
  return credentials.find(({ auth, owner }) => {
    if (owner?.kind === 'Secret') return secrets.some((known) => known.hash === hashOf(auth) || isSame(known, owner));
    return owner?.kind === 'ServiceAccount' && serviceAccounts.some((known) => isSame(known, owner));
  });
}

/** After a pull with the credential worked, or without any; the same value when that was known. */
export function withProof(access: Access, credential: PullCredential | undefined): Access {
  if (access.everyPod) return access;
  const owner = credential?.owner;
  if (!credential || !owner) return { everyPod: true };
  if (owner.kind === 'ServiceAccount') {
    const known = access.serviceAccounts ?? [];
    return known.some((one) => isSame(one, owner)) ? access : { ...access, serviceAccounts: [...known, owner].slice(-OWNERS_MAX) };
  }
  const hash = hashOf(credential.auth);
  const known = access.secrets ?? [];
  if (known.some((one) => isSame(one, owner) && one.hash === hash)) return access;
  return { ...access, secrets: [...known.filter((one) => !isSame(one, owner)), { ...owner, hash }].slice(-OWNERS_MAX) };
}

const isSame = (a: Owner, b: Owner): boolean => a.uid === b.uid && a.namespace === b.namespace && a.name === b.name;

const hashOf = ({ username, password, auth, identityToken, registryToken }: RegistryAuth): string =>
  createHash('sha256')
    .update(JSON.stringify([username, password, auth, identityToken, registryToken]))
    .digest('hex');
