// Credential providers: patterns and configuration as tables, the exec protocol with a provider made of sh.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import { loadCredentialProviders, parseCredentialProviders } from './credential-provider-config.ts';
import { CredentialProviders, type PodAccount } from './credential-providers.ts';
import { matchesImage } from './image-pattern.ts';

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

const withToken = (attributes: object) => {
  const given = { serviceAccountTokenAudience: 'registry', cacheType: 'Token', requireServiceAccount: true, ...attributes };
  return config({ tokenAttributes: given });
};

test.each([
  ['kind: Other', /expected kind CredentialProviderConfig/],
  [config({ name: '../sh' }), /providers\[0\].name/],
  [config({ matchImages: [] }), /matchImages/],
  [config({ apiVersion: 'v1' }), /apiVersion: must be credentialprovider/],
  [config({ defaultCacheDuration: 'soon' }), /defaultCacheDuration: must be a duration/],
  [withToken({ serviceAccountTokenAudience: '' }), /tokenAttributes.serviceAccountTokenAudience: is required/],
  [withToken({ cacheType: undefined }), /cacheType: must be ServiceAccount or Token, is undefined/],
  [withToken({ requireServiceAccount: undefined }), /requireServiceAccount: must be true or false/],
  [withToken({ requiredServiceAccountAnnotationKeys: ['a b'] }), /requiredServiceAccountAnnotationKeys: must be a list of annotation keys/],
  [withToken({ optionalServiceAccountAnnotationKeys: ['a', 'a'] }), /optionalServiceAccountAnnotationKeys: .* each once/],
  [
    withToken({ requiredServiceAccountAnnotationKeys: ['a'], optionalServiceAccountAnnotationKeys: ['a'] }),
    /both required and optional: a/,
  ],
  [withToken({ requireServiceAccount: false, requiredServiceAccountAnnotationKeys: ['a'] }), /requireServiceAccount: must be true/],
  [config({ apiVersion: 'credentialprovider.kubelet.k8s.io/v1beta1', tokenAttributes: {} }), /tokenAttributes: only with apiVersion/],
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
  const expected = ['exact', 'registry'].map((password) => ({ auth: { username: 'u', password } }));
  expect(await providers.credentials('a.io/x/y:1', undefined)).toEqual(expected);
  expect(await providers.credentials('a.io/x/z:1', undefined)).toEqual(expected);
  expect(await providers.credentials('other.org/x', undefined)).toEqual([]);
  const request = JSON.stringify({ kind: 'CredentialProviderRequest', apiVersion: response.apiVersion, image: 'a.io/x/y:1' });
  expect(readFileSync(`${folder}/asked`, 'utf8')).toBe(`${request}s --flag\n`);
  expect(errors[0]).toMatch(/^credential provider absent: .*ENOENT/);
  nowMs = 3_600_001;
  await providers.credentials('a.io/x/y:1', undefined);
  expect(readFileSync(`${folder}/asked`, 'utf8').split('\n')).toHaveLength(3);
});

/** Echoes its question as a user's name; the token is the password where the image says so. */
const ECHO = `#!/bin/sh
read -r question
echo x >> ${folder}/echo-asked
user=$(printf %s "$question" | base64 -w0)
password=p
case "$question" in *echoed*) password=$(printf %s "$question" | sed 's/.*serviceAccountToken":"\\([^"]*\\).*/\\1/') ;; esac
printf '{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1","cacheKeyType":"Global",'
printf '"cacheDuration":"1h","auth":{"a.io":{"username":"%s","password":"%s"}}}' "$user" "$password"
`;

test('a provider with a token of the service account: what it is told, whose its answer is, for whom it is kept', async () => {
  writeFileSync(`${folder}/echo`, ECHO, { mode: 0o755 });
  writeFileSync(`${folder}/echo-asked`, '');
  const attributes = {
    cacheType: 'ServiceAccount',
    requiredServiceAccountAnnotationKeys: ['id'],
    optionalServiceAccountAnnotationKeys: ['hint'],
  };
  const [echo] = parseCredentialProviders(withToken(attributes));
  const errors: string[] = [];
  const open = (cacheType: 'Token' | 'ServiceAccount') =>
    new CredentialProviders({
      providers: [{ ...echo!, name: 'echo', matchImages: ['a.io'], tokenAttributes: { ...echo!.tokenAttributes!, cacheType } }],
      binDir: folder,
      clock: { nowMs: () => 0, sleep: async () => {} },
      onError: (error) => errors.push(error.message),
    });
  let tokens = 0;
  const account = (name: string, annotations: Record<string, string> = { id: name }): PodAccount => ({
    namespace: 'n',
    name,
    read: async () => ({ uid: `uid-${name}`, annotations: { ...annotations, other: 'not told' } }),
    token: async (audience) => `${audience}-${tokens++}`,
  });
  const questions = () => readFileSync(`${folder}/echo-asked`, 'utf8').length / 2;
  const byAccount = open('ServiceAccount');
  const [got] = await byAccount.credentials('a.io/x', account('robot', { id: '7', hint: 'h' }));
  expect(got?.owner).toEqual({ kind: 'ServiceAccount', uid: 'uid-robot', namespace: 'n', name: 'robot' });
  expect(JSON.parse(Buffer.from(got?.auth.username ?? '', 'base64').toString())).toMatchObject({
    image: 'a.io/x',
    serviceAccountToken: 'registry-0',
    serviceAccountAnnotations: { id: '7', hint: 'h' },
  });
  await byAccount.credentials('a.io/y', account('robot', { id: '7', hint: 'h' }));
  expect(questions()).toBe(1);
  await byAccount.credentials('a.io/x', account('robot', { id: '8' }));
  await byAccount.credentials('a.io/x', account('other'));
  expect(questions()).toBe(3);
  expect(await byAccount.credentials('a.io/x', account('plain', {}))).toEqual([]); // the annotation is how it opts in
  expect(await byAccount.credentials('a.io/x', undefined)).toEqual([]);
  expect(questions()).toBe(3);
  expect(errors).toEqual([]);
  expect(await byAccount.credentials('a.io/echoed', account('thief'))).toEqual([]);
  expect(errors).toEqual([expect.stringMatching(/gave the service account token back as password/)]);
  const byToken = open('Token');
  for (let times = 0; times < 2; times++)
    expect((await byToken.credentials('a.io/echoed', account('robot')))[0]?.auth.password).toBe(`registry-${tokens - 1}`);
  expect(questions()).toBe(6);
});

test('a folder of configurations is read as one, each name once', async () => {
  const confs = `${folder}/confs`;
  mkdirSync(confs);
  await expect(loadCredentialProviders(confs)).rejects.toThrow(`credential providers ${confs}: no configuration file in the folder`);
  writeFileSync(`${confs}/b.yaml`, config({ name: 'second' }));
  writeFileSync(`${confs}/a.json`, config({ name: 'first' }));
  writeFileSync(`${confs}/notes.txt`, 'no configuration');
  expect((await loadCredentialProviders(confs)).map(({ name }) => name)).toEqual(['first', 'second']);
  writeFileSync(`${confs}/c.yml`, config({ name: 'first' }));
  await expect(loadCredentialProviders(confs)).rejects.toThrow(`${confs}/c.yml: providers: the name "first" is there twice`);
});
