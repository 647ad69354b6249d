import { constants, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { newKey } from '../../../kit/net/index.ts';
import { isSignedBy, jwkOf, parseToken, signingKey, signToken, verifyToken } from './jwt.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const curves = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' } as const;
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function signed(alg: string, key: Parameters<typeof sign>[2] & object, hash: string): string {
  const body = `${encode({ alg })}.${encode({ sub: 'x' })}`;
  return `${body}.${sign(hash, Buffer.from(body), key).toString('base64url')}`;
}

test.each(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'])('%s', (alg) => {
  const padding = alg.startsWith('PS') ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {};
  const token = parseToken(signed(alg, { key: rsa.privateKey, ...padding }, `sha${alg.slice(2)}`))!;
  expect(isSignedBy(token, rsa.publicKey)).toBe(true);
  expect(isSignedBy({ ...token, algorithm: 'RS256', signed: Buffer.from('other') }, rsa.publicKey)).toBe(false);
  expect(isSignedBy(token, generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)).toBe(false);
});

test.each(Object.entries(curves))('%s', (alg, namedCurve) => {
  const pair = generateKeyPairSync('ec', { namedCurve });
  const token = parseToken(signed(alg, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }, `sha${alg.slice(2)}`))!;
  expect(isSignedBy(token, pair.publicKey)).toBe(true);
  expect(isSignedBy({ ...token, algorithm: alg === 'ES256' ? 'ES384' : 'ES256' }, pair.publicKey)).toBe(false);
});

test('no shared secrets and no unsigned tokens: the public key is no secret', () => {
  const body = `${encode({ alg: 'HS256' })}.${encode({})}`;
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
  const hmac = parseToken(`${body}.${createHmac('sha256', pem).update(body).digest('base64url')}`)!;
  expect(isSignedBy(hmac, rsa.publicKey)).toBe(false);
  expect(isSignedBy(parseToken(`${encode({ alg: 'none' })}.${encode({})}.`)!, rsa.publicKey)).toBe(false);
  expect(isSignedBy({ ...hmac, algorithm: 'constructor' }, rsa.publicKey)).toBe(false);
});

test.each(['', 'a.b', 'a.b.c', 'a.b.c.d', `${encode({ alg: 1 })}.${encode({})}.x`, `${encode({ alg: 'RS256' })}.${encode([])}.x`])(
  'no token: %j',
  (text) => {
    expect(parseToken(text)).toBeUndefined();
  },
);

test('tokens of our own, with a key of either kind', () => {
  const keys = [signingKey(rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string), signingKey(newKey())];
  for (const key of keys) {
    expect(verifyToken(signToken({ sub: 'y' }, key), keys)).toEqual({ sub: 'y' });
    expect(verifyToken(signToken({ sub: 'y' }, key), [signingKey(newKey())])).toBeUndefined();
  }
  expect(jwkOf(keys[0]!)).toMatchObject({ use: 'sig', alg: 'RS256', kty: 'RSA', e: 'AQAB' });
  expect(jwkOf(keys[1]!)).toMatchObject({ use: 'sig', alg: 'ES256', kty: 'EC', crv: 'P-256' });
});
