// Credential providers: patterns and configuration as tables, the exec protocol with a provider made of sh.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import { CredentialProviders, matchesImage, parseCredentialProviders } from './credential-providers.ts';

const folder = mkdtempSync(`${tmpdir()}/wherry-providers-`);
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ['registry.io', 'registry.io/a/b:1', true],
  ['registry.io/a', 'registry.io/a/b:1', true],
  ['registry.io/c', 'registry.io/a/b:1', false],
  ['*.io', 'registry.io/a', true],
  ['*.registry.io', 'registry.io/a', false],
  ['*.dkr.*.com', '123.dkr.eu-1.com/x', true],
  ['app*.k8s.io', 'app1.k8s.io/x', true],
  ['registry.io:8080', 'registry.io:8080/a', true],
  ['registry.io:8080', 'registry.io/a', false],
  ['registry.io', 'registry.io:8080/a', false],
  ['*', 'registry.io/a', false],
])('%s matches %s: %s', (pattern, image, expected) => expect(matchesImage(pattern, image)).toBe(expected));

const config = (provider: object) =>
  JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1',
    kind: 'CredentialProviderConfig',
    providers: [
      { name: 'p', matchImages: ['*.io'], defaultCacheDuration: '10m', apiVersion: 'credentialprovider.kubelet.k8s.io/v1', ...provider },
    ],
  });

test.each([
  ['kind: Other', /expected kind CredentialProviderConfig/],
  [config({ name: '../sh' }), /providers\[0\].name/],
  [config({ matchImages: [] }), /matchImages/],
  [config({ apiVersion: 'v1' }), /apiVersion: must be credentialprovider/],
  [config({ defaultCacheDuration: 'soon' }), /defaultCacheDuration: must be a duration/],
])('%s is refused', (text, error) => expect(() => parseCredentialProviders(text)).toThrow(error));

test('a provider is asked once an hour about a registry; the exact pattern comes first; a failing one is left out', async () => {
  const response = {
    kind: 'CredentialProviderResponse',
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    cacheKeyType: 'Registry',
    cacheDuration: '1h',
    auth: {
      'a.io': { username: 'u', password: 'registry' },
      'a.io/x': { username: 'u', password: 'exact' },
      'b.io': { username: 'other' },
    },
  };
  writeFileSync(
    `${folder}/p`,
    `#!/bin/sh\ncat >> ${folder}/asked; echo "$SECRET $1" >> ${folder}/asked; echo '${JSON.stringify(response)}'\n`,
    { mode: 0o755 },
  );
  const [p] = parseCredentialProviders(config({ args: ['--flag'], env: [{ name: 'SECRET', value: 's' }] }));
  let nowMs = 0;
  const errors: string[] = [];
  const providers = new CredentialProviders({
    providers: [p!, { ...p!, name: 'absent' }],
    binDir: folder,
    clock: { nowMs: () => nowMs, sleep: async () => {} },
    onError: (error) => errors.push(error.message),
  });
  const expected = ['exact', 'registry'].map((password) => ({ username: 'u', password }));
  expect(await providers.credentials('a.io/x/y:1')).toEqual(expected);
  expect(await providers.credentials('a.io/x/z:1')).toEqual(expected);
  expect(await providers.credentials('other.org/x')).toEqual([]);
  const request = JSON.stringify({ kind: 'CredentialProviderRequest', apiVersion: response.apiVersion, image: 'a.io/x/y:1' });
  expect(readFileSync(`${folder}/asked`, 'utf8')).toBe(`${request}s --flag\n`);
  expect(errors[0]).toMatch(/^credential provider absent: .*ENOENT/);
  nowMs = 3_600_001;
  await providers.credentials('a.io/x/y:1');
  expect(readFileSync(`${folder}/asked`, 'utf8').split('\n')).toHaveLength(3);
});
