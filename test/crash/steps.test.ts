// kill -9 of the agent right after each named step of a pod's start and of its end (kit/run/steps.ts), once also with the control plane:
// the same pod comes out, each container has run once, and when the pod is gone the node is as it was before.
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { RESOURCES } from '../../kit/client/index.ts';
import { canMapUsers } from '../../kit/linux/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster, status } from '../../rig/index.ts';
import { agentConfig, nodeState } from './node-state.ts';

const NODE = 'node-1';
const namespace = 'default';

/** In the order in which a start comes through them; `NAME N` is the N-th time, for the pod has three containers. */
const START = [
  'sandbox.record',
  'sandbox.cgroup',
  'sandbox.namespaces',
  'sandbox.shared-memory',
  'network.address',
  'network.veth',
  'sandbox.network',
  'sandbox.ready-record',
  'sandbox',
  'pod.files',
  'volumes.folder',
  'volumes.memory',
  'volumes.token',
  'volumes.contents',
  'volumes.swap',
  'volumes.swap 3',
  'volumes',
  'image',
  'container.config',
  'container.record',
  'container.rootfs',
  'container.user-record',
  'container.create',
  'runtime.spec',
  'runtime.create',
  'runtime.process-record',
  'container.started-record',
  'runtime.start',
  'container.start',
  'status',
  'status 2',
  // the first container, which is an init container, ends
  'container.exit-record',
  'runtime.delete',
  // the second one, a sidecar
  'container.record 2',
  'runtime.create 2',
  'container.started-record 2',
  'runtime.start 2',
  // the third one, which has a postStart hook
  'container.create 3',
  'runtime.create 3',
  'container.started-record 3',
  'runtime.start 3',
  'hook.post-start',
];

/** The same for its end. The agent has been started after the pod. */
const END = [
  'hook.pre-stop',
  'container.signal',
  'container.exit-record',
  'runtime.delete',
  'container.signal 2',
  'container.exit-record 2',
  'runtime.delete 2',
  'sandbox.stop-record',
  'sandbox.unpin',
  'network.release',
  'container.remove',
  'container.remove 3',
  'sandbox.remove-cgroup',
  'sandbox.remove-files',
  'sandbox.remove-record',
  'pod.remove-folder',
  'pod.remove-logs',
  'pod.api-deletion',
];

/** A container that writes down that it runs, ends at once when it is told to, and not otherwise. */
const forever = (name: string) => `echo ${name} >> /scratch/ran; trap 'exit 0' TERM; sleep infinity & wait`;
const scratch = { name: 'scratch', mountPath: '/scratch' };
const shell = (name: string, script: string) => ({
  name,
  image: 'wherry/tools:1',
  command: ['sh', '-c', script],
  volumeMounts: [scratch],
});

const pod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    terminationGracePeriodSeconds: 5,
    initContainers: [shell('init', 'echo init >> /scratch/ran'), { ...shell('sidecar', forever('sidecar')), restartPolicy: 'Always' }],
    containers: [
      {
        ...shell('main', forever('main')),
        volumeMounts: [scratch, { name: 'settings', mountPath: '/settings' }, { name: 'keys', mountPath: '/keys' }],
        lifecycle: {
          postStart: { exec: { command: ['sh', '-c', 'echo started >> /scratch/hooks'] } },
          preStop: { exec: { command: ['sh', '-c', 'echo stopping >> /scratch/hooks'] } },
        },
      },
    ],
    volumes: [
      { name: 'scratch', emptyDir: {} },
      { name: 'settings', configMap: { name: 'kube-root-ca.crt' } },
      { name: 'keys', secret: { secretName: 'keys' } },
    ],
  },
});

/** Owners can be translated on this kernel (Linux 6.3). */
const hasUsers = await canMapUsers(['/var/lib', '/dev/shm']);

/** One after the other in the life of one pod that has of everything; each time another agent is killed. */
const RICH_START = [
  ...(hasUsers ? ['pod.users', 'sandbox.layers'] : []),
  'sandbox.pid-holder',
  'network.pod',
  'sandbox.host-ports',
  'volumes.sub-path',
  'container.image-volumes',
];
const RICH_RESIZE = ['pod.allocation', 'sandbox.limits', 'container.limits', 'container.limits-record', 'sandbox.limits 2'];
const RICH_END = ['container.kill', 'sandbox.end-pid-holder', 'sandbox.unmount', 'sandbox.release-host-ports'];

const HOST_PORT = 31_080;
const GROUP = 4242;

const cpu = (limit: string) => ({ limits: { cpu: limit, memory: '64Mi' }, requests: { cpu: '10m', memory: '16Mi' } });
const richPod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    ...(hasUsers ? { hostUsers: false } : {}),
    shareProcessNamespace: true,
    terminationGracePeriodSeconds: 1,
    securityContext: { fsGroup: GROUP },
    containers: [
      {
        name: 'web',
        image: 'wherry/nginx:1',
        ports: [{ containerPort: 80, hostPort: HOST_PORT }],
        resources: cpu('100m'),
        volumeMounts: [
          { name: 'disk', mountPath: '/part', subPath: 'a/b' },
          { name: 'memory', mountPath: '/memory' },
          { name: 'tools', mountPath: '/tools' },
        ],
      },
      { name: 'deaf', image: 'wherry/tools:1', command: ['sh', '-c', "trap '' TERM; while :; do sleep 1; done"], resources: cpu('100m') },
    ],
    volumes: [
      { name: 'disk', emptyDir: {} },
      { name: 'memory', emptyDir: { medium: 'Memory' } },
      { name: 'tools', image: { reference: 'wherry/tools:1' } },
    ],
  },
});

/** @throws the error of a start that failed otherwise than by a kill, of which no log can tell */
function diedByItself(error: Error): void {
  if (!/^node-1 ended/.test(error.message) || error.message.includes('agent failed')) throw error;
}

/** The long form is for whoever changes what these steps do. */
const RUNTIMES = process.env['WHERRY_TEST_LONG'] ? (['runc', 'crun'] as const) : (['runc'] as const);

describe.each(RUNTIMES)('with %s, kill -9 of the agent after', (runtime) => {
  let cluster: Cluster;
  let config: Record<string, string>;
  let before: string[] | undefined;
  let count = 0;

  beforeAll(async () => {
    cluster = await startCluster({ runtime });
    config = await agentConfig(cluster, NODE);
    await cluster.client.create(
      RESOURCES.secrets,
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys' }, stringData: { key: 'x' } },
      { namespace },
    );
    // What the first pod of a node makes for good (a bridge, the image's layers) is no leak.
    await create('first');
    await create('rich', richPod);
    for (const name of ['first', 'rich']) {
      await isReady(name);
      await remove(name);
      await isGone(name);
    }
  });
  beforeEach(async () => {
    before ??= await nodeState(cluster, NODE, config);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    // The next step starts from an empty node all the same.
    before = undefined;
    await cluster.restart();
    const left = await cluster.client.list(RESOURCES.pods, { namespace });
    for (const { metadata } of left.items) await remove(metadata.name ?? '');
    for (const { metadata } of left.items) await isGone(metadata.name ?? '');
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  const create = (name: string, of: (name: string) => KubeObject = pod) =>
    cluster.client.create<Pod & KubeObject>(RESOURCES.pods, of(name), { namespace });
  const get = (name: string) => cluster.client.get<Pod & KubeObject>(RESOURCES.pods, name, { namespace });
  const remove = (name: string) => cluster.client.delete(RESOURCES.pods, name, { namespace });
  const isGone = (name: string) =>
    waitFor({ what: `${name} gone`, timeoutMs: 120_000 }, async () =>
      (await cluster.client.list(RESOURCES.pods, { namespace })).items.every(({ metadata }) => metadata.name !== name),
    );
  const isReady = (name: string) =>
    waitFor({ what: `${name} Ready`, timeoutMs: 120_000 }, async () => {
      const found = await get(name);
      return found.status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') && found;
    });

  /** The agent is another one from now on, which dies after the step; undefined: which does not. */
  async function agentThatDies(after: string | undefined): Promise<void> {
    await cluster.kill(NODE);
    if (after === undefined) return await cluster.restart();
    process.env['WHERRY_CRASH_AFTER'] = after;
    await cluster.restart().finally(() => delete process.env['WHERRY_CRASH_AFTER']);
  }

  const agentIsDead = () =>
    waitFor({ what: 'the agent to die', timeoutMs: 120_000 }, async () =>
      (await status(cluster.name)).some(({ part, pid }) => part === NODE && pid === undefined),
    );

  const ran = (uid: string) => readFileSync(`${config['stateDir']}/pods/${uid}/volumes/scratch/ran`, 'utf8');

  async function expectNothingLeft(): Promise<void> {
    let after: string[] = [];
    const isSame = async () => {
      after = await nodeState(cluster, NODE, config);
      return after.join('\n') === before?.join('\n');
    };
    await waitFor({ what: 'the node to be as before', timeoutMs: 120_000, everyMs: 100 }, isSame).catch(() => {});
    expect(after).toEqual(before);
  }

  test.each(START)('%s, at the start of a pod', async (step) => {
    const name = `start-${count++}`;
    await agentThatDies(step);
    const { uid = '' } = (await create(name)).metadata;
    await agentIsDead();
    if (count % 4 === 0) await cluster.kill('control-plane');
    await agentThatDies(undefined);
    const { status: now } = await isReady(name);
    // Ready is told when its shell runs, which has yet to write.
    await waitFor({ what: 'main to write', timeoutMs: 120_000 }, () => ran(uid).includes('main')).catch(() => {});
    expect(ran(uid)).toBe('init\nsidecar\nmain\n');
    const statuses = [...(now?.initContainerStatuses ?? []), ...(now?.containerStatuses ?? [])];
    expect(statuses.map(({ name, restartCount }) => [name, restartCount])).toEqual([
      ['init', 0],
      ['sidecar', 0],
      ['main', 0],
    ]);
    await remove(name);
    await isGone(name);
    await expectNothingLeft();
  });

  test.each(END)('%s, at the end of a pod', async (step) => {
    const name = `end-${count++}`;
    await create(name);
    await isReady(name);
    await agentThatDies(step);
    await remove(name);
    await agentIsDead();
    if (count % 4 === 0) await cluster.kill('control-plane');
    await agentThatDies(undefined);
    await isGone(name);
    await expectNothingLeft();
  });

  /** `begin`: what makes the first of them come. Another agent that stays goes on after the last. */
  async function killAfterEach(steps: readonly string[], begin: () => Promise<unknown>): Promise<void> {
    for (const [index, step] of steps.entries()) {
      const isStarted = agentThatDies(step);
      if (index === 0) {
        await isStarted;
        await begin();
      } else await isStarted.catch(diedByItself); // it may come to the step before it is ready
      await agentIsDead().catch((error: Error) => {
        throw new Error(`${step}: ${error.message}`);
      });
    }
    await agentThatDies(undefined);
  }

  test('each step of a pod that has of everything: its start, a resize, its end', async () => {
    const name = 'rich';
    await killAfterEach(RICH_START, () => create(name, richPod));
    const { metadata, status: now } = await isReady(name);
    expect(now?.containerStatuses?.filter(({ restartCount }) => restartCount > 0)).toEqual([]);
    expect(await cluster.onNode(NODE, ['curl', '-sS', '--max-time', '20', `http://127.0.0.1:${HOST_PORT}/`])).toContain('Welcome');
    const volumes = ['disk', 'memory'].map((volume) => `${config['stateDir']}/pods/${metadata.uid}/volumes/${volume}`);
    expect(await cluster.onNode(NODE, ['stat', '-c', '%a %g', ...volumes])).toBe(`2777 ${GROUP}\n3777 ${GROUP}\n`);

    await killAfterEach(RICH_RESIZE, () =>
      cluster.client.patch(
        RESOURCES.pods,
        name,
        'strategic',
        { spec: { containers: [{ name: 'web', resources: cpu('300m') }] } },
        { namespace, subresource: 'resize' },
      ),
    );
    await waitFor({ what: 'the end of the resize', timeoutMs: 120_000, everyMs: 100 }, async () => {
      const { status: shown } = await get(name);
      const isUnderWay = shown?.conditions?.some(({ type }) => type === 'PodResizeInProgress');
      return !isUnderWay && shown?.containerStatuses?.find(({ name }) => name === 'web')?.resources?.limits?.['cpu'] === '300m';
    });
    expect((await quotas()).filter((quota) => quota > 0)).toEqual([10_000, 30_000, 40_000]); // of both containers, and of the pod
    expect((await get(name)).status?.containerStatuses?.map(({ restartCount }) => restartCount)).toEqual([0, 0]);

    await killAfterEach(RICH_END, () => remove(name));
    await isGone(name);
    await expectNothingLeft();
  });

  /** Microseconds of each 100,000 that the node's pods may run, as the kernel has it. */
  async function quotas(): Promise<number[]> {
    const find = `find /sys/fs/cgroup"$1" /sys/fs/cgroup/*"$1" '(' -name cpu.max -o -name cpu.cfs_quota_us ')' -exec cat {} + 2>/dev/null; true`;
    const text = await cluster.onNode(NODE, ['sh', '-c', find, 'sh', config['cgroupParent'] ?? '']);
    return text
      .split('\n')
      .map((line) => Number.parseInt(line, 10))
      .sort((a, b) => a - b);
  }
});
