import { beforeEach, expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import { newKey } from '../../../kit/net/index.ts';
import type { Clock } from '../../../kit/run/index.ts';
import { fakeReader } from '../fake-reader.ts';
import type { ApiRequest } from '../request.ts';
import { type Authenticator, createAuthenticator } from './authenticator.ts';
import { signingKey, signToken } from './jwt.ts';
import { claimsFor } from './service-account-token.ts';

const key = signingKey(newKey());
const issuer = 'https://kubernetes.default.svc';
const start = Date.parse('2030-01-01T00:00:00Z');
let nowMs = start;
const clock: Clock = { nowMs: () => nowMs, sleep: async () => {} };

const object = (kind: string, name: string, namespace: string, uid: string, more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace, uid },
  ...more,
});
let objects: KubeObject[];
let authenticator: Authenticator;

beforeEach(() => {
  nowMs = start;
  objects = [
    object('ServiceAccount', 'robot', 'a', 'sa-uid'),
    object('Pod', 'p', 'a', 'pod-uid', { spec: { serviceAccountName: 'robot' } }),
    object('Secret', 'bootstrap-token-abcdef', 'kube-system', 's', {
      type: 'bootstrap.kubernetes.io/token',
      data: Object.fromEntries(
        Object.entries({
          'token-id': 'abcdef',
          'token-secret': '0123456789abcdef',
          'usage-bootstrap-authentication': 'true',
          expiration: '2030-01-01T01:00:00Z',
        }).map(([k, v]) => [k, Buffer.from(v).toString('base64')]),
      ),
    }),
  ];
  authenticator = createAuthenticator({
    reader: fakeReader(objects),
    clock,
    signingKey: key,
    issuer,
    staticTokens: { fixed: { name: 'static', groups: ['g'] } },
  });
});

const token = (more: Partial<Parameters<typeof claimsFor>[0]> = {}, by = key): string =>
  signToken(
    claimsFor({
      issuer,
      audiences: [issuer],
      apiAudiences: [issuer],
      expirationSeconds: 3600,
      bound: { namespace: 'a', serviceaccount: { name: 'robot', uid: 'sa-uid' } },
      tokenId: 'id',
      nowSeconds: start / 1000,
      ...more,
    }),
    by,
  );
const bound = { namespace: 'a', serviceaccount: { name: 'robot', uid: 'sa-uid' }, pod: { name: 'p', uid: 'pod-uid' } };

test('a token says which account asks, and from which pod', async () => {
  const result = await authenticator.authenticateToken(token({ bound }));
  expect(result).toEqual({
    audiences: [issuer],
    user: {
      name: 'system:serviceaccount:a:robot',
      uid: 'sa-uid',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:a', 'system:authenticated'],
      extra: {
        'authentication.kubernetes.io/credential-id': ['JTI=id'],
        'authentication.kubernetes.io/pod-name': ['p'],
        'authentication.kubernetes.io/pod-uid': ['pod-uid'],
      },
    },
  });
});

test.each<[string, () => string, string]>([
  ['nonsense', () => 'nope', 'invalid bearer token'],
  ['another key', () => token({}, signingKey(newKey())), 'invalid bearer token'],
  ['a changed claim', () => token().replace(/\.[^.]+\./, `.${Buffer.from('{"iss":"x"}').toString('base64url')}.`), 'invalid bearer token'],
  ['another issuer', () => token({ issuer: 'x' }), 'invalid bearer token'],
  [
    'another audience',
    () => token({ audiences: ['vault'] }),
    `[invalid bearer token, token audiences ["vault"] is invalid for the target audiences ["${issuer}"]]`,
  ],
  [
    'an account made anew',
    () => token({ bound: { ...bound, serviceaccount: { name: 'robot', uid: 'old' } } }),
    '[invalid bearer token, service account token has been invalidated]',
  ],
  [
    'a pod that is gone',
    () => token({ bound: { ...bound, pod: { name: 'p', uid: 'old' } } }),
    '[invalid bearer token, service account token has been invalidated]',
  ],
])('refused: %s', async (_, make, error) => {
  expect(await authenticator.authenticateToken(make())).toEqual({ error });
});

test('time passes: a token expires, a remembered one too; legacy ones of pods live a year', async () => {
  const short = token();
  const legacy = token({ bound, expirationSeconds: 3607 });
  const forTwo = token({ bound, expirationSeconds: 3607, audiences: [issuer, 'vault'] });
  expect(await authenticator.authenticateToken(short)).toHaveProperty('user');
  nowMs = start + 3_608_000;
  expect(await authenticator.authenticateToken(short)).toHaveProperty('error');
  expect(await authenticator.authenticateToken(forTwo)).toHaveProperty('error');
  nowMs = start + 300 * 86_400_000;
  expect(await authenticator.authenticateToken(legacy)).toHaveProperty('user');
});

test('a deleted pod takes its tokens along', async () => {
  const mine = token({ bound });
  expect(await authenticator.authenticateToken(mine)).toHaveProperty('user');
  objects.splice(1, 1);
  expect(await authenticator.authenticateToken(mine)).toHaveProperty('error');
});

test('bootstrap tokens join nodes until they expire', async () => {
  expect(await authenticator.authenticateToken('abcdef.0123456789abcdef')).toMatchObject({
    user: { name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers', 'system:authenticated'] },
  });
  expect(await authenticator.authenticateToken('abcdef.0123456789abcdee')).toHaveProperty('error');
  nowMs = start + 3_601_000;
  expect(await authenticator.authenticateToken('abcdef.0123456789abcdef')).toHaveProperty('error');
});

const request = (more: Partial<ApiRequest>): ApiRequest => ({ headers: {}, ...more }) as ApiRequest;

test.each<[string, Partial<ApiRequest>, object | undefined]>([
  ['nothing', {}, undefined],
  [
    'a certificate',
    { peer: { commonName: 'jane', organizations: ['dev'], issuer: 'ca' } },
    { name: 'jane', groups: ['dev', 'system:authenticated'] },
  ],
  [
    'a certificate with a user id',
    { peer: { commonName: 'jane', organizations: [], uids: ['7'], fingerprint: 'ab12', issuer: 'ca' } },
    {
      name: 'jane',
      uid: '7',
      groups: ['system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': ['X509SHA256=ab12'] },
    },
  ],
  ['a fixed token', { headers: { authorization: 'bearer fixed' } }, { name: 'static', groups: ['g', 'system:authenticated'] }],
  [
    'a token as a WebSocket protocol',
    {
      headers: {
        'sec-websocket-protocol': `v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.${Buffer.from('fixed').toString('base64url')}`,
      },
    },
    { name: 'static', groups: ['g', 'system:authenticated'] },
  ],
  ['basic authentication', { headers: { authorization: 'Basic abc' } }, undefined],
  ['an empty token', { headers: { authorization: 'Bearer' } }, undefined],
])('%s', async (_, more, user) => {
  expect(await authenticator.authenticate(request(more))).toEqual(user);
});

test('a wrong token is 401, not anonymous', async () => {
  await expect(authenticator.authenticate(request({ headers: { authorization: 'Bearer nope' } }))).rejects.toMatchObject({
    code: 401,
    message: 'Unauthorized',
  });
});

test('a certificate that cannot be verified makes nobody anonymous, and is forgiven to the holder of a token', async () => {
  await expect(authenticator.authenticate(request({ badPeer: true }))).rejects.toMatchObject({ code: 401 });
  await expect(authenticator.authenticate(request({ badPeer: true, headers: { authorization: 'Bearer fixed' } }))).resolves.toMatchObject({
    name: 'static',
  });
});

test.each([[['7', '8']], [['']]])('a certificate with the user ids %o is refused', async (uids) => {
  const peer = { commonName: 'jane', organizations: [], uids, issuer: 'ca' };
  await expect(authenticator.authenticate(request({ peer }))).rejects.toMatchObject({ code: 401 });
});
