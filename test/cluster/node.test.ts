// A node that goes down, or runs short of something: what it says, what it refuses, who ends and who lives on.
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Node, Pod } from '../../api/gen/types/core.v1.ts';
import { waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster, status } from '../../rig/index.ts';
import { agentConfig } from '../crash/node-state.ts';
import { podsOf } from './pods-of.ts';

const NODE = 'node-1';
const IMAGE = 'wherry/tools:1';

let cluster: Cluster;
let config: Record<string, string>;
beforeAll(async () => {
  cluster = await startCluster({ nodes: 1 });
  config = await agentConfig(cluster, NODE);
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

const settingsFile = () => join(dirname(config['kubeconfig'] as string), 'settings.json');

/** The node's agent starts again with these settings over the usual ones. */
async function configure(settings: object): Promise<void> {
  await cluster.kill(NODE);
  await writeFile(settingsFile(), JSON.stringify(settings));
  await cluster.restart();
}

afterEach(async () => {
  await cluster.kubectl(['delete', 'pods', '--all', '--all-namespaces', '--now']);
  await cluster.kill(NODE);
  await rm(settingsFile(), { force: true });
  await cluster.onNode(NODE, ['sh', '-c', `umount -l ${config['stateDir']}/pods 2>/dev/null || true`]);
  await cluster.restart();
  await waitFor(
    { what: 'a node without taints', timeoutMs: 120_000, everyMs: 100 },
    async () => ((await node()).spec?.taints ?? []).length === 0,
  );
});

const read = async <T>(...args: string[]) => JSON.parse(await cluster.kubectl(['get', ...args, '-o', 'json'])) as T;
const node = () => read<Node>('node', NODE);
const pod = (name: string, namespace = 'default') => read<Pod>('pod', name, '-n', namespace);
const condition = async (type: string) => (await node()).status?.conditions?.find((one) => one.type === type);
/** Events are written by and by. */
const told = (...wanted: string[]) =>
  waitFor({ what: `events ${wanted.join(', ')}`, timeoutMs: 120_000, everyMs: 100 }, async () => {
    const field = `involvedObject.kind=Node,involvedObject.name=${NODE}`;
    const { items } = await read<{ items: { reason: string }[] }>('events', '--field-selector', field);
    return wanted.every((reason) => items.some((item) => item.reason === reason));
  });
const becomes = (type: string, wanted: string) =>
  waitFor({ what: `${type}=${wanted}`, timeoutMs: 120_000, everyMs: 100 }, async () => {
    const seen = await condition(type);
    return seen?.status === wanted ? seen : undefined;
  });
const ended = (name: string, namespace = 'default') =>
  waitFor({ what: `the end of ${name}`, timeoutMs: 120_000, everyMs: 100 }, async () => {
    const seen = await pod(name, namespace);
    return seen.status?.phase === 'Failed' && seen.status.containerStatuses?.[0]?.state?.terminated ? seen : undefined;
  });

/** One that comes by itself, past the scheduler. */
const createLate = () => podsOf(() => cluster).create('late', { nodeName: NODE, containers: [{ name: 'main', image: IMAGE }] });

interface Wanted {
  name: string;
  script: string;
  namespace?: string;
  spec?: object;
  resources?: object;
}

async function run(...pods: Wanted[]): Promise<void> {
  for (const { name, namespace = 'default', script, spec, resources } of pods) {
    const container = {
      name: 'main',
      image: IMAGE,
      command: ['sh', '-c', script],
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
      resources,
    };
    const body = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace },
      spec: { containers: [container], volumes: [{ name: 'data', emptyDir: {} }], ...spec },
    };
    await cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(body) });
  }
  for (const { name, namespace = 'default' } of pods)
    await cluster.kubectl(['wait', '--for=condition=Ready', `pod/${name}`, '-n', namespace, '--timeout=120s']);
}

const FOREVER = 'while :; do sleep 0.1; done';

test('a node that goes down ends its pods in order, the critical ones last, and takes no more', async () => {
  await configure({ shutdownGracePeriodMs: 40_000, shutdownGracePeriodCriticalPodsMs: 20_000 });
  await run(
    { name: 'slow', script: `trap 'sleep 2; exit 0' TERM; ${FOREVER}` },
    {
      name: 'critical',
      namespace: 'kube-system',
      script: `trap 'exit 0' TERM; ${FOREVER}`,
      spec: { priorityClassName: 'system-node-critical' },
    },
  );
  const pid = (await status(cluster.name)).find(({ part }) => part === NODE)?.pid as number;
  process.kill(pid, 'SIGPWR');
  const [slow, critical] = await Promise.all([ended('slow'), ended('critical', 'kube-system')]);
  for (const { status: shown } of [slow, critical]) {
    expect(shown).toMatchObject({ reason: 'Terminated', message: 'Pod was terminated in response to imminent node shutdown.' });
    expect(shown?.conditions?.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'TerminationByKubelet',
    });
  }
  const finishedAt = ({ status: shown }: Pod) => Date.parse(String(shown?.containerStatuses?.[0]?.state?.terminated?.finishedAt));
  expect(finishedAt(slow)).toBeLessThanOrEqual(finishedAt(critical));
  expect(await becomes('Ready', 'False')).toMatchObject({ reason: 'KubeletNotReady', message: 'node is shutting down' });
  await told('Starting', 'NodeReady', 'NodeShutdown', 'NodeNotReady');
  await createLate();
  await cluster.kubectl(['wait', '--for=jsonpath={.status.phase}=Failed', 'pod/late', '--timeout=120s']);
  expect((await pod('late')).status).toMatchObject({
    reason: 'NodeShutdown',
    message: 'Pod was rejected: Pod was rejected as the node is shutting down.',
  });
});

test('who fills the disk is ended, neighbours live on, the node says what it lacks', async () => {
  await cluster.kill(NODE);
  await cluster.onNode(NODE, ['mount', '-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', `${config['stateDir']}/pods`]);
  const none = { 'nodefs.inodesFree': '0%', 'imagefs.available': '0%', 'imagefs.inodesFree': '0%' };
  await configure({ eviction: { hard: { 'nodefs.available': '50%', ...none }, transitionMs: 1000 } });
  await run(
    { name: 'modest', script: FOREVER, resources: { requests: { 'ephemeral-storage': '10Mi' } } },
    { name: 'greedy', script: `until [ -e /tmp/go ]; do sleep 0.1; done; dd if=/dev/zero of=/data/big bs=1M count=48; ${FOREVER}` },
  );
  await cluster.tryKubectl(['exec', 'greedy', '--', 'touch', '/tmp/go']); // it may be ended before it can say so
  const greedy = await ended('greedy');
  expect(greedy.status?.reason).toBe('Evicted');
  expect(greedy.status?.message).toMatch(/^The node was low on resource: ephemeral-storage\. Threshold quantity: \S+, available: \S+\. /);
  await told('EvictionThresholdMet', 'NodeHasDiskPressure', 'NodeHasNoDiskPressure');
  await becomes('DiskPressure', 'False');
  expect((await pod('modest')).status).toMatchObject({ phase: 'Running', containerStatuses: [{ restartCount: 0 }] });
});

test('short of processes, the node ends pods, is tainted and takes none', async () => {
  await run({ name: 'victim', script: FOREVER });
  const none = { 'nodefs.available': '0%', 'nodefs.inodesFree': '0%', 'imagefs.available': '0%', 'imagefs.inodesFree': '0%' };
  await configure({ eviction: { hard: { 'pid.available': '1000000000', ...none } } });
  const victim = await ended('victim');
  expect(victim.status).toMatchObject({
    reason: 'Evicted',
    message: expect.stringMatching(/^The node was low on resource: pids\. Threshold quantity: /),
  });
  await becomes('PIDPressure', 'True');
  await waitFor({ what: 'the taint', timeoutMs: 120_000, everyMs: 100 }, async () =>
    (await node()).spec?.taints?.some(({ key, effect }) => key === 'node.kubernetes.io/pid-pressure' && effect === 'NoSchedule'),
  );
  await told('NodeHasInsufficientPID');
  await createLate();
  await cluster.kubectl(['wait', '--for=jsonpath={.status.reason}=Evicted', 'pod/late', '--timeout=120s']);
  expect((await pod('late')).status?.message).toBe('Pod was rejected: The node had condition: [PIDPressure]. ');
});
