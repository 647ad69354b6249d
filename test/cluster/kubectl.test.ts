// The commands of a day with kubectl: expectations are Kubernetes' own behaviour.
import { writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';

const IMAGE = 'wherry/tools:1';
const LOOP = 'trap "exit 0" TERM; echo started; while true; do sleep 0.2; done';

describe('kubectl', () => {
  let cluster: Cluster;
  let folder: string;
  let pod: string;
  const kubectl = (...args: string[]) => cluster.kubectl(args);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kubectl-test-'));
    cluster = await startCluster();
    await kubectl('create', 'deployment', 'web', `--image=${IMAGE}`, '--', 'sh', '-c', LOOP);
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
    pod = (await kubectl('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[0].metadata.name}')).trim();
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    if (folder) await rm(folder, { recursive: true });
  });

  test.each([
    ['get a pod', ['get', 'pods', '-l', 'app=web'], /^NAME +READY +STATUS +RESTARTS +AGE\nweb-\w+-\w+ +1\/1 +Running +0 +\d+s\n$/],
    [
      'get -o wide',
      ['get', 'deployment', 'web', '-o', 'wide'],
      /CONTAINERS +IMAGES +SELECTOR\nweb +1\/1 +1 +1 +\w+ +tools +wherry\/tools:1 +app=web\n/,
    ],
    ['get all', ['get', 'all'], /^pod\/web-[\s\S]*^service\/kubernetes [\s\S]*^deployment.apps\/web [\s\S]*^replicaset.apps\/web-/m],
    ['sort-by', ['get', 'configmaps', '-A', '--sort-by=.metadata.namespace', '-o', 'name'], /configmap\/kube-root-ca.crt/],
    [
      'describe a deployment',
      ['describe', 'deployment', 'web'],
      /Replicas: +1 desired \| 1 updated \| 1 total \| 1 available \| 0 unavailable[\s\S]*ScalingReplicaSet/,
    ],
    ['describe a pod', ['describe', 'pod', '-l', 'app=web'], /Status: +Running[\s\S]*QoS Class: +BestEffort[\s\S]*Scheduled[\s\S]*Started/],
    [
      'describe a node',
      ['describe', 'node', 'node-1'],
      /Lease:\n +HolderIdentity: +node-1[\s\S]*Ready +True[\s\S]*Non-terminated Pods:[\s\S]*web-/,
    ],
    [
      'events',
      ['events', '--for', 'deployment/web'],
      /Normal +ScalingReplicaSet +Deployment\/web +Scaled up replica set web-\w+ from 0 to 1/,
    ],
    ['explain', ['explain', 'deployment.spec.replicas'], /FIELD: replicas <integer>/],
    ['api-resources', ['api-resources', '--api-group=apps'], /deployments +deploy +apps\/v1 +true +Deployment/],
    ['api-versions', ['api-versions'], /^autoscaling\/v1\nautoscaling\/v2$/m],
    ['can-i', ['auth', 'can-i', 'create', 'pods'], /^yes\n$/],
    ['can-i --list', ['auth', 'can-i', '--list'], /^\*\.\* +\[\] +\[\] +\[\*\]$/m],
    ['whoami', ['auth', 'whoami'], /Groups +\[system:masters system:authenticated\]/],
    ['a token', ['create', 'token', 'default'], /^[\w-]+\.[\w-]+\.[\w-]+$/],
    ['wait', ['wait', '--for=condition=Available', 'deployment/web', '--timeout=120s'], /^deployment.apps\/web condition met\n$/],
    ['raw', ['get', '--raw', '/readyz'], /^ok$/],
  ] as const)('%s', async (_, args, output) => {
    expect(await kubectl(...args)).toMatch(output);
  });

  test('top knows nodes and a new pod', async () => {
    expect(await kubectl('top', 'node')).toMatch(/node-1 +\d+m +\d+% +\d+Mi +\d+%/);
    expect(await kubectl('top', 'pod', '--containers')).toMatch(/^web-\w+-\w+ +tools +\d+m +\d+Mi/m);
  });

  test('exec: outputs, input and exit code', async () => {
    const result = await cluster.tryKubectl(['exec', '-i', pod, '--', 'sh', '-c', 'cat; echo problem >&2; exit 3'], { input: 'given' });
    expect(result).toMatchObject({ exitCode: 3, stdout: 'given' });
    expect(result.stderr).toMatch(/^problem\n[\s\S]*command terminated with exit code 3/);
  });

  test('cp there and back', async () => {
    writeFileSync(join(folder, 'there'), 'carried\n');
    await kubectl('cp', join(folder, 'there'), `default/${pod}:/tmp/there`);
    await kubectl('cp', `default/${pod}:/tmp/there`, join(folder, 'back'));
    expect(await readFile(join(folder, 'back'), 'utf8')).toBe('carried\n');
  });

  test('logs of a deployment', async () => {
    expect(await kubectl('logs', 'deployment/web')).toBe('started\n');
    expect(await kubectl('logs', pod, '--prefix', '--tail=1')).toBe(`[pod/${pod}/tools] started\n`);
  });

  test('run -i attaches and removes the pod', async () => {
    const args = ['run', 'once', `--image=${IMAGE}`, '--restart=Never', '-i', '--rm', '-q', '--', 'cat'];
    expect(await cluster.kubectl(args, { input: 'to and fro\n' })).toMatch(/to and fro/);
    expect((await cluster.tryKubectl(['get', 'pod', 'once'])).stderr).toMatch(/pods "once" not found/);
  });

  test('debug a pod and a node', async () => {
    await kubectl('debug', pod, `--image=${IMAGE}`, '-c', 'helper', '--profile=general', '--', 'echo', 'from the helper');
    await waitFor({ what: 'the debug container', timeoutMs: 120_000, everyMs: 100 }, async () =>
      (await cluster.tryKubectl(['logs', pod, '-c', 'helper'])).stdout.includes('from the helper'),
    );
    const out = await kubectl('debug', 'node/node-1', `--image=${IMAGE}`, '--profile=general', '--', 'ls', '/host');
    const name = /pod (\S+) with/.exec(out)?.[1] ?? '';
    await kubectl('wait', '--for=jsonpath={.status.phase}=Succeeded', `pod/${name}`, '--timeout=120s');
    expect(await kubectl('logs', name)).toMatch(/^etc$/m);
  });

  test('apply, diff, set, patch, label: what changed is told', async () => {
    const manifest = (value: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: told }\ndata: { key: ${value} }\n`;
    const apply = (value: string, ...more: string[]) => cluster.kubectl(['apply', '-f', '-', ...more], { input: manifest(value) });
    expect(await apply('one')).toBe('configmap/told created\n');
    expect(await apply('one')).toBe('configmap/told unchanged\n');
    const diff = await cluster.tryKubectl(['diff', '-f', '-'], { input: manifest('two') });
    expect(diff).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(/^- {2}key: one\n\+ {2}key: two$/m) });
    expect(await apply('two')).toBe('configmap/told configured\n');
    expect(await apply('two', '--server-side', '--force-conflicts')).toBe('configmap/told serverside-applied\n');
    expect(await kubectl('label', 'configmap', 'told', 'a=b')).toBe('configmap/told labeled\n');
    expect(await kubectl('patch', 'configmap', 'told', '--type=json', '-p', '[{"op":"remove","path":"/data/key"}]')).toBe(
      'configmap/told patched\n',
    );
  });

  test('rollouts: status, history, undo, pause', async () => {
    await kubectl('set', 'env', 'deployment/web', 'COLOUR=blue');
    expect(await kubectl('rollout', 'status', 'deployment/web', '--timeout=120s')).toMatch(/successfully rolled out\n$/);
    expect(await kubectl('rollout', 'history', 'deployment/web')).toMatch(/^1 +<none>\n2 +<none>$/m);
    expect(await kubectl('rollout', 'undo', 'deployment/web')).toBe('deployment.apps/web rolled back\n');
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
    expect(await kubectl('rollout', 'history', 'deployment/web')).toMatch(/^2 +<none>\n3 +<none>$/m);
    await kubectl('rollout', 'pause', 'deployment/web');
    const paused = await cluster.tryKubectl(['rollout', 'restart', 'deployment/web']);
    expect(paused.stderr).toMatch(/can't restart paused deployment/);
    await kubectl('rollout', 'resume', 'deployment/web');
    expect(await kubectl('scale', 'deployment/web', '--replicas=2')).toBe('deployment.apps/web scaled\n');
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
  });

  test('taint, cordon, drain, uncordon', async () => {
    expect(await kubectl('taint', 'node', 'node-1', 'a=b:NoSchedule')).toBe('node/node-1 tainted\n');
    expect(await kubectl('taint', 'node', 'node-1', 'a-')).toBe('node/node-1 untainted\n');
    expect(await kubectl('cordon', 'node-1')).toBe('node/node-1 cordoned\n');
    expect(await kubectl('get', 'nodes')).toMatch(/Ready,SchedulingDisabled/);
    expect(await kubectl('drain', 'node-1', '--ignore-daemonsets', '--force', '--delete-emptydir-data', '--timeout=120s')).toMatch(
      /pod\/web-\w+-\w+ evicted[\s\S]*node\/node-1 drained\n$/,
    );
    await waitFor({ what: 'pods in place of the evicted ones', timeoutMs: 120_000, everyMs: 100 }, async () =>
      /^pod\/web-/.test(await kubectl('get', 'pods', '--field-selector', 'status.phase=Pending', '-o', 'name')),
    );
    expect(await kubectl('uncordon', 'node-1')).toBe('node/node-1 uncordoned\n');
    await kubectl('wait', '--for=condition=Available', 'deployment/web', '--timeout=120s');
  });
});
