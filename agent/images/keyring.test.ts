// Which entries of a pull secret are for an image: hosts, wildcards, paths, and Docker's own name.
import { expect, test } from 'vitest';
import { pullSecretAuths } from './keyring.ts';

const secret = (auths: object, key = '.dockerconfigjson') => ({
  [key]: Buffer.from(JSON.stringify(key === '.dockercfg' ? auths : { auths })).toString('base64'),
});

test.each([
  ['registry.io', 'registry.io/a:1', true],
  ['https://registry.io', 'registry.io/a:1', true],
  ['https://registry.io/v2/', 'registry.io/a:1', true],
  ['registry.io/team', 'registry.io/team/a:1', true],
  ['registry.io/other', 'registry.io/team/a:1', false],
  ['registry.io:5000', 'registry.io:5000/a', true],
  ['registry.io:5000', 'registry.io/a', false],
  ['*.registry.io', 'eu.registry.io/a', true],
  ['https://index.docker.io/v1/', 'nginx', true],
  ['docker.io', 'wherry/tools:1', true],
  ['registry.io', 'nginx', false],
])('%s is for %s: %s', (server, image, expected) => {
  const auth = { username: 'u', password: 'p' };
  expect(pullSecretAuths(secret({ [server]: auth }), image)).toEqual(expected ? [auth] : []);
  expect(pullSecretAuths(secret({ [server]: auth }, '.dockercfg'), image)).toEqual(expected ? [auth] : []);
});

test('the most exact entry comes first', () => {
  const auths = { 'a.io': { auth: 'host' }, 'a.io/x/y': { auth: 'image' }, 'a.io/x': { auth: 'team' } };
  expect(pullSecretAuths(secret(auths), 'a.io/x/y:1').map(({ auth }) => auth)).toEqual(['image', 'team', 'host']);
});

test.each([
  ['no JSON', { '.dockerconfigjson': 'e30=x' }],
  ['another kind of secret', { password: 'eA==' }],
  ['no entries', { '.dockerconfigjson': Buffer.from('{}').toString('base64') }],
])('%s: none', (_, data) => expect(pullSecretAuths(data, 'a.io/x')).toEqual([]));
