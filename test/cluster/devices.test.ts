// Devices of a plugin as users see them: placed by the scheduler, given once, kept over kills, refused where there is none.
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { TestPlugin } from '../../agent/devices/plugin.fixture.ts';
import { waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';
import { agentConfig } from '../crash/node-state.ts';

const GPU = 'x.io/gpu';
const DONGLE = 'example.com/dongle';
let cluster: Cluster;
let folder: string;
beforeAll(async () => {
  cluster = await startCluster();
  const { stateDir = '' } = await agentConfig(cluster, 'node-1');
  folder = join(stateDir, 'device-plugins');
});
afterEach(async () => {
  await cluster.kubectl(['delete', 'pods', '--all', '--timeout=120s']);
  // What the next plugin offers is counted from nothing.
  if (await read('node node-1', '.status.capacity.x\\.io/gpu')) await untilCounted(0);
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

const read = (what: string, path: string) => cluster.kubectl(['get', ...what.split(' '), '-o', `jsonpath={${path}}`]);
const until = (what: string, condition: string) => cluster.kubectl(['wait', what, `--for=${condition}`, '--timeout=120s']);
const untilCounted = (allocatable: number) => until('node/node-1', `jsonpath={.status.allocatable.x\\.io/gpu}=${allocatable}`);
const pod = (name: string, spec: object = {}, count = 1) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: 'c',
        image: 'wherry/tools:1',
        command: ['sh', '-c', 'until [ -e /end ]; do sleep 0.1; done'],
        env: [{ name: 'MINE', value: 'pod' }],
        resources: { limits: { [GPU]: String(count) } },
      },
    ],
    ...spec,
  },
});
const apply = (...items: object[]) =>
  cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
const inside = (name: string, command: string) => cluster.kubectl(['exec', name, '--', 'sh', '-c', command]);
const offer = (...devices: string[]) =>
  new TestPlugin({
    folder,
    resource: GPU,
    devices,
    answer: (ids) => ({
      envs: { DEVICES: ids.join(), MINE: 'device' },
      devices: ids.map((id) => ({ containerPath: `/dev/${id}`, hostPath: '/dev/null', permissions: 'rw' })),
      mounts: [{ containerPath: '/driver', hostPath: '/etc', readOnly: true }],
    }),
  }).start();

test('pods get the devices that they ask for, with what comes with them; others wait, or are refused where they were sent', async () => {
  await using _plugin = await offer('g0', 'g1');
  await untilCounted(2);
  await apply(pod('one'), pod('two'));
  await Promise.all(['pod/one', 'pod/two'].map((name) => until(name, 'condition=Ready')));
  const given = await Promise.all(['one', 'two'].map((name) => inside(name, 'echo $DEVICES $MINE; ls /dev/g* /driver/passwd')));
  expect(given.toSorted()).toEqual(['g0 pod\n/dev/g0\n/driver/passwd\n', 'g1 pod\n/dev/g1\n/driver/passwd\n']);

  await apply(pod('waits'), pod('sent', { nodeName: 'node-1' }));
  await until('pod/sent', 'jsonpath={.status.phase}=Failed');
  expect(await read('pod sent', '.status.reason')).toBe('UnexpectedAdmissionError');
  expect(await read('pod sent', '.status.message')).toBe(
    'Pod was rejected: Allocate failed due to requested number of devices unavailable for x.io/gpu. Requested: 1, Available: 0, which is unexpected',
  );
  expect(await cluster.kubectl(['get', 'pod', 'sent', '--no-headers'])).toMatch(/sent\s+0\/1\s+UnexpectedAdmissionError/);
  await until('pod/waits', 'jsonpath={.status.conditions[?(@.type=="PodScheduled")].reason}=Unschedulable');
  expect(await read('pod waits', '.status.conditions[0].message')).toContain('1 Insufficient x.io/gpu');
  await cluster.kubectl(['delete', 'pod', 'one']);
  await until('pod/waits', 'condition=Ready');
});

test('an ill device is not given to anybody, its container’s status says so, and it comes back when it is well', async () => {
  await using plugin = await offer('g0', 'g1');
  await untilCounted(2);
  await apply(pod('has'));
  await until('pod/has', 'condition=Ready');
  const id = (await inside('has', 'echo $DEVICES')).trim();
  const other = id === 'g0' ? 'g1' : 'g0';
  plugin.set({ [id]: 'Unhealthy', [other]: 'Healthy' });
  await until('pod/has', 'jsonpath={.status.containerStatuses[0].allocatedResourcesStatus[0].resources[0].health}=Unhealthy');
  await untilCounted(1);
  expect(await read('node node-1', '.status.capacity.x\\.io/gpu')).toBe('2');
  plugin.set({ [id]: 'Healthy', [other]: 'Healthy' });
  await until('pod/has', 'jsonpath={.status.containerStatuses[0].allocatedResourcesStatus[0].resources[0].health}=Healthy');
  await untilCounted(2);
});

test('a kill of the agent takes no device from a container and gives none twice; who was refused stays refused', async () => {
  const plugin = await offer('g0', 'g1');
  try {
    await untilCounted(2);
    await apply(
      pod('stays'),
      pod('refused', { nodeName: 'node-1' }, 3),
      pod('lost', { nodeName: 'node-1', nodeSelector: { no: 'where' } }),
    );
    await until('pod/stays', 'condition=Ready');
    await Promise.all(['pod/refused', 'pod/lost'].map((name) => until(name, 'jsonpath={.status.phase}=Failed')));
    const before = [await read('pod stays', '.status.containerStatuses[0].containerID'), await inside('stays', 'echo $DEVICES')];
    await cluster.kill('node-1');
    await cluster.restart();
    await untilCounted(0);
    plugin.stop(); // as plugins do when their socket is gone
    await plugin.start();
    await untilCounted(2);
    await apply(pod('next'));
    await until('pod/next', 'condition=Ready');
    expect([await read('pod stays', '.status.containerStatuses[0].containerID'), await inside('stays', 'echo $DEVICES')]).toEqual(before);
    expect(new Set([before[1], await inside('next', 'echo $DEVICES')]).size).toBe(2);
    await inside('stays', 'touch /end');
    await until('pod/stays', 'jsonpath={.status.containerStatuses[0].restartCount}=1');
    await until('pod/stays', 'condition=Ready');
    expect(await inside('stays', 'echo $DEVICES')).toBe(before[1]);
    expect(await read('pod refused', '.status.reason')).toBe('UnexpectedAdmissionError');
    expect(await read('pod lost', '.status.reason')).toBe('NodeAffinity');
    for (const name of ['refused', 'lost']) expect(await read(`pod ${name}`, '.status.containerStatuses')).toBe('');
  } finally {
    await plugin[Symbol.asyncDispose]();
  }
});

test('devices of a plugin that is gone are nobody’s', async () => {
  const plugin = await offer('g0');
  await untilCounted(1);
  await plugin[Symbol.asyncDispose]();
  await untilCounted(0);
  await apply(pod('sent', { nodeName: 'node-1' }));
  await until('pod/sent', 'jsonpath={.status.phase}=Failed');
  expect(await read('pod sent', '.status.message')).toContain('no healthy devices present; cannot allocate unhealthy devices x.io/gpu');
});

test('what an administrator counts on a node is for pods, also after a kill of the agent, until it is taken away', async () => {
  const count = (amount: string | null) =>
    cluster.kubectl([
      'patch',
      'node',
      'node-1',
      '--subresource=status',
      '-p',
      JSON.stringify({ status: { capacity: { [DONGLE]: amount } } }),
    ]);
  const allocatable = '.status.allocatable.example\\.com/dongle';
  const wants = (name: string) =>
    pod(name, {
      containers: [{ name: 'c', image: 'wherry/tools:1', command: ['sleep', '600'], resources: { limits: { [DONGLE]: '3' } } }],
    });
  await count('4');
  try {
    await until('node/node-1', `jsonpath={${allocatable}}=4`);
    await apply(wants('first'));
    await until('pod/first', 'condition=Ready');
    await cluster.kill('node-1');
    await cluster.restart();
    await apply(wants('second'));
    await waitFor({ what: 'the scheduler', timeoutMs: 120_000 }, async () =>
      (await read('pod second', '.status.conditions[0].message')).includes(`1 Insufficient ${DONGLE}`),
    );
    await count('6');
    await until('pod/second', 'condition=Ready');
  } finally {
    await count(null);
  }
  await waitFor({ what: 'the agent', timeoutMs: 120_000 }, async () => (await read('node node-1', allocatable)) === '');
});

test('a container that is out of memory is told so', async () => {
  const container = {
    name: 'c',
    image: 'wherry/tools:1',
    command: ['sh', '-c', 'x=a; while true; do x=$x$x; done'],
    resources: { limits: { memory: '32Mi' } },
  };
  await apply(pod('greedy', { restartPolicy: 'Never', containers: [container] }));
  await until('pod/greedy', 'jsonpath={.status.phase}=Failed');
  const ended = JSON.parse(await read('pod greedy', '.status.containerStatuses[0].state.terminated'));
  expect(ended).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
});

test('huge pages that the node does not have are refused by the scheduler', async () => {
  await apply(
    pod('huge', { containers: [{ name: 'c', image: 'wherry/tools:1', resources: { limits: { 'hugepages-2Mi': '4Ti', memory: '8Mi' } } }] }),
  );
  await waitFor({ what: 'the scheduler', timeoutMs: 120_000 }, async () =>
    (await read('pod huge', '.status.conditions[0].message')).includes('1 Insufficient hugepages-2Mi'),
  );
});
