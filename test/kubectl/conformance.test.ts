// Behaviours of sig-cli's conformance tests that the other files here do not show: replication controllers, pods, the proxy's socket, logs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';

const controller = `apiVersion: v1
kind: ReplicationController
metadata: { name: demo }
spec:
  replicas: 1
  selector: { app: demo }
  template:
    metadata: { labels: { app: demo } }
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{ name: web, image: "wherry/nginx:1", ports: [{ containerPort: 80 }] }]
`;

let cluster: Cluster;
let folder: string;
const kubectl = (...args: string[]) => cluster.kubectl(args);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubectl-conformance-'));
  cluster = await startCluster();
  await cluster.kubectl(['create', '-f', '-'], { input: controller });
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  if (folder) await rm(folder, { recursive: true });
});

const readyPods = (count: number) => kubectl('wait', `--for=jsonpath={.status.readyReplicas}=${count}`, 'rc/demo', '--timeout=120s');

test('a replication controller: describe, scale up and down, patch its pods, expose twice', async () => {
  await readyPods(1);
  expect(await kubectl('describe', 'rc', 'demo')).toMatch(
    /^Name: +demo\nNamespace: +default\nSelector: +app=demo\n[\s\S]*Replicas: +1 current \/ 1 desired\nPods Status: +1 Running[\s\S]*SuccessfulCreate/,
  );
  expect(await kubectl('scale', 'rc', 'demo', '--replicas=2')).toBe('replicationcontroller/demo scaled\n');
  await readyPods(2);
  await kubectl('scale', 'rc', 'demo', '--replicas=1');
  await readyPods(1);
  const pod = (await kubectl('get', 'pods', '-l', 'app=demo', '--field-selector=status.phase=Running', '-o', 'name')).trim();
  expect(await kubectl('patch', pod, '-p', '{"metadata":{"annotations":{"x":"y"}}}')).toBe(`${pod} patched\n`);
  expect(await kubectl('expose', 'rc', 'demo', '--name=first', '--port=1234', '--target-port=80')).toBe('service/first exposed\n');
  expect(await kubectl('expose', 'service', 'first', '--name=second', '--port=2345', '--target-port=80')).toBe('service/second exposed\n');
  await waitFor(
    { what: 'endpoints of the second service', timeoutMs: 120_000, everyMs: 100 },
    async () =>
      (await kubectl(
        'get',
        'endpointslices',
        '-l',
        'kubernetes.io/service-name=second',
        '-o',
        'jsonpath={.items[*].endpoints[*].addresses}',
      )) !== '',
  );
  expect(await kubectl('get', '--raw', '/api/v1/namespaces/default/services/second:2345/proxy/')).toMatch(/wherry\/nginx:1/);
});

test("a pod's image is replaced; a server-side dry run changes nothing", async () => {
  await kubectl('run', 'single', '--image=wherry/nginx:1', '--labels=run=single');
  await kubectl('wait', '--for=condition=Ready', 'pod/single', '--timeout=120s');
  const image = () => kubectl('get', 'pod', 'single', '-o', 'jsonpath={.spec.containers[0].image}');
  const pod = await kubectl('get', 'pod', 'single', '-o', 'json');
  const change = ['patch', 'pod', 'single', '-p', '{"spec":{"containers":[{"name":"single","image":"wherry/nginx:2"}]}}'];
  expect(await kubectl(...change, '--dry-run=server')).toBe('pod/single patched\n');
  expect(await image()).toBe('wherry/nginx:1');
  expect(await cluster.kubectl(['replace', '-f', '-'], { input: pod.replaceAll('wherry/nginx:1', 'wherry/nginx:2') })).toBe(
    'pod/single replaced\n',
  );
  expect(await image()).toBe('wherry/nginx:2');
  await kubectl('delete', 'pod', 'single', '--now');
});

test('proxy --unix-socket', async () => {
  const socketPath = join(folder, 'proxy.sock');
  const proxy = spawn('kubectl', ['proxy', `--unix-socket=${socketPath}`], { env: { ...process.env, KUBECONFIG: cluster.kubeconfig } });
  try {
    await once(proxy.stdout, 'data');
    const call = request({ socketPath, path: '/api' }).end();
    const [response] = (await once(call, 'response')) as [Readable];
    expect(await json(response)).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
  } finally {
    proxy.kill();
    await once(proxy, 'close');
  }
});

test('logs: tail, limit, timestamps, since', async () => {
  await kubectl(
    'run',
    'talker',
    '--image=wherry/tools:1',
    '--restart=Never',
    '--command',
    '--',
    'sh',
    '-c',
    'for i in 1 2 3 4; do echo line $i; done',
  );
  await kubectl('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/talker', '--timeout=120s');
  expect(await kubectl('logs', 'talker')).toBe('line 1\nline 2\nline 3\nline 4\n');
  expect(await kubectl('logs', 'talker', '--tail=1')).toBe('line 4\n');
  expect(await kubectl('logs', 'talker', '--limit-bytes=1')).toBe('l');
  expect(await kubectl('logs', 'talker', '--tail=1', '--timestamps')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z line 4\n$/);
  expect(await kubectl('logs', 'talker', '--since=24h')).toMatch(/^line 1\n/);
});
