// Who may use an image that a pod of the node has pulled, as kubelet has it (KEP-2535), and what a crash leaves of that.
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import type { Owner, PullCredential } from './keyring.ts';
import { type Access, isExempt, withProof } from './pull-access.ts';
import { type PresentImage, PullRecords } from './pull-records.ts';

const folder = mkdtempSync(`${tmpdir()}/wherry-pulls-`);
afterAll(() => rmSync(folder, { recursive: true }));
let stores = 0;
const preloadedAreOpen = { policy: 'NeverVerifyPreloadedImages', allowlist: [] } as const;
const open = (at = `${folder}/${stores++}`, images: PresentImage[] = []) => PullRecords.open(at, preloadedAreOpen, async () => images);

const ID = `sha256:${'a'.repeat(64)}`;
const image = (...repoTags: string[]): PresentImage => ({ id: ID, repoTags, repoDigests: [] });
const there = image('a.io/x:1');
const owner = (kind: Owner['kind'], name: string): Owner => ({ kind, uid: `uid-${name}`, namespace: 'n', name });
const secret = (name: string, password = name): PullCredential => ({ auth: { username: 'u', password }, owner: owner('Secret', name) });
const account = (name: string): PullCredential => ({ auth: { username: 'u', password: 'p' }, owner: owner('ServiceAccount', name) });
const ofNode: PullCredential = { auth: { username: 'node' } };
const may = (records: PullRecords, ...credentials: PullCredential[]) => records.isOpenTo('a.io/x:1', there, async () => credentials);

test.each<[string, PullCredential | undefined, PullCredential[], boolean]>([
  ['without credentials', undefined, [], true],
  ["with the node's", ofNode, [], true],
  ['with a secret: the same', secret('door'), [secret('door')], true],
  ['with a secret: it has other content now', secret('door', 'old'), [secret('door', 'new')], true],
  ['with a secret: another one of the same content', secret('door', 'same'), [secret('other', 'same')], true],
  ['with a secret: another one', secret('door'), [secret('other')], false],
  ['with a secret: none', secret('door'), [], false],
  ["with a secret: the node's", secret('door'), [ofNode], false],
  ['with a secret: a service account', secret('door'), [account('door')], false],
  ['with a service account: the same', account('robot'), [secret('other'), account('robot')], true],
  ['with a service account: another one', account('robot'), [account('other')], false],
])('pulled %s', async (_, pulledWith, credentials, allowed) => {
  const records = await open();
  expect(await may(records)).toBe(true); // nobody has pulled it: it was there before
  await records.pulled('a.io/x:1', ID, pulledWith);
  expect(await may(records, ...credentials)).toBe(allowed);
});

test('what has been shown once counts from then on; a pull without credentials opens it for all', async () => {
  const records = await open();
  await records.pulled('a.io/x:1', ID, secret('door', 'same'));
  expect(await may(records, secret('other', 'same'))).toBe(true);
  expect(await may(records, secret('other', 'changed'))).toBe(true);
  await records.pulled('a.io/x:2', ID, undefined);
  expect(await may(records)).toBe(true);
});

test('another name of a private image: its id and a foreign repository are closed, one that was loaded is open', async () => {
  const records = await open();
  await records.pulled('a.io/x:1', ID, secret('door'));
  const both = image('a.io/x:1', 'docker.io/loaded/x:1', '<none>:<none>');
  const allowed = (name: string) => records.isOpenTo(name, both, async () => []);
  for (const name of [ID, ID.slice(7), ID.slice(7, 20), 'b.io/x:1', `a.io/x@${ID}`]) expect(await allowed(name)).toBe(false);
  expect(await allowed('loaded/x:1')).toBe(true);
});

test.each([
  ['NeverVerify', 'a.io/x', false, true],
  ['NeverVerifyPreloadedImages', 'a.io/x', false, false],
  ['NeverVerifyPreloadedImages', 'a.io/x', true, true],
  ['NeverVerifyAllowlistedImages', 'a.io/x', false, true],
  ['NeverVerifyAllowlistedImages', 'a.io/xx', true, false],
  ['NeverVerifyAllowlistedImages', 'b.io/team/x', false, true],
  ['NeverVerifyAllowlistedImages', 'b.io/teams/x', true, false],
  ['AlwaysVerify', 'a.io/x', true, false],
] as const)('%s, %s, preloaded %s: exempt %s', (policy, repository, isPreloaded, exempt) =>
  expect(isExempt({ policy, allowlist: ['a.io/x', 'b.io/team/*'] }, repository, isPreloaded)).toBe(exempt),
);

test("while a pod pulls it, and after a crash in the middle of that, it is nobody's", async () => {
  const at = `${folder}/${stores++}`;
  const records = await open(at);
  {
    await using _pull = await records.pulling('a.io/x:1');
    expect(await may(records)).toBe(false);
    expect(await may(await open(at, [there]))).toBe(false); // another node, which leaves the first one's note
    expect(readdirSync(`${at}/pulling`)).toHaveLength(1);
  }
  expect(await may(records)).toBe(true);
  writeFileSync(`${at}/pulling/dead.json`, JSON.stringify({ name: 'a.io/x:1', by: { pid: 1, startTicks: 'never' } }));
  writeFileSync(`${at}/pulling/cut.json`, '');
  const after = await open(at, [there]);
  expect(readdirSync(`${at}/pulling`)).toEqual([]);
  expect(await may(after, secret('door'))).toBe(false);
  await after.pulled('a.io/x:1', ID, secret('door'));
  expect(await may(after, secret('door'))).toBe(true);
});

test('records go with their images, but for new ones; one that lost its content lets nobody in', async () => {
  const at = `${folder}/${stores++}`;
  const records = await open(at);
  await records.pulled('a.io/x:1', ID, secret('door'));
  const [file = ''] = readdirSync(`${at}/pulled`);
  await records.prune(new Set(), 1e12);
  expect(readdirSync(`${at}/pulled`)).toEqual([file]); // newer than that
  utimesSync(`${at}/pulled/${file}`, 1, 1);
  await records.prune(new Set([ID]), 1e12);
  expect(readdirSync(`${at}/pulled`)).toEqual([file]);
  writeFileSync(`${at}/pulled/${file}`, '');
  expect(await records.isOpenTo('b.io/x', there, async () => [secret('door')])).toBe(false);
  utimesSync(`${at}/pulled/${file}`, 1, 1);
  await records.prune(new Set(), 1e12);
  expect(readdirSync(`${at}/pulled`)).toEqual([]);
});

test('a repository remembers a bounded number of secrets, the newest', () => {
  let access: Access = {};
  for (let i = 0; i < 300; i++) access = withProof(access, secret(`s${i}`));
  expect(access.secrets).toHaveLength(100);
  expect(access.secrets?.at(-1)?.name).toBe('s299');
  expect(withProof(access, secret('s299'))).toBe(access);
});
