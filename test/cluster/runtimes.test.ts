// The same pods on every container runtime, on nodes of one cluster: what a user sees does not depend on what runs it.
import { existsSync, mkdtempSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { busyboxArchive } from '../../agent/images/testing.ts';
import type { Node, Pod } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { RESOURCES } from '../../kit/client/index.ts';
import { run, tryRun } from '../../kit/exec/index.ts';
import { cgroups } from '../../kit/linux/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { type Cluster, removeImage, startCluster, up } from '../../rig/index.ts';
import { containerd, type Daemon, docker } from './daemons.ts';
import { podsOf } from './pods-of.ts';
import { missingForRegistry, PASSWORD, REGISTRY, startRegistries, USER } from './registry.ts';

type PodObject = Pod & KubeObject;
const wherry = join(import.meta.dirname, '../../scripts/wherry');
const namespace = 'default';
const image = 'wherry/tools:1';

const RUNTIMES: { name: string; daemon?: Daemon; version: RegExp }[] = [
  { name: 'runc', version: /^wherry:/ },
  { name: 'crun', version: /^wherry:/ },
  { name: 'containerd', daemon: containerd, version: /^containerd:/ },
  { name: 'docker', daemon: docker, version: /^docker:/ },
];
const isHere = ({ daemon }: (typeof RUNTIMES)[number]) => daemon === undefined || existsSync(daemon.program);
const here = RUNTIMES.filter(isHere).map((runtime, index) => ({ ...runtime, node: `node-${index + 1}` }));
const missing = RUNTIMES.filter((runtime) => !isHere(runtime));
const lacking = missingForRegistry();

describe('runtimes of one cluster', () => {
  let cluster: Cluster;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(`${tmpdir()}/wherry-rt-`);
    cluster = await startCluster({ nodes: here.length, nodeRuntimes: { 'node-2': 'crun' } });
    const nodeRuntimes: Record<string, string> = {};
    for (const { name, node, daemon } of here) {
      if (!daemon) continue;
      await cluster.kill(node);
      nodeRuntimes[node] = await daemon.start(cluster, node, `${folder}/${name}`);
    }
    await (await up({ name: cluster.name, nodeRuntimes })).close();
    await cluster.kubectl(['create', 'configmap', 'settings', '--from-literal=colour=blue']);
    for (const { name, node } of here) {
      await create(`web-${name}`, node, webServer, { labels: { app: name, kind: 'web' } });
      await cluster.kubectl(['create', 'service', 'clusterip', name, '--tcp=80:8080']);
    }
    if (lacking.length === 0) await startPrivateRegistry();
    for (const { name } of here) await ready(`web-${name}`);
  }, 300_000);
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const create = (name: string, nodeName: string, spec: object, metadata: object = {}) =>
    cluster.client.create<PodObject>(
      RESOURCES.pods,
      { apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata }, spec: { nodeName, ...spec } } as unknown as PodObject,
      { namespace },
    );
  const until = (name: string, what: string, done: (pod: PodObject) => boolean) =>
    waitFor({ what: `${name} ${what}`, timeoutMs: 120_000, everyMs: 100 }, async () => {
      const pod = await cluster.client.get<PodObject>(RESOURCES.pods, name, { namespace });
      if (done(pod)) return pod;
      throw new Error(JSON.stringify(pod.status?.containerStatuses ?? pod.status));
    });
  const { eventOf } = podsOf(() => cluster);
  const ready = (name: string, restarts = 0) =>
    until(name, 'to be ready', ({ status }) => status?.containerStatuses?.every((c) => c.ready && c.restartCount >= restarts) === true);
  const startPrivateRegistry = async () => {
    const archive = await busyboxArchive(folder, 'private:1', { Cmd: ['sleep', '1000'], WorkingDir: '/tmp' });
    await startRegistries(cluster, `${folder}/registry`, archive, 'private:1');
    const credentials = [`--docker-server=${REGISTRY}`, `--docker-username=${USER}`, `--docker-password=${PASSWORD}`];
    await cluster.kubectl(['create', 'secret', 'docker-registry', 'door', ...credentials]);
  };
  const untilLogged = (text: string, ...of: string[]) =>
    waitFor({ what: `${of} to have written ${text}`, timeoutMs: 120_000, everyMs: 100 }, async () => {
      const log = await cluster.kubectl(['logs', ...of]);
      if (log !== text) throw new Error(`it wrote ${log}`);
      return true;
    });
  const exec = (pod: string, ...command: string[]) => cluster.kubectl(['exec', pod, '--', ...command]);

  test.each(here)('$name: its node names it', async ({ node, version }) => {
    const { status } = await cluster.client.get<Node & KubeObject>(RESOURCES.nodes, node);
    expect(status?.nodeInfo?.containerRuntimeVersion).toMatch(version);
  });

  test.each(here)('$name: a pod from nothing to gone', async ({ name: runtime, node }) => {
    const name = `whole-${runtime}`;
    const group = `${agentCgroup(node)}/kubepods`;
    const { metadata } = await create(name, node, wholePod);
    const { status } = await ready(name);
    expect(status?.initContainerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    expect(status?.containerStatuses?.[0]).toMatchObject({ restartCount: 0, image: expect.stringContaining('wherry/tools:1') });
    await untilLogged('blue\nfrom the init container\nin-the-environment\n', name);
    await untilLogged('initialised\n', name, '-c', 'init');
    const told = await cluster.tryKubectl(['exec', '-i', name, '--', 'sh', '-c', 'cat; echo problem >&2; exit 3'], { input: 'given' });
    expect(told).toMatchObject({ exitCode: 3, stdout: 'given', stderr: expect.stringContaining('problem\n') });
    expect(await exec(name, 'hostname')).toBe(`${name}\n`);
    const own = await exec(
      name,
      'sh',
      '-c',
      'cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes',
    );
    expect(own.trim()).toBe(String(64 << 20));
    await exec(name, 'touch', '/tmp/dead'); // what its liveness probe looks for
    await ready(name, 1);
    const podGroup = `${group}/burstable/pod${metadata.uid}`;
    expect(cgroups().exists(podGroup)).toBe(true);
    await cluster.kubectl(['delete', 'pod', name, '--timeout=120s']);
    await waitFor({ what: 'the cgroup to go', timeoutMs: 120_000 }, () => !cgroups().exists(podGroup));
  });

  test.each(here)('$name: a pod with users of its own, or the reason why there are none', async ({ name: runtime, node, daemon }) => {
    const name = `users-${runtime}`;
    await create(name, node, {
      hostUsers: false,
      containers: [{ name: 'c', image, command: ['sh', '-ec', 'echo heard > /dev/stderr; exec sleep 1000'] }],
      terminationGracePeriodSeconds: 0,
    });
    if (daemon === undefined) {
      await ready(name);
      await waitFor({ what: 'its log', timeoutMs: 60_000 }, async () => (await cluster.kubectl(['logs', name])) === 'heard\n');
      expect(statSync('/dev/null').uid).toBe(0);
      expect(await exec(name, 'cat', '/proc/self/uid_map')).toMatch(/^ +0 +65536 +65536\n$/);
    } else {
      const { message } = await eventOf(name, 'FailedCreatePodSandBox');
      expect(message).toContain("can't set `spec.hostUsers: false`, runtime does not support user namespaces");
    }
    await cluster.kubectl(['delete', 'pod', name, '--timeout=120s']);
  });

  test.each(here)('$name: its pods reach those of every runtime by address and by name', async ({ name }) => {
    for (const other of here) {
      const { status } = await ready(`web-${other.name}`);
      const answer = await exec(`web-${name}`, 'curl', '-sS', '--max-time', '20', `http://${status?.podIP}:8080/`, `http://${other.name}/`);
      expect(answer).toBe(`web-${other.name}\n`.repeat(2));
    }
  });

  test.each(here)('$name: wherry ctr shows what its node runs', async ({ name, node }) => {
    await ready(`web-${name}`);
    const ctr = async (...args: string[]) =>
      (await run(wherry, ['ctr', '--name', cluster.name, '--node', node, ...args], { timeoutMs: 120_000 })).stdout;
    expect(await ctr('ps')).toMatch(new RegExp(` Running +c +0 +\\w{13} +web-${name} +default`));
    expect(await ctr('pods')).toMatch(new RegExp(` Ready +web-${name} +default`));
    expect(await ctr('images')).toMatch(/docker\.io\/wherry\/tools +1 /);
    expect(await ctr('logs', `web-${name}/c`)).toBe('serving\n');
    expect(await ctr('exec', `web-${name}/c`, '--', 'hostname')).toBe(`web-${name}\n`);
    expect(JSON.parse(await ctr('inspect', `web-${name}/c`)).status).toMatchObject({ state: 'CONTAINER_RUNNING' });
  });

  test('wherry ctr asks which of several nodes is meant', async () => {
    const names = cluster.nodes.map(({ name }) => name);
    const { exitCode, stderr } = await tryRun(wherry, ['ctr', '--name', cluster.name, 'ps'], { timeoutMs: 120_000 });
    const question = `cluster ${cluster.name} has ${names.length} nodes: choose one with --node (${names.join(', ')})`;
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: `wherry: ${question}\n` });
  });

  test('an image that is loaded is there on all of them, with its own command, and goes with its last container', async () => {
    // All clusters of a machine have one image store, and another run of this test may be under way: name and content are this run's own.
    const name = `wherry/loaded:${cluster.name}`;
    const [grace, spoken] = [{ terminationGracePeriodSeconds: 1 }, `hello from the archive of ${cluster.name}`];
    const archive = await busyboxArchive(folder, name, { Cmd: ['sh', '-c', `echo ${spoken}; sleep 1000`] });
    try {
      expect(await cluster.load(archive)).toEqual([`docker.io/${name}`]);
      for (const { name: runtime, node } of here)
        await create(`loaded-${runtime}`, node, { ...grace, containers: [{ name: 'c', image: name }] });
      for (const { name: runtime } of here) {
        await ready(`loaded-${runtime}`);
        await untilLogged(`${spoken}\n`, `loaded-${runtime}`);
      }
      await expect(removeImage(name)).rejects.toThrow(`${name} is in use by a running container`);
      // A pod with a grace leaves the API when nothing of it is left on its node.
      await cluster.kubectl(['delete', 'pod', ...here.map(({ name: runtime }) => `loaded-${runtime}`), '--timeout=120s']);
      await removeImage(name);
      await expect(removeImage(name)).rejects.toThrow(`${name}: no such image`);
    } finally {
      await cluster.tryKubectl(['delete', 'pod', '--ignore-not-found', ...here.map(({ name: runtime }) => `loaded-${runtime}`)]);
      await removeImage(name).catch(() => {}); // gone, unless the test has failed
    }
  });

  describe.skipIf(lacking.length > 0)(`a private registry${lacking.length > 0 ? ` (not installed: ${lacking.join(', ')})` : ''}`, () => {
    test.each(here)('$name: pulls with the secret that the pod names, and not without', async ({ name, node }) => {
      const spec = {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'c', image: `${REGISTRY}/private:1`, imagePullPolicy: 'Always' }],
      };
      await create(`refused-${name}`, node, spec);
      const { status } = await until(`refused-${name}`, 'to be refused', ({ status }) =>
        /^(ErrImagePull|ImagePullBackOff)$/.test(status?.containerStatuses?.[0]?.state?.waiting?.reason ?? ''),
      );
      expect(status?.containerStatuses?.[0]?.state?.waiting?.message).toMatch(/authorization|authentication|unauthorized|credentials/i);
      await create(`admitted-${name}`, node, { ...spec, imagePullSecrets: [{ name: 'door' }] });
      await ready(`admitted-${name}`);
      await cluster.kubectl(['delete', 'pod', `refused-${name}`, `admitted-${name}`, '--timeout=120s']);
    });
  });

  const agentCgroup = (node: string) => `/wherry/${cluster.name}/${node}`;
  for (const { name } of missing) test.skip(`${name} is not installed: scripts/test-runtimes installs it`, () => {});
});

const webServer = {
  terminationGracePeriodSeconds: 0,
  containers: [
    {
      name: 'c',
      image,
      command: ['sh', '-c', 'echo serving; mkdir /tmp/web && hostname >/tmp/web/index.html && exec httpd -f -p 8080 -h /tmp/web'],
      readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1, timeoutSeconds: 10 },
    },
  ],
};

const shared = { name: 'shared', mountPath: '/shared' };
const wholePod = {
  terminationGracePeriodSeconds: 1,
  volumes: [
    { name: 'settings', configMap: { name: 'settings' } },
    { name: 'shared', emptyDir: {} },
  ],
  initContainers: [
    {
      name: 'init',
      image,
      command: ['sh', '-c', 'echo initialised; echo from the init container >/shared/word'],
      volumeMounts: [shared],
    },
  ],
  containers: [
    {
      name: 'c',
      image,
      command: ['sh', '-c', 'cat /settings/colour; echo; cat /shared/word; echo $WORD; trap "exit 0" TERM; while :; do sleep 0.2; done'],
      env: [{ name: 'WORD', value: 'in-the-environment' }],
      resources: { requests: { memory: '32Mi' }, limits: { memory: '64Mi' } },
      volumeMounts: [shared, { name: 'settings', mountPath: '/settings' }],
      readinessProbe: { exec: { command: ['test', '-e', '/shared/word'] }, periodSeconds: 1, timeoutSeconds: 20 },
      livenessProbe: { exec: { command: ['test', '!', '-e', '/tmp/dead'] }, periodSeconds: 1, timeoutSeconds: 20, failureThreshold: 1 },
    },
  ],
};
