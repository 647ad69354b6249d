import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { detachedSignature, expiryOf, signed, signerOf } from './tokens.ts';

const start = Date.parse('2030-01-01T00:00:00Z');
const secret = (data: Record<string, string>, more: object = {}) => ({
  type: 'bootstrap.kubernetes.io/token',
  metadata: { name: 'bootstrap-token-abcdef' },
  data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
  ...more,
});
const good = { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-signing': 'true' };
const signer = { id: 'abcdef', key: '0123456789abcdef' };

test.each<[string, ReturnType<typeof secret>, object | undefined]>([
  ['a token that may', secret(good), signer],
  ['with time left', secret({ ...good, expiration: '2030-01-01T00:00:01Z' }), signer],
  ['too late', secret({ ...good, expiration: '2030-01-01T00:00:00Z' }), undefined],
  ['at no time', secret({ ...good, expiration: 'soon' }), undefined],
  ['that may not', secret({ ...good, 'usage-bootstrap-signing': 'false' }), undefined],
  ['of another name', secret(good, { metadata: { name: 'bootstrap-token-x' } }), undefined],
  ['of another type', secret(good, { type: 'Opaque' }), undefined],
  ['that goes', secret(good, { metadata: { name: 'bootstrap-token-abcdef', deletionTimestamp: 'x' } }), undefined],
])('signs: %s', (_, one, expected) => {
  expect(signerOf(one as Parameters<typeof signerOf>[0], start)).toEqual(expected);
});

test('a detached signature: header, nothing, signature of both', () => {
  const [header, payload, signature] = detachedSignature('content', signer).split('.');
  expect(JSON.parse(Buffer.from(header!, 'base64url').toString())).toEqual({ alg: 'HS256', kid: 'abcdef' });
  expect(payload).toBe('');
  const whole = `${header}.${Buffer.from('content').toString('base64url')}`;
  expect(signature).toBe(createHmac('sha256', signer.key).update(whole).digest('base64url'));
});

test('signatures of former tokens go, those that are right stay', () => {
  const first = signed({ kubeconfig: 'k', 'jws-kubeconfig-000000': 'old', other: 'x' }, [signer])!;
  expect(Object.keys(first).sort()).toEqual(['jws-kubeconfig-abcdef', 'kubeconfig', 'other']);
  expect(signed(first, [signer])).toBeUndefined();
  expect(signed(first, [])).toEqual({ kubeconfig: 'k', other: 'x' });
  expect(signed({ other: 'x' }, [signer])).toBeUndefined();
});

test('expiry', () => {
  expect(expiryOf(secret({ expiration: '2030-01-01T00:00:00Z' }))).toBe(start);
  expect(expiryOf(secret({}))).toBeUndefined();
});
