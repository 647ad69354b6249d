// Tokens of an OpenID Connect provider: a small one over HTTPS is made here.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createCa, issue } from '../../../../kit/net/index.ts';
import { type Clock, systemClock } from '../../../../kit/run/index.ts';
import { type Claims, jwkOf, type SigningKey, signingKey, signToken } from '../jwt.ts';
import { createOidc, issuerOfFlags, type JwtIssuer, parseAuthenticationConfig } from './index.ts';

const ca = createCa('oidc-ca', systemClock.nowMs());
const leaf = issue(ca, { commonName: 'issuer', ips: ['127.0.0.1'], usages: ['server'] }, systemClock.nowMs());
const newSigningKey = (): SigningKey => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return signingKey((privateKey as KeyObject).export({ type: 'pkcs8', format: 'pem' }) as string);
};

let server: Server;
let url: string;
let keys: SigningKey[];
let asked: string[];
let broken = false;
let nowMs = Date.parse('2030-01-01T00:00:00Z');
const clock: Clock = { nowMs: () => nowMs, sleep: async () => {} };

beforeAll(async () => {
  server = createServer({ cert: leaf.cert, key: leaf.key }, (request, response) => {
    asked.push(request.url ?? '');
    if (broken) return void response.writeHead(500).end();
    const document = request.url === '/keys' ? { keys: keys.map(jwkOf) } : { issuer: url, jwks_uri: `${url}/keys` };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

beforeEach(() => {
  nowMs = Date.parse('2030-01-01T00:00:00Z');
  keys = [newSigningKey()];
  asked = [];
  broken = false;
});

const issuer = (more: Partial<JwtIssuer> = {}): JwtIssuer => ({
  url,
  certificateAuthority: ca.cert,
  audiences: ['wherry'],
  algorithms: ['ES256'],
  username: { claim: 'sub', prefix: 'oidc:' },
  groups: { claim: 'groups', prefix: 'oidc:' },
  extra: [],
  requiredClaims: [],
  claimRules: [],
  userRules: [],
  ...more,
});
const token = (claims: Claims = {}, key = keys[0]!): string =>
  signToken({ iss: url, aud: 'wherry', sub: 'jane', exp: nowMs / 1000 + 60, ...claims }, key);

test('claims become a user', async () => {
  const authenticate = createOidc([issuer({ uid: { claim: 'oid', prefix: '' } })], clock);
  expect(await authenticate(token({ aud: ['other', 'wherry'], groups: ['dev', 'ops'], oid: 'u-1', jti: 'j' }))).toEqual({
    user: {
      name: 'oidc:jane',
      groups: ['oidc:dev', 'oidc:ops'],
      uid: 'u-1',
      extra: { 'authentication.kubernetes.io/credential-id': ['JTI=j'] },
    },
  });
  expect(asked).toEqual(['/.well-known/openid-configuration', '/keys']);
  expect(await authenticate(token({ groups: 'one' }))).toMatchObject({ user: { groups: ['oidc:one'] } });
  expect(asked).toHaveLength(2);
});

test.each<[string, Claims, Partial<JwtIssuer>, RegExp]>([
  ['for somebody else', { aud: 'other' }, {}, /expected audience in \["wherry"\] got \["other"\]/],
  ['too late', { exp: 1 }, {}, /token is expired/],
  ['without an end', { exp: undefined }, {}, /token is expired/],
  ['too early', { nbf: 4_000_000_000 }, {}, /before the nbf/],
  ['by another algorithm', {}, { algorithms: ['RS256'] }, /unsupported algorithm/],
  ['without a name', { sub: undefined }, {}, /claim not present/],
  ['with a name that is none', { sub: 7 }, {}, /no text/],
  ['with a name of the object prototype', {}, { username: { claim: 'toString', prefix: '' } }, /claim not present/],
  [
    'with an unchecked address',
    { email: 'a@b', email_verified: false },
    { username: { claim: 'email', prefix: '' } },
    /email not verified/,
  ],
  ['with groups that are none', { groups: [1] }, {}, /parse groups claim/],
  ['without a claim that must be there', {}, { requiredClaims: [{ claim: 'hd', value: 'x' }] }, /required claim hd not present/],
  ['with another value', { hd: 'y' }, { requiredClaims: [{ claim: 'hd', value: 'x' }] }, /Got = y, want = x/],
])('refused: %s', async (_, claims, more, error) => {
  const result = await createOidc([issuer(more)], clock)(token(claims));
  expect(result).toEqual({ error: expect.stringMatching(error) });
});

test('refused: signed by somebody else, or changed', async () => {
  const authenticate = createOidc([issuer()], clock);
  const stranger = newSigningKey();
  expect(await authenticate(token({}, stranger))).toEqual({ error: expect.stringContaining('failed to verify signature') });
  expect(await authenticate(token({}, { ...stranger, keyId: keys[0]!.keyId }))).toHaveProperty('error');
  const [head, , signature] = token().split('.');
  const body = Buffer.from(JSON.stringify({ iss: url, aud: 'wherry', sub: 'root', exp: nowMs })).toString('base64url');
  expect(await authenticate(`${head}.${body}.${signature}`)).toHaveProperty('error');
});

test('not of this issuer: somebody else may know it', async () => {
  const authenticate = createOidc([issuer()], clock);
  expect(await authenticate(token({ iss: 'https://other' }))).toBeUndefined();
  expect(await authenticate('abcdef.0123456789abcdef')).toBeUndefined();
  expect(asked).toEqual([]);
});

test('a new key is found when a token names it; unknown names do not make us ask all the time', async () => {
  const authenticate = createOidc([issuer()], clock);
  await authenticate(token());
  keys = [newSigningKey(), ...keys];
  nowMs += 6000;
  expect(await authenticate(token())).toHaveProperty('user');
  const count = asked.length;
  await Promise.all(Array.from({ length: 20 }, () => authenticate(token({}, newSigningKey()))));
  expect(asked.length).toBe(count);
  nowMs += 6000;
  await Promise.all(Array.from({ length: 20 }, () => authenticate(token({}, newSigningKey()))));
  expect(asked.length).toBe(count + 2);
});

test('a key that was withdrawn is forgotten; one that cannot be asked for stays', async () => {
  const authenticate = createOidc([issuer()], clock);
  const old = keys[0]!;
  await authenticate(token());
  broken = true;
  nowMs += 3_601_000;
  expect(await authenticate(token())).toHaveProperty('user');
  broken = false;
  keys = [newSigningKey()];
  nowMs += 6000;
  expect(await authenticate(token({}, old))).toHaveProperty('error');
});

test('an issuer that was never reached, or is another one, is an error of its tokens alone', async () => {
  broken = true;
  expect(await createOidc([issuer()], clock)(token())).toEqual({ error: expect.stringContaining('is not initialized') });
  broken = false;
  const other = createOidc([issuer({ url: `${url}/x` })], clock);
  expect(await other(token({ iss: `${url}/x` }))).toEqual({ error: expect.stringContaining('issuer did not match') });
  const { certificateAuthority: _, ...untrusted } = issuer();
  expect(await createOidc([untrusted], clock)(token())).toHaveProperty('error');
});

describe('configuration', () => {
  const parse = (jwt: unknown, more: object = {}) =>
    parseAuthenticationConfig(
      'file',
      JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration', jwt, ...more }),
      'https://own',
    );
  const good = {
    issuer: { url: 'https://a.example', audiences: ['x'] },
    claimMappings: { username: { claim: 'sub', prefix: '' }, groups: { claim: 'g', prefix: 'g:' }, uid: { claim: 'oid' } },
    claimValidationRules: [{ claim: 'hd', requiredValue: 'y' }],
  };

  test('a whole one', () => {
    const config = parse([good], { anonymous: { enabled: true, conditions: [{ path: '/livez' }] } });
    expect(config.anonymous).toEqual({ enabled: true, paths: ['/livez'] });
    expect(config.issuers[0]).toMatchObject({
      url: 'https://a.example',
      username: { claim: 'sub', prefix: '' },
      groups: { claim: 'g', prefix: 'g:' },
      uid: { claim: 'oid', prefix: '' },
      requiredClaims: [{ claim: 'hd', value: 'y' }],
    });
  });

  test.each<[unknown, string]>([
    [[{}], 'jwt[0].issuer.url: Required value: URL is required'],
    [[{ ...good, issuer: { url: 'http://a', audiences: ['x'] } }], 'URL scheme must be https'],
    [[{ ...good, issuer: { url: 'https://own', audiences: ['x'] } }], 'URL must not overlap with disallowed issuers: [https://own]'],
    [[{ ...good, issuer: { url: 'https://a' } }], 'at least one jwt[0].issuer.audiences is required'],
    [[{ ...good, issuer: { url: 'https://a', audiences: ['x', 'y'] } }], 'audienceMatchPolicy must be MatchAny for multiple audiences'],
    [[{ ...good, claimMappings: {} }], 'jwt[0].claimMappings.username: Required value: claim or expression is required'],
    [[{ ...good, claimMappings: { username: { claim: 'sub' } } }], 'prefix is required when claim is set'],
    [[{ ...good, issuer: { ...good.issuer, certificateAuthority: 'x' } }], 'data does not contain any valid RSA or ECDSA certificates'],
    [[good, good], 'jwt[1].issuer.url: Duplicate value: "https://a.example"'],
  ])('refused: %j', (jwt, text) => {
    expect(() => parse(jwt)).toThrow(text);
  });

  const withMappings = (claimMappings: object, more: object = {}) => [{ ...good, claimMappings, ...more }];

  test('expressions over claims and over the user', async () => {
    const { issuers } = parse([
      {
        issuer: { url, certificateAuthority: ca.cert, audiences: ['wherry'] },
        claimMappings: {
          username: { expression: 'claims.sub + "@" + claims.tenant' },
          groups: { expression: 'claims.roles.split(",").map(r, "team:" + r)' },
          uid: { expression: 'claims.oid' },
          extra: [
            { key: 'example.com/tenant', valueExpression: 'claims.tenant' },
            { key: 'example.com/none', valueExpression: '""' },
          ],
        },
        claimValidationRules: [{ expression: 'claims.exp - claims.iat <= 3600', message: 'tokens live an hour at most' }],
        userValidationRules: [{ expression: '!user.username.startsWith("system:")', message: 'reserved' }],
      },
    ]);
    const authenticate = createOidc(issuers, clock);
    const iat = nowMs / 1000;
    const claims = { tenant: 't1', roles: 'a,b', oid: 'o', iat };
    expect(await authenticate(token(claims))).toEqual({
      user: { name: 'jane@t1', groups: ['team:a', 'team:b'], uid: 'o', extra: { 'example.com/tenant': ['t1'] } },
    });
    const refusal = async (more: Claims) => ((await authenticate(token({ ...claims, ...more }))) as { error: string }).error;
    expect(await refusal({ iat: iat - 4000 })).toContain('failed: tokens live an hour at most');
    expect(await refusal({ sub: 'system:x' })).toContain('validation expression \'!user.username.startsWith("system:")\' failed: reserved');
    expect(await refusal({ tenant: undefined })).toBe('oidc: error evaluating username claim expression: no such key: tenant');
    expect(await refusal({ oid: 7 })).toContain('error evaluating uid claim expression');
  });

  test.each<[object, string]>([
    [{ username: { expression: 'claims.' } }, 'jwt[0].claimMappings.username.expression: Invalid value: "claims.": compilation failed'],
    [{ username: { expression: '1' } }, 'must evaluate to string'],
    [{ username: { expression: 'claims.sub', prefix: 'x' } }, "prefix can't be set when expression is set"],
    [{ username: { claim: 'a', expression: 'claims.sub' } }, "claim and expression can't both be set"],
    [{ username: { expression: 'claims.email' } }, 'claims.email_verified must be used'],
    [{ ...good.claimMappings, groups: { expression: '1' } }, 'must evaluate to string or list of strings'],
    [{ ...good.claimMappings, extra: [{ key: 'x', valueExpression: 'claims.a' }] }, 'must be a domain-prefixed path'],
    [{ ...good.claimMappings, extra: [{ key: 'a.k8s.io/x', valueExpression: 'claims.a' }] }, 'are reserved for Kubernetes use'],
    [{ ...good.claimMappings, extra: [{ key: 'a.io/X', valueExpression: 'claims.a' }] }, 'key must be lowercase'],
  ])('refused mappings: %j', (mappings, text) => {
    expect(() => parse(withMappings(mappings))).toThrow(text);
  });

  test('the classic settings', () => {
    const flags = { issuerUrl: 'https://a', clientId: 'x' };
    expect(issuerOfFlags(flags, 'own')).toMatchObject({ username: { claim: 'sub', prefix: 'https://a#' }, algorithms: ['RS256'] });
    expect(issuerOfFlags({ ...flags, usernameClaim: 'email' }, 'own').username).toEqual({ claim: 'email', prefix: '' });
    expect(issuerOfFlags({ ...flags, usernamePrefix: '-' }, 'own').username).toEqual({ claim: 'sub', prefix: '' });
    expect(issuerOfFlags({ ...flags, groupsClaim: 'g', groupsPrefix: 'p:' }, 'own').groups).toEqual({ claim: 'g', prefix: 'p:' });
    expect(() => issuerOfFlags({ ...flags, issuerUrl: 'http://a' }, 'own')).toThrow('https');
  });
});
