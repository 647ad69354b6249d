// Credentials for pulling an image, in kubelet's order: of the pod's pull secrets, then of the node's credential providers.
import { matchesImage } from './image-pattern.ts';
import { parseReference, repositoryName } from './reference.ts';
import type { RegistryAuth } from './registry-login.ts';

/** Whose credentials are: the identity of a secret or a service account. */
export interface Owner {
  kind: 'Secret' | 'ServiceAccount';
  uid: string;
  namespace: string;
  name: string;
}

/** What may open an image's registry. */
export interface PullCredential {
  auth: RegistryAuth;
  /** Absent: the node itself. */
  owner?: Owner;
}

/** `data` of a secret: base64, as the API carries it. */
type SecretData = Readonly<Record<string, string>>;

/** A secret that a pod names for its pulls. */
export interface PullSecret {
  uid: string;
  namespace: string;
  name: string;
  data: SecretData;
}

export const pullSecretCredentials = ({ data, uid, namespace, name }: PullSecret, image: string): PullCredential[] =>
  pullSecretAuths(data, image).map((auth) => ({ auth, owner: { kind: 'Secret', uid, namespace, name } }));

/** Those of a pull secret (kubernetes.io/dockerconfigjson or dockercfg) that are for the image, the most exact first; a broken secret has none. */
export function pullSecretAuths(data: SecretData, image: string): RegistryAuth[] {
  const repository = repositoryName(parseReference(image));
  return entriesOf(data)
    .map(([server, auth]): [string, RegistryAuth] => [patternOf(server), auth])
    .filter(([pattern]) => matchesImage(pattern, repository))
    .sort(([a], [b]) => (a < b ? 1 : a > b ? -1 : 0))
    .map(([, auth]) => auth);
}

function entriesOf(data: SecretData): [string, RegistryAuth][] {
  const json = data['.dockerconfigjson'] ?? data['.dockercfg'];
  if (json === undefined) return [];
  try {
    const parsed = JSON.parse(Buffer.from(json, 'base64').toString()) as { auths?: Record<string, RegistryAuth> };
    return Object.entries((data['.dockerconfigjson'] ? parsed.auths : (parsed as Record<string, RegistryAuth>)) ?? {});
  } catch {
    return [];
  }
}

/** `https://index.docker.io/v1/` is `docker.io`, as image names have it; other paths stay, without the API's version. */
function patternOf(server: string): string {
  const [host = '', ...path] = server.replace(/^https?:\/\//, '').split('/');
  const rest = path.filter((part, index) => part !== '' && !(index === 0 && /^v[12]$/.test(part)));
  return [host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host, ...rest].join('/');
}
