// JSON web tokens (RFC 7515, 7518): signed with our own key, verified with any key that somebody publishes; JWKs of keys.
import { constants, createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

export type Claims = Record<string, unknown>;

/** A public key that verifies, with its identifier. */
export interface VerifyingKey {
  keyId: string;
  key: KeyObject;
}

export interface SigningKey extends VerifyingKey {
  privateKey: KeyObject;
}

interface Algorithm {
  hash: string;
  type: 'rsa' | 'ec';
  /** Probabilistic padding. */
  pss?: true;
  curve?: string;
}

/** What OpenID Connect providers sign with; `none` and shared secrets are not among them. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  RS256: { hash: 'sha256', type: 'rsa' },
  RS384: { hash: 'sha384', type: 'rsa' },
  RS512: { hash: 'sha512', type: 'rsa' },
  PS256: { hash: 'sha256', type: 'rsa', pss: true },
  PS384: { hash: 'sha384', type: 'rsa', pss: true },
  PS512: { hash: 'sha512', type: 'rsa', pss: true },
  ES256: { hash: 'sha256', type: 'ec', curve: 'prime256v1' },
  ES384: { hash: 'sha384', type: 'ec', curve: 'secp384r1' },
  ES512: { hash: 'sha512', type: 'ec', curve: 'secp521r1' },
};
export const algorithmNames: readonly string[] = Object.keys(ALGORITHMS);

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Identifier of a public key: hash of its DER. */
const keyIdOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url');

/** `pem`: RSA or EC P-256 private key. */
export function signingKey(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem);
  const key = createPublicKey(privateKey);
  return { keyId: keyIdOf(key), key, privateKey };
}

/** With which algorithm a key of ours signs. */
export const algorithmOf = ({ key }: VerifyingKey): 'RS256' | 'ES256' => (key.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256');

export function signToken(claims: Claims, key: SigningKey): string {
  const body = `${encode({ alg: algorithmOf(key), kid: key.keyId })}.${encode(claims)}`;
  return `${body}.${sign('sha256', Buffer.from(body), { key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** A token taken apart; nothing of it is true yet. */
export interface Unverified {
  algorithm: string;
  keyId: string | undefined;
  claims: Claims;
  signed: Buffer;
  signature: Buffer;
}

/** Undefined for what has not the form of a token. */
export function parseToken(token: string): Unverified | undefined {
  const [header, claims, signature, more] = token.split('.');
  if (header === undefined || claims === undefined || signature === undefined || more !== undefined) return undefined;
  try {
    const { alg, kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg?: unknown; kid?: unknown };
    const body = JSON.parse(Buffer.from(claims, 'base64url').toString()) as unknown;
    if (typeof alg !== 'string' || typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
    return {
      algorithm: alg,
      keyId: typeof kid === 'string' ? kid : undefined,
      claims: body as Claims,
      signed: Buffer.from(`${header}.${claims}`),
      signature: Buffer.from(signature, 'base64url'),
    };
  } catch {
    return undefined;
  }
}

/** Whether the key made the signature, by the algorithm that the token names and that is one for this kind of key. */
export function isSignedBy({ algorithm, signed, signature }: Unverified, key: KeyObject): boolean {
  const how = Object.hasOwn(ALGORITHMS, algorithm) ? ALGORITHMS[algorithm]! : undefined;
  if (how === undefined || key.asymmetricKeyType !== how.type) return false;
  if (how.curve !== undefined && key.asymmetricKeyDetails?.namedCurve !== how.curve) return false;
  const padding = how.pss ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {};
  try {
    return verify(how.hash, signed, { key, dsaEncoding: 'ieee-p1363', ...padding }, signature);
  } catch {
    return false; // a signature that is none of this key
  }
}

/** The claims of a token of our own whose signature holds; undefined for anything else. Says nothing about time, issuer or audience. */
export function verifyToken(token: string, keys: readonly VerifyingKey[]): Claims | undefined {
  const parsed = parseToken(token);
  if (!parsed) return undefined;
  const holds = keys.some(
    (one) =>
      parsed.algorithm === algorithmOf(one) && (parsed.keyId === undefined || parsed.keyId === one.keyId) && isSignedBy(parsed, one.key),
  );
  return holds ? parsed.claims : undefined;
}

/** The key as a JWK for the key set. */
export const jwkOf = (key: VerifyingKey): object => ({
  use: 'sig',
  kid: key.keyId,
  alg: algorithmOf(key),
  ...key.key.export({ format: 'jwk' }),
});
