import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { subjectOf } from './certificates.ts';
import { ensurePki, issueNode, kubeconfig } from './pki.ts';

const dirs: string[] = [];
const newDir = async (): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'pki-'));
  dirs.push(dir);
  return dir;
};
afterEach(async () => {
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true });
});

const options = { clusterName: 'demo', apiServerIps: ['10.0.0.1'] };
const now = Date.parse('2030-01-01T00:00:00Z');

test('the second call gives the same keys', async () => {
  const dir = await newDir();
  const first = await ensurePki(dir, options, now);
  expect(await ensurePki(dir, options, now + 1000)).toEqual(first);
  expect(subjectOf(first.admin.cert)).toEqual({ commonName: 'kubernetes-admin', organizations: ['system:masters'] });
});

test('two that start together get the same keys', async () => {
  const dir = await newDir();
  const [one, two] = await Promise.all([ensurePki(dir, options, now), ensurePki(dir, options, now)]);
  expect(one).toEqual(two);
});

test('a new address or coming expiry renews the leaf, never the authority', async () => {
  const dir = await newDir();
  const first = await ensurePki(dir, options, now);
  const second = await ensurePki(dir, { ...options, apiServerIps: ['10.0.0.1', '172.30.0.1'] }, now);
  expect(second.ca).toEqual(first.ca);
  expect(second.admin).toEqual(first.admin);
  expect(new X509Certificate(second.apiServer.cert).checkIP('172.30.0.1')).toBe('172.30.0.1');
  const later = await ensurePki(dir, options, now + 350 * 86_400_000);
  expect(later.admin).not.toEqual(first.admin);
  expect(later.serviceAccountKey).toBe(first.serviceAccountKey);
});

test('a node gets its user name and an address to serve', async () => {
  const pki = await ensurePki(await newDir(), options, now);
  const { client, serving } = issueNode(pki.ca, { name: 'n1', ips: ['172.30.0.11'] }, now);
  expect(subjectOf(client.cert)).toEqual({ commonName: 'system:node:n1', organizations: ['system:nodes'] });
  expect(new X509Certificate(serving.cert).checkIP('172.30.0.11')).toBe('172.30.0.11');
});

test.each([[{ cert: 'C', key: 'K' }], [{ token: 't' }]])('a kubeconfig with %o is YAML that names itself', (credentials) => {
  const config = parse(kubeconfig({ name: 'demo', server: 'https://127.0.0.1:6443', ca: 'CA', credentials }));
  expect(config['current-context']).toBe('demo');
  expect(config.clusters[0].cluster.server).toBe('https://127.0.0.1:6443');
  expect(config.contexts[0].context.user).toBe(config.users[0].name);
  expect(Object.keys(config.users[0].user)).toEqual('token' in credentials ? ['token'] : ['client-certificate-data', 'client-key-data']);
});
