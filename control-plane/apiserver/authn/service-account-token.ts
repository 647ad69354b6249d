// Tokens of service accounts: what they claim, and whether what they are bound to still exists.
import type { KubeObject } from '../../../api/meta/index.ts';
import type { Reader, UserInfo } from '../request.ts';
import type { Claims } from './jwt.ts';

/** A token that lives on after deletion of what it is bound to would outlive the pod's grace: upstream allows this long. */
const DELETED_LEEWAY_SECONDS = 60;
/** Client libraries that never reload their token: tokens of pods asked for this many seconds live a year, with a warning time. */
const LEGACY_EXPIRATION_SECONDS = 3607;
const YEAR_SECONDS = 365 * 24 * 3600;

const PREFIX = 'system:serviceaccount:';

/** Key of a user's extra, and of the audit log: which token or certificate it was. */
export const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';
export const credentialIdOf = (tokenId: string): string => `JTI=${tokenId}`;

export interface ObjectReference {
  name: string;
  uid: string;
}

/** The private claim `kubernetes.io`. */
export interface BoundClaims {
  namespace: string;
  serviceaccount: ObjectReference;
  pod?: ObjectReference;
  secret?: ObjectReference;
  node?: ObjectReference;
  /** Seconds since the epoch after which the holder should have a newer token. */
  warnafter?: number;
}

export const serviceAccountUserName = (namespace: string, name: string): string => `${PREFIX}${namespace}:${name}`;

/** Groups of a service account, without system:authenticated. */
export const serviceAccountGroups = (namespace: string): string[] => ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];

/** Namespace and name from a user name, when it is a service account's. */
export function parseServiceAccountUserName(user: string): { namespace: string; name: string } | undefined {
  if (!user.startsWith(PREFIX)) return undefined;
  const [namespace, name, extra] = user.slice(PREFIX.length).split(':');
  return namespace && name && extra === undefined ? { namespace, name } : undefined;
}

export interface NewToken {
  issuer: string;
  audiences: readonly string[];
  /** Of the API server: a token for somebody else too is never extended. */
  apiAudiences: readonly string[];
  /** Seconds of life that were asked for. */
  expirationSeconds: number;
  bound: BoundClaims;
  tokenId: string;
  nowSeconds: number;
}

/** The claims of a new token. Pods' legacy expirations are extended to a year, as upstream does by default. */
export function claimsFor({ issuer, audiences, apiAudiences, expirationSeconds, bound, tokenId, nowSeconds }: NewToken): Claims {
  const { namespace, node, pod, secret, serviceaccount } = bound;
  const forApi = audiences.every((audience) => apiAudiences.includes(audience));
  const extended = pod !== undefined && expirationSeconds === LEGACY_EXPIRATION_SECONDS && forApi;
  return {
    aud: audiences,
    exp: nowSeconds + (extended ? YEAR_SECONDS : expirationSeconds),
    iat: nowSeconds,
    iss: issuer,
    jti: tokenId,
    'kubernetes.io': {
      namespace,
      ...(node ? { node } : {}),
      ...(pod ? { pod } : {}),
      ...(secret ? { secret } : {}),
      serviceaccount,
      ...(extended ? { warnafter: nowSeconds + expirationSeconds } : {}),
    },
    nbf: nowSeconds,
    sub: serviceAccountUserName(bound.namespace, bound.serviceaccount.name),
  };
}

/** The time rules; undefined when the token may be used now. */
export function timeProblem(claims: Claims, nowSeconds: number): string | undefined {
  if (typeof claims['exp'] !== 'number' || nowSeconds > claims['exp']) return 'service account token has expired';
  if (typeof claims['nbf'] === 'number' && nowSeconds + 10 < claims['nbf']) return 'service account token is not valid yet';
  return undefined;
}

function gone(object: KubeObject | undefined, uid: string, nowSeconds: number): boolean {
  if (!object || object.metadata.uid !== uid) return true;
  const deleted = object.metadata.deletionTimestamp;
  return deleted !== undefined && Date.parse(deleted) / 1000 + DELETED_LEEWAY_SECONDS < nowSeconds;
}

/** The object from the cache; one that is not the expected is looked up once more in the store, as the cache may lag behind. */
async function read(reader: Reader, plural: string, namespace: string, ref: ObjectReference): Promise<KubeObject | undefined> {
  const resource = { group: '', plural };
  const cached = reader.get(resource, namespace, ref.name);
  return cached?.metadata.uid === ref.uid ? cached : reader.getFresh(resource, namespace, ref.name);
}

/** The account behind the claims, or why not: account, pod, secret and node must be the very ones that the token was made for. */
export async function userOfClaims(claims: Claims, reader: Reader, nowSeconds: number): Promise<UserInfo | string> {
  const bound = claims['kubernetes.io'] as BoundClaims | undefined;
  if (!bound?.namespace || !bound.serviceaccount?.name) return 'service account token lacks its claims';
  const { namespace, serviceaccount, pod, secret, node } = bound;
  const account = await read(reader, 'serviceaccounts', namespace, serviceaccount);
  if (gone(account, serviceaccount.uid, nowSeconds)) return 'service account token has been invalidated';
  if (secret && gone(await read(reader, 'secrets', namespace, secret), secret.uid, nowSeconds))
    return 'service account token has been invalidated';
  if (pod && gone(await read(reader, 'pods', namespace, pod), pod.uid, nowSeconds)) return 'service account token has been invalidated';
  if (node && !pod && gone(await read(reader, 'nodes', '', node), node.uid, nowSeconds))
    return 'service account token has been invalidated';
  const extra: Record<string, string[]> = {};
  const note = (key: string, value: unknown): void => {
    if (typeof value === 'string' && value !== '') extra[key] = [value];
  };
  if (typeof claims['jti'] === 'string') note(CREDENTIAL_ID, credentialIdOf(claims['jti']));
  note('authentication.kubernetes.io/node-name', node?.name);
  note('authentication.kubernetes.io/node-uid', node?.uid);
  note('authentication.kubernetes.io/pod-name', pod?.name);
  note('authentication.kubernetes.io/pod-uid', pod?.uid);
  return {
    name: serviceAccountUserName(namespace, serviceaccount.name),
    uid: serviceaccount.uid,
    groups: serviceAccountGroups(namespace),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}
