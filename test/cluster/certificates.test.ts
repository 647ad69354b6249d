// A node's certificates: new ones before the present ones end, and the first ones of a node that has a token and nothing else.
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { issueNode, type KeyPair, kubeconfig } from '../../kit/net/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';
import { agentConfig } from '../crash/node-state.ts';

const NODE = 'node-1';
const DAY_MS = 86_400_000;
const READY = ['wait', '--for=condition=Ready', `node/${NODE}`, '--timeout=120s'];
const server = 'https://172.30.0.1:6443';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ nodes: 1 });
  await cluster.kubectl(['run', 'web', '--image=wherry/tools:1', '--', 'sleep', 'infinity']);
  await cluster.kubectl(['wait', '--for=condition=Ready', 'pod/web', '--timeout=120s']);
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

const containerId = () => cluster.kubectl(['get', 'pod', 'web', '-o', 'jsonpath={.status.containerStatuses[0].containerID}']);
const execWorks = () => cluster.kubectl(['exec', 'web', '--', 'echo', 'yes']);

/** What the pair file holds, once it is there. */
const certificate = (file: string) =>
  waitFor({ what: `${file} with a certificate`, timeoutMs: 120_000 }, async () =>
    existsSync(file) ? new X509Certificate(await readFile(file)) : undefined,
  );

/** Who answers at the agent's port, asked from the node itself. */
async function servedSerial(port: number, ip: string): Promise<string> {
  const text = await cluster.onNode(NODE, [
    'sh',
    '-c',
    `echo | openssl s_client -connect ${ip}:${port} 2>/dev/null | openssl x509 -noout -serial`,
  ]);
  return text.trim().replace('serial=', '');
}

test('certificates near their end are replaced while everything goes on', async () => {
  const config = await agentConfig(cluster, NODE);
  const pki = dirname(config['clientCA'] as string);
  const { ca } = JSON.parse(await readFile(join(pki, 'pki.json'), 'utf8')) as { ca: KeyPair };
  // Made 364 days ago for a year: good for one day more.
  const old = issueNode(ca, { name: NODE, ips: [config['nodeIP'] as string] }, Date.now() - 364 * DAY_MS);
  await cluster.kill(NODE);
  await Promise.all([
    writeFile(config['kubeconfig'] as string, kubeconfig({ name: cluster.name, server, ca: ca.cert, user: NODE, credentials: old.client })),
    writeFile(config['servingCert'] as string, old.serving.cert),
    writeFile(config['servingKey'] as string, old.serving.key),
  ]);
  const before = await containerId();
  await cluster.restart();
  const folder = join(config['stateDir'] as string, 'pki');
  const [client, serving] = await Promise.all([certificate(join(folder, 'client.pem')), certificate(join(folder, 'serving.pem'))]);
  for (const cert of [client, serving]) expect(Date.parse(cert.validTo)).toBeGreaterThan(Date.now() + 300 * DAY_MS);
  await waitFor(
    { what: 'the new certificate to be served', timeoutMs: 120_000 },
    async () => (await servedSerial(10250, config['nodeIP'] as string)) === serving.serialNumber,
  );
  expect(await execWorks()).toBe('yes\n');
  // And whoever starts with what is on disk has a way in, without the old ones.
  await cluster.kill(NODE);
  await cluster.restart();
  await cluster.kubectl(READY);
  expect(await execWorks()).toBe('yes\n');
  expect(await containerId()).toBe(before);
});

test('a node with a bootstrap token gets its certificates by itself', async () => {
  const config = await agentConfig(cluster, NODE);
  const own = config['kubeconfig'] as string;
  const { ca } = JSON.parse(await readFile(join(dirname(config['clientCA'] as string), 'pki.json'), 'utf8')) as { ca: KeyPair };
  const [id, secret] = ['abcdef', '0123456789abcdef'];
  await cluster.kubectl([
    'create',
    'secret',
    'generic',
    `bootstrap-token-${id}`,
    '-n',
    'kube-system',
    '--type=bootstrap.kubernetes.io/token',
    `--from-literal=token-id=${id}`,
    `--from-literal=token-secret=${secret}`,
    '--from-literal=usage-bootstrap-authentication=true',
  ]);
  await cluster.kill(NODE);
  const credentials = { token: `${id}.${secret}` };
  await writeFile(
    join(dirname(own), 'bootstrap-kubeconfig'),
    kubeconfig({ name: cluster.name, server, ca: ca.cert, user: 'join', credentials }),
  );
  for (const file of [own, config['servingCert'], config['servingKey'], join(config['stateDir'] as string, 'pki')])
    await rm(file as string, { recursive: true });
  await cluster.kubectl(['delete', 'csr', '--all']);
  await cluster.restart();
  await cluster.kubectl(READY);
  expect(await readFile(own, 'utf8')).toContain('client.pem');
  await waitFor(
    { what: 'exec over the new serving certificate', timeoutMs: 120_000, everyMs: 200 },
    async () => (await execWorks()) === 'yes\n',
  );
  const csrs = JSON.parse(await cluster.kubectl(['get', 'csr', '-o', 'json'])) as {
    items: { spec: { username: string; signerName: string } }[];
  };
  expect(csrs.items.map(({ spec }) => [spec.username, spec.signerName]).sort()).toEqual([
    ['system:bootstrap:abcdef', 'kubernetes.io/kube-apiserver-client-kubelet'],
    [`system:node:${NODE}`, 'kubernetes.io/kubelet-serving'],
  ]);
});
