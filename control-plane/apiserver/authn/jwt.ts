// JSON web tokens signed with ES256 (RFC 7515, 7518) and the JWK of their key.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

export type Claims = Record<string, unknown>;

/** A public key that verifies, with its identifier. */
export interface VerifyingKey {
  keyId: string;
  key: KeyObject;
}

export interface SigningKey extends VerifyingKey {
  privateKey: KeyObject;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Identifier of a public key: hash of its DER. */
const keyIdOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url');

/** `pem`: EC P-256 private key. */
export function signingKey(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem);
  const key = createPublicKey(privateKey);
  return { keyId: keyIdOf(key), key, privateKey };
}

export function signToken(claims: Claims, key: SigningKey): string {
  const body = `${encode({ alg: 'ES256', kid: key.keyId })}.${encode(claims)}`;
  return `${body}.${sign('sha256', Buffer.from(body), { key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** The claims of a token whose signature holds; undefined for anything else. Says nothing about time, issuer or audience. */
export function verifyToken(token: string, keys: readonly VerifyingKey[]): Claims | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  const [header, claims, signature] = parts as [string, string, string];
  try {
    const { alg, kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg?: string; kid?: string };
    if (alg !== 'ES256') return undefined;
    const signed = Buffer.from(`${header}.${claims}`);
    const bytes = Buffer.from(signature, 'base64url');
    const holds = keys.some(
      ({ keyId, key }) => (kid === undefined || kid === keyId) && verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, bytes),
    );
    return holds ? (JSON.parse(Buffer.from(claims, 'base64url').toString()) as Claims) : undefined;
  } catch {
    return undefined;
  }
}

/** The key as a JWK for the key set. */
export const jwkOf = ({ keyId, key }: VerifyingKey): object => ({ use: 'sig', kid: keyId, alg: 'ES256', ...key.export({ format: 'jwk' }) });
