// A plugin and an agent on their real sockets: registration, lists, allocation, and what is left after either was killed.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import { callUnix } from '../../kit/grpc/index.ts';
import { type RunningService, silentLogger, systemClock, waitFor } from '../../kit/run/index.ts';
import { Devices, devicePluginType, deviceRegistration, podResourcesService } from './index.ts';
import { TestPlugin, type TestPluginOptions } from './plugin.fixture.ts';
import { podResourcesMethods } from './wire.ts';

const GPU = 'x.io/gpu';
let root: string;
let stack: AsyncDisposableStack;
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/wherry-dev-`);
  stack = new AsyncDisposableStack();
});
afterEach(async () => {
  await stack.disposeAsync();
  rmSync(root, { recursive: true, force: true });
});

const folder = () => join(root, 'device-plugins');
const wants = (name: string, count: number, more: Partial<Container> = {}): Container => ({
  name,
  resources: { limits: { [GPU]: String(count) } },
  ...more,
});
const pod = (uid: string, containers: Container[], initContainers: Container[] = []): Pod => ({
  metadata: { name: uid, namespace: 'default', uid },
  spec: { containers, initContainers },
});

interface TestAgent {
  devices: Devices;
  stop(): Promise<void>;
}

/** `active`: uids of the pods that have not ended. */
async function agent(active: () => ReadonlySet<string> | undefined = () => undefined, pods: () => Pod[] = () => []): Promise<TestAgent> {
  const log = silentLogger;
  const devices = new Devices({ file: join(root, 'devices.json'), activePods: active, clock: systemClock, log });
  await devices.recover();
  const services = [
    deviceRegistration({ devices, folder: folder(), log }),
    podResourcesService({ devices, pods, socket: join(root, 'pod-resources/kubelet.sock'), log }),
  ];
  const running: RunningService[] = [];
  for (const service of services) running.push(await service.start(new AbortController().signal));
  const stop = async () => {
    for (const service of running.splice(0)) await service.stop();
  };
  stack.defer(stop);
  return { devices, stop };
}

async function plugin(options: Partial<TestPluginOptions> = {}): Promise<TestPlugin> {
  const made = stack.use(new TestPlugin({ folder: folder(), resource: GPU, devices: ['g0', 'g1', 'g2'], ...options }));
  return await made.start();
}

const counted = ({ devices }: TestAgent) => {
  const { capacity, allocatable } = devices.nodeResources();
  return `${allocatable[GPU]}/${capacity[GPU]}`;
};
const untilCounted = (on: TestAgent, expected: string) =>
  waitFor({ what: `${expected} devices`, timeoutMs: 20_000 }, () => counted(on) === expected);
const idsOf = ({ devices }: TestAgent, uid: string, container: string) => devices.of(uid, container).flatMap(({ deviceIds }) => deviceIds);

test('devices are counted as they come, fall ill, and go with their plugin; a plugin that comes back is taken', async () => {
  const node = await agent();
  const first = await plugin();
  await untilCounted(node, '3/3');
  first.set({ g0: 'Healthy', g1: 'Unhealthy', g2: 'Healthy' });
  await untilCounted(node, '2/3');
  first.set({ g0: 'Healthy' });
  await untilCounted(node, '1/1');
  first.stop();
  await untilCounted(node, '0/1');
  await plugin({ devices: ['n0', 'n1'] });
  await untilCounted(node, '2/2');
});

test('a plugin that was found in the folder of all plugins comes and goes like one that has registered', async () => {
  const node = await agent();
  await plugin();
  await untilCounted(node, '3/3');
  const type = devicePluginType(node.devices);
  await type.unregister(GPU);
  await untilCounted(node, '0/3');
  await type.register(GPU, join(folder(), 'x-io-gpu.sock'), ['v1alpha', 'v1beta1']);
  await untilCounted(node, '3/3');
  await expect(type.register(GPU, '/no/such', ['v2'])).rejects.toThrow('requested API version "v2" is not supported by kubelet.');
});

test('wrong registrations are refused with the reason', async () => {
  await agent();
  const start = (resource: string, version?: string) =>
    stack.use(new TestPlugin({ folder: folder(), resource, devices: [] })).start(version);
  await expect(start(GPU, 'v1alpha1')).rejects.toThrow(
    'requested API version "v1alpha1" is not supported by kubelet. Supported version is ["v1beta1"]',
  );
  await expect(start('gpu')).rejects.toThrow('the ResourceName "gpu" is invalid');
  await expect(start('kubernetes.io/gpu')).rejects.toThrow('is invalid');
});

test('each container gets its own, init containers pass theirs on, and the plugin may prefer some', async () => {
  const node = await agent();
  const asked = await plugin({ devices: ['g0', 'g1', 'g2'], preferred: () => ['g2', 'g1'] });
  await untilCounted(node, '3/3');
  const one = pod('one', [wants('main', 2)], [wants('init', 1)]);
  await node.devices.allocate(one);
  expect([idsOf(node, 'one', 'init'), idsOf(node, 'one', 'main')]).toEqual([['g1'], ['g1', 'g2']]);
  await node.devices.allocate(one); // again: nothing is asked twice
  expect(asked.calls.filter(([name]) => name === 'Allocate')).toHaveLength(2);
  await expect(node.devices.allocate(pod('two', [wants('main', 2)]))).rejects.toThrow(
    'requested number of devices unavailable for x.io/gpu. Requested: 2, Available: 1',
  );
  await node.devices.allocate(pod('three', [wants('main', 1)]));
  expect(idsOf(node, 'three', 'main')).toEqual(['g0']);
});

test('pods that ask at once do not get the same', async () => {
  const node = await agent();
  await plugin({ devices: Array.from({ length: 20 }, (_, at) => `g${at}`) });
  await untilCounted(node, '20/20');
  const uids = Array.from({ length: 20 }, (_, at) => `p${at}`);
  await Promise.all(uids.map((uid) => node.devices.allocate(pod(uid, [wants('c', 1)]))));
  expect(new Set(uids.flatMap((uid) => idsOf(node, uid, 'c'))).size).toBe(20);
});

test('what ended pods had is given again, while the others are known only', async () => {
  let active: ReadonlySet<string> | undefined = new Set(['old']);
  const node = await agent(() => active);
  await plugin({ devices: ['g0'] });
  await untilCounted(node, '1/1');
  await node.devices.allocate(pod('old', [wants('c', 1)]));
  await expect(node.devices.allocate(pod('new', [wants('c', 1)]))).rejects.toThrow('Available: 0');
  active = undefined;
  await expect(node.devices.allocate(pod('new', [wants('c', 1)]))).rejects.toThrow('Available: 0');
  active = new Set(['new']);
  await node.devices.allocate(pod('new', [wants('c', 1)]));
  expect([idsOf(node, 'old', 'c'), idsOf(node, 'new', 'c')]).toEqual([[], ['g0']]);
});

test('an agent that was killed knows who has what; its plugins come again, and until then nobody gets any', async () => {
  const before = await agent();
  const offering = await plugin({ devices: ['g0', 'g1'], preStartRequired: true });
  await untilCounted(before, '2/2');
  await before.devices.allocate(pod('one', [wants('c', 1)]));
  await before.stop();

  const after = await agent();
  expect(counted(after)).toBe('0/0');
  expect(existsSync(join(folder(), 'x-io-gpu.sock'))).toBe(false); // by this plugins see that they are to register again
  expect(idsOf(after, 'one', 'c')).toEqual(['g0']);
  expect((await after.devices.prepare(pod('one', [wants('c', 1)]), wants('c', 1)))?.env).toEqual([['DEVICES', 'g0']]);
  await expect(after.devices.allocate(pod('two', [wants('c', 1)]))).rejects.toThrow('no healthy devices present');
  offering.stop();
  await offering.start();
  await untilCounted(after, '2/2');
  await after.devices.allocate(pod('two', [wants('c', 1)]));
  expect(idsOf(after, 'two', 'c')).toEqual(['g1']);
});

test('a checkpoint that is damaged does not stop the agent', async () => {
  writeFileSync(join(root, 'devices.json'), '{"allotments":[');
  const node = await agent();
  await plugin({ devices: ['g0'] });
  await untilCounted(node, '1/1');
  await node.devices.allocate(pod('one', [wants('c', 1)]));
  expect(JSON.parse(readFileSync(join(root, 'devices.json'), 'utf8'))).toMatchObject({
    resources: [GPU],
    allotments: [{ deviceIds: ['g0'] }],
  });
});

test('a plugin is told before each start where it wants to, and what it refuses is told', async () => {
  const node = await agent();
  const asked = await plugin({ devices: ['g0'], preStartRequired: true });
  await untilCounted(node, '1/1');
  asked.failing.set('Allocate', 'on fire');
  const one = pod('one', [wants('c', 1)]);
  await expect(node.devices.allocate(one)).rejects.toThrow('rpc error: code = Unknown desc = on fire');
  asked.failing.clear();
  await node.devices.prepare(one, wants('c', 1));
  await node.devices.prepare(one, wants('c', 1));
  expect(asked.calls.filter(([name]) => name === 'PreStartContainer')).toEqual([
    ['PreStartContainer', ['g0']],
    ['PreStartContainer', ['g0']],
  ]);
  asked.failing.set('PreStartContainer', 'not now');
  await expect(node.devices.prepare(one, wants('c', 1))).rejects.toThrow(
    'device plugin PreStartContainer rpc failed with err: rpc error: code = Unknown desc = not now',
  );
  asked.stop();
  await untilCounted(node, '0/1');
  await expect(node.devices.prepare(one, wants('c', 1))).rejects.toThrow('endpoint not found in cache for a registered resource: x.io/gpu');
});

test('a status shows the health of what its container was given', async () => {
  const node = await agent();
  const offering = await plugin({ devices: ['g0'] });
  await untilCounted(node, '1/1');
  const one = pod('one', [wants('c', 1), { name: 'plain' }]);
  await node.devices.allocate(one);
  const health = () => node.devices.status(one, 'c');
  expect(health()).toEqual([{ name: GPU, resources: [{ resourceID: 'g0', health: 'Healthy' }] }]);
  expect(node.devices.status(one, 'plain')).toBeUndefined();
  offering.set({ g0: 'Unhealthy' });
  await untilCounted(node, '0/1');
  expect(health()?.[0]?.resources).toEqual([{ resourceID: 'g0', health: 'Unhealthy' }]);
});

test('the podresources API tells who has what', async () => {
  const one = pod('one', [wants('c', 1)], [wants('side', 1, { restartPolicy: 'Always' }), { name: 'init' }]);
  const ended = { ...pod('two', [wants('c', 1)]), status: { phase: 'Succeeded' } };
  const node = await agent(undefined, () => [one, ended]);
  await plugin({ devices: ['g0', 'g1', 'g2'] });
  await untilCounted(node, '3/3');
  await node.devices.allocate(one);
  const ask = (name: string, request: object = {}) =>
    callUnix<any>(join(root, 'pod-resources/kubelet.sock'), podResourcesMethods()[name]!, request, 10_000);
  const shown = {
    name: 'one',
    namespace: 'default',
    containers: [
      { name: 'side', devices: [{ resourceName: GPU, deviceIds: ['g0'] }], cpuIds: [] },
      { name: 'c', devices: [{ resourceName: GPU, deviceIds: ['g1'] }], cpuIds: [] },
    ],
  };
  expect(await ask('List')).toMatchObject({ podResources: [shown] });
  expect((await ask('List')).podResources).toHaveLength(1);
  expect(await ask('Get', { podName: 'one', podNamespace: 'default' })).toMatchObject({ podResources: shown });
  await expect(ask('Get', { podName: 'x', podNamespace: 'default' })).rejects.toThrow('pod x in namespace default not found');
  const all = await ask('GetAllocatableResources');
  expect(all.devices.map(({ deviceIds }: { deviceIds: string[] }) => deviceIds)).toEqual([['g0'], ['g1'], ['g2']]);
});
