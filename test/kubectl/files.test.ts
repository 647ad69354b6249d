// What kubectl reads from files: kustomizations, apply sets, credentials.
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { type RunResult, tryRun } from '../../kit/exec/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';

let cluster: Cluster;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubectl-files-'));
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  if (folder) await rm(folder, { recursive: true });
});

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

test('apply -k: a base, an overlay with a patch and a generated ConfigMap', async () => {
  await file('base/kustomization.yaml', 'resources: [web.yaml]\nconfigMapGenerator: [{ name: settings, literals: [colour=red] }]\n');
  await file(
    'base/web.yaml',
    `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 0
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers: [{ name: web, image: wherry/nginx, envFrom: [{ configMapRef: { name: settings } }] }]
`,
  );
  await file(
    'overlay/kustomization.yaml',
    `resources: [../base]
namePrefix: test-
labels: [{ pairs: { stage: test } }]
images: [{ name: wherry/nginx, newTag: "2" }]
configMapGenerator: [{ name: settings, behavior: merge, literals: [colour=blue] }]
patches: [{ patch: '[{"op":"replace","path":"/spec/replicas","value":1}]', target: { kind: Deployment } }]
`,
  );
  const overlay = join(folder, 'overlay');
  expect(await cluster.kubectl(['apply', '-k', overlay])).toMatch(
    /^configmap\/test-settings-\w{10} created\ndeployment.apps\/test-web created\n$/,
  );
  const path = 'jsonpath={.spec.replicas} {.metadata.labels.stage} {.spec.template.spec.containers[0].image}';
  expect(await cluster.kubectl(['get', 'deployment', 'test-web', '-o', path])).toBe('1 test wherry/nginx:2');
  expect(await cluster.tryKubectl(['diff', '-k', overlay])).toMatchObject({ exitCode: 0, stdout: '' });
  expect(await cluster.kubectl(['delete', '-k', overlay])).toMatch(/deployment.apps "test-web" deleted/);
});

test('an apply set prunes what its files name no more', async () => {
  const map = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: default }\n`;
  const apply = async (content: string): Promise<RunResult> =>
    tryRun('kubectl', ['apply', '-n', 'default', '--prune', '--applyset=configmaps/the-set', '-f', await file('set.yaml', content)], {
      env: { KUBECONFIG: cluster.kubeconfig, KUBECTL_APPLYSET: 'true' },
    });
  const first = await apply(`${map('a')}---\n${map('b')}`);
  expect(first).toMatchObject({ exitCode: 0, stdout: 'configmap/a created\nconfigmap/b created\n' });
  expect(await apply(map('a'))).toMatchObject({ exitCode: 0, stdout: 'configmap/a unchanged\nconfigmap/b pruned\n' });
  const parent = JSON.parse(await cluster.kubectl(['get', 'configmap', 'the-set', '-o', 'json'])).metadata;
  expect(parent.labels['applyset.kubernetes.io/id']).toMatch(/^applyset-/);
  expect(parent.annotations).toMatchObject({ 'applyset.kubernetes.io/contains-group-kinds': 'ConfigMap' });
});

/** The admin's kubeconfig with another user. */
async function withUser(name: string, user: object): Promise<string> {
  const config = parse(await cluster.kubectl(['config', 'view', '--raw']));
  config.users[0].user = user;
  return file(name, stringify(config));
}

test('credentials: a token, a token file, an exec plugin', async () => {
  await cluster.kubectl(['create', 'serviceaccount', 'robot']);
  const token = (await cluster.kubectl(['create', 'token', 'robot'])).trim();
  const tokenFile = await file('token', token);
  const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } };
  const plugin = await file('plugin', `#!/bin/sh\necho '${JSON.stringify(credential)}'\n`);
  await chmod(plugin, 0o755);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' };
  for (const user of [{ token }, { tokenFile }, { exec }]) {
    const config = await withUser('as-robot', user);
    const { stdout, stderr } = await tryRun('kubectl', ['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'], {
      env: { KUBECONFIG: config },
    });
    expect(stdout, `${Object.keys(user)[0]}: ${stderr}`).toBe('system:serviceaccount:default:robot');
  }
  const wrong = await tryRun('kubectl', ['get', 'pods'], { env: { KUBECONFIG: await withUser('as-nobody', { token: 'wrong' }) } });
  expect(wrong).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/^error: You must be logged in to the server \(Unauthorized\)\n$/m),
  });
});
