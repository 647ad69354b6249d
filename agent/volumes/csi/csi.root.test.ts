// A driver built from the specification, on its real sockets: registration, staging, publishing, and what becomes of both after a crash.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status as grpcStatus, Server, ServerCredentials } from '@grpc/grpc-js';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../../api/gen/types/core.v1.ts';
import { conflict, type KubeObject, notFound, type ObjectMeta } from '../../../api/meta/index.ts';
import { mergePatch } from '../../../api/patch/index.ts';
import type { Client, Resource } from '../../../kit/client/index.ts';
import { bindMount, isMounted, mountsBelow, mountTmpfs, removeTree, unmountTree } from '../../../kit/linux/index.ts';
import { attachmentName, uniqueVolumeName } from '../../../kit/placement/index.ts';
import { silentLogger, systemClock, waitFor } from '../../../kit/run/index.ts';
import type { Claimed } from '../claims.ts';
import { type Driver, Drivers } from './drivers.ts';
import { CsiMounts } from './mounts.ts';
import { METHODS, type ServiceName } from './wire.ts';

const root = mkdtempSync(`${tmpdir()}/wherry-csi-`);
afterAll(() => removeTree(root));

type Call = [name: string, request: Record<string, any>];
type Behaviour = (request: Record<string, any>) => object;

class TestDriver implements AsyncDisposable {
  readonly calls: Call[] = [];
  readonly #server = new Server();
  readonly socket: string;
  volumesMax = 3;
  /** Calls that fail, by name. */
  readonly failing = new Map<string, { code: number; details: string }>();
  constructor(folder: string, type = 'CSIPlugin') {
    this.socket = join(folder, 'plugins_registry', 'd.example-reg.sock');
    const target = (path: string) => mkdirSync(path, { recursive: true });
    this.#serve('pluginregistration.Registration', {
      GetInfo: () => ({ type, name: 'd.example', endpoint: '', supportedVersions: ['1.0.0'] }),
      NotifyRegistrationStatus: () => ({}),
    });
    this.#serve('csi.v1.Node', {
      NodeGetInfo: () => ({
        nodeId: 'node-of-driver',
        maxVolumesPerNode: this.volumesMax,
        accessibleTopology: { segments: { 'd.example/zone': 'z' } },
      }),
      NodeGetCapabilities: () => ({ capabilities: [{ rpc: { type: 'STAGE_UNSTAGE_VOLUME' } }] }),
      NodeExpandVolume: () => ({}),
      NodeGetVolumeStats: () => ({ usage: [{ unit: 'BYTES', total: 100, used: 30, available: 70 }] }),
      NodeStageVolume: ({ stagingTargetPath }) => {
        if (!isMounted(stagingTargetPath)) mountTmpfs(stagingTargetPath);
        writeFileSync(join(stagingTargetPath, 'data'), 'staged');
        return {};
      },
      NodePublishVolume: ({ stagingTargetPath, targetPath }) => {
        target(targetPath);
        if (stagingTargetPath) bindMount(stagingTargetPath, targetPath);
        else mountTmpfs(targetPath);
        return {};
      },
      NodeUnpublishVolume: ({ targetPath }) => {
        if (existsSync(targetPath)) unmountTree(targetPath);
        return {};
      },
      NodeUnstageVolume: ({ stagingTargetPath }) => {
        if (existsSync(stagingTargetPath)) unmountTree(stagingTargetPath);
        return {};
      },
    });
  }
  #serve(service: ServiceName, behaviours: Record<string, Behaviour>): void {
    const methods = METHODS[service];
    const handlers = Object.fromEntries(
      Object.keys(behaviours).map((name) => [
        name,
        ({ request }: { request: Record<string, any> }, answer: (error: object | null, value?: object) => void) => {
          this.calls.push([name, request]);
          const failure = this.failing.get(name);
          if (failure) answer(failure);
          else answer(null, behaviours[name]!(request));
        },
      ]),
    );
    this.#server.addService(Object.fromEntries(Object.keys(behaviours).map((name) => [name, methods[name]!])), handlers as never);
  }
  async start(): Promise<this> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.bindAsync(`unix:${this.socket}`, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
    await promise;
    return this;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
    rmSync(this.socket, { force: true });
  }
  names(): string[] {
    return this.calls.map(([name]) => name);
  }
}

/** Objects by `plural/name`. */
function fakeClient(objects: Map<string, KubeObject>): Client {
  const key = ({ plural }: Resource, name: string) => `${plural}/${name}`;
  return {
    async get(resource: Resource, name: string) {
      const found = objects.get(key(resource, name));
      if (!found) throw notFound(resource, name);
      return found;
    },
    async create(resource: Resource, object: KubeObject) {
      objects.set(key(resource, object.metadata.name ?? ''), object);
      return object;
    },
    async update(resource: Resource, object: KubeObject) {
      objects.set(key(resource, object.metadata.name ?? ''), object);
      return object;
    },
    async patch(resource: Resource, name: string, _: string, patch: { metadata?: ObjectMeta; status?: object }) {
      const found = objects.get(key(resource, name))!;
      const known = patch.metadata?.resourceVersion;
      if (known && known !== found.metadata.resourceVersion) throw conflict(resource, name);
      const next = mergePatch(found, patch);
      objects.set(key(resource, name), next);
      return next;
    },
  } as unknown as Client;
}

const object = (kind: string, name: string, more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, uid: `uid-${name}` },
  ...more,
});
/** As the API server defaults it. */
const csiDriver = (spec: object): KubeObject =>
  object('CSIDriver', 'd.example', { spec: { volumeLifecycleModes: ['Persistent'], ...spec } });
const pod = (name: string): Pod => ({
  metadata: { name, namespace: 'ns', uid: `uid-${name}` },
  spec: { containers: [], serviceAccountName: 'sa' },
});
const volume: PersistentVolume = {
  metadata: { name: 'pv' },
  spec: {
    accessModes: ['ReadWriteOnce'],
    mountOptions: ['noatime'],
    csi: {
      driver: 'd.example',
      volumeHandle: 'handle',
      fsType: 'ext4',
      volumeAttributes: { a: 'b' },
      nodeStageSecretRef: { name: 's', namespace: 'ns' },
    },
  },
};
const of: Volume = { name: 'data', persistentVolumeClaim: { claimName: 'c' } };

const claimed = (size = '1Gi', status: PersistentVolumeClaim['status'] = {}): Claimed => ({
  claim: {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'c', namespace: 'ns', uid: 'uid-c' },
    status: { capacity: { storage: '1Gi' }, ...status },
  },
  volume: { apiVersion: 'v1', kind: 'PersistentVolume', ...volume, spec: { ...volume.spec, capacity: { storage: size } } },
});

const TOKENS = 'csi.storage.k8s.io/serviceAccount.tokens';
const unique = uniqueVolumeName('d.example', 'handle');
let folder = '';
let woken: string[] = [];
let told: string[] = [];
let followed: string[] = [];
let nowMs = 0;
let objects: Map<string, KubeObject>;
let number = 0;
beforeEach(() => {
  folder = join(root, String(number++));
  told = [];
  woken = [];
  followed = [];
  nowMs = 1_000_000;
  mkdirSync(join(folder, 'plugins_registry'), { recursive: true });
  mkdirSync(join(folder, 'pods'));
  objects = new Map([
    ['nodes/n', object('Node', 'n', { status: { volumesAttached: [{ name: unique, devicePath: '' }] } })],
    ['csidrivers/d.example', csiDriver({ attachRequired: true, podInfoOnMount: true })],
    ['secrets/s', object('Secret', 's', { data: { key: Buffer.from('value').toString('base64') } })],
    [
      `volumeattachments/${attachmentName('handle', 'd.example', 'n')}`,
      object('VolumeAttachment', 'x', { status: { attached: true, attachmentMetadata: { device: '/dev/x' } } }),
    ],
  ]);
});
const mountsOf = (driver: TestDriver, can = ['STAGE_UNSTAGE_VOLUME']) => {
  const known: Driver = { name: 'd.example', socket: driver.socket, nodeId: 'node-of-driver', can: new Set(can) };
  return new CsiMounts({
    client: fakeClient(objects),
    drivers: {
      get: (name) => (name === 'd.example' && existsSync(driver.socket) ? known : undefined),
      recount: async (name) => void told.push(`recount ${name}`),
    },
    tokens: { get: async () => ({ text: 'token', renewAtMs: 0, endMs: 0 }) },
    events: { record: ({ kind }, type, reason, message) => told.push(`${kind} ${type} ${reason} ${message}`) },
    objects: { follow: (kind, namespace, name, uid) => followed.push(`${kind} ${namespace}/${name} for ${uid}`) },
    clock: { ...systemClock, nowMs: () => nowMs },
    log: silentLogger,
    onChange: (uid) => woken.push(uid),
    nodeName: 'n',
    podsDir: join(folder, 'pods'),
    stagingDir: join(folder, 'plugins'),
  });
};

const registration = () => ({
  client: fakeClient(objects),
  nodeName: 'n',
  folder: join(folder, 'plugins_registry'),
  clock: systemClock,
  log: silentLogger,
});

test('a driver is registered by its socket, told in CSINode and the node’s labels, and leaves with it', async () => {
  const driver = await new TestDriver(folder).start();
  const drivers = new Drivers(registration());
  const running = await drivers.service.start(new AbortController().signal);
  const signal = new AbortController().signal;
  await waitFor({ what: 'the driver', timeoutMs: 30_000, everyMs: 5, signal }, () => driver.names().includes('NotifyRegistrationStatus'));
  expect(drivers.get('d.example')).toMatchObject({ socket: driver.socket, nodeId: 'node-of-driver' });
  expect(objects.get('csinodes/n')).toMatchObject({
    metadata: { ownerReferences: [{ kind: 'Node', uid: 'uid-n' }] },
    spec: { drivers: [{ name: 'd.example', nodeID: 'node-of-driver', topologyKeys: ['d.example/zone'], allocatable: { count: 3 } }] },
  });
  expect(objects.get('nodes/n')?.metadata.labels).toEqual({ 'd.example/zone': 'z' });
  driver.volumesMax = 2;
  await drivers.recount('d.example');
  expect(objects.get('csinodes/n')?.['spec'].drivers).toMatchObject([{ name: 'd.example', allocatable: { count: 2 } }]);
  await driver[Symbol.asyncDispose]();
  await waitFor({ what: 'the driver to leave', timeoutMs: 30_000, everyMs: 5, signal }, () => drivers.get('d.example') === undefined);
  await waitFor({ what: 'CSINode', timeoutMs: 30_000, everyMs: 5, signal }, () => objects.get('csinodes/n')?.['spec'].drivers.length === 0);
  await running.stop();
});

test('a plugin of another type is handed to whoever serves it, and its going is told', async () => {
  const seen: string[] = [];
  const type = {
    register: async (...told: [string, string, readonly string[]]) => void seen.push(told.flat().join(' ')),
    unregister: async (name: string) => void seen.push(`${name} gone`),
  };
  const driver = await new TestDriver(folder, 'DevicePlugin').start();
  const running = await new Drivers({ ...registration(), others: { DevicePlugin: type } }).service.start(new AbortController().signal);
  await waitFor({ what: 'the plugin', timeoutMs: 10_000 }, () => driver.names().includes('NotifyRegistrationStatus'));
  await driver[Symbol.asyncDispose]();
  await waitFor({ what: 'the plugin to leave', timeoutMs: 10_000 }, () => seen.length === 2);
  expect(seen).toEqual([`d.example ${driver.socket} 1.0.0`, 'd.example gone']);
  await running.stop();
});

test('a volume is staged once, published for each pod, and unstaged after the last', async () => {
  await using driver = await new TestDriver(folder).start();
  const mounts = mountsOf(driver);
  const paths = await Promise.all(['a', 'b'].map((name) => mounts.setUpPersistent(pod(name), of, claimed())));
  expect(paths.map(({ path }) => readFileSync(join(path, 'data'), 'utf8'))).toEqual(['staged', 'staged']);
  const [stage] = driver.calls.filter(([name]) => name === 'NodeStageVolume');
  expect(stage?.[1]).toMatchObject({
    volumeId: 'handle',
    publishContext: { device: '/dev/x' },
    secrets: { key: 'value' },
    volumeContext: { a: 'b' },
    volumeCapability: { mount: { fsType: 'ext4', mountFlags: ['noatime'] }, accessMode: { mode: 'SINGLE_NODE_WRITER' } },
  });
  const published = driver.calls
    .filter(([name]) => name === 'NodePublishVolume')
    .map(([, { volumeContext }]) => volumeContext['csi.storage.k8s.io/pod.name']);
  expect(published.sort()).toEqual(['a', 'b']);
  driver.calls.length = 0;
  await mounts.setUpPersistent(pod('a'), of, claimed()); // again: it is there
  await mounts.tearDown('uid-a');
  await mounts.tearDown('uid-a');
  expect(driver.names()).toEqual(['NodeUnpublishVolume']);
  await mounts.tearDown('uid-b');
  expect(driver.names()).toEqual(['NodeUnpublishVolume', 'NodeUnpublishVolume', 'NodeUnstageVolume']);
  expect(mountsBelow(folder)).toEqual([]);
});

test('what was asked before a crash is taken back by the next agent, once the driver is there again', async () => {
  const first = await new TestDriver(folder).start();
  first.failing.set('NodePublishVolume', { code: grpcStatus.INTERNAL, details: 'disk on fire' });
  await expect(mountsOf(first).setUpPersistent(pod('a'), of, claimed())).rejects.toThrow('rpc error: code = Internal desc = disk on fire');
  await first[Symbol.asyncDispose]();
  await expect(mountsOf(first).tearDown('uid-a')).rejects.toThrow('driver name d.example not found in the list of registered CSI drivers');
  await using second = await new TestDriver(folder).start();
  await mountsOf(second).tearDown('uid-a');
  expect(second.names()).toEqual(['NodeUnpublishVolume', 'NodeUnstageVolume']);
  expect(mountsBelow(folder)).toEqual([]);
});

test('nothing is staged before it is attached, nor for drivers that do not stage', async () => {
  await using driver = await new TestDriver(folder).start();
  objects.delete(`volumeattachments/${attachmentName('handle', 'd.example', 'n')}`);
  await expect(mountsOf(driver).setUpPersistent(pod('a'), of, claimed())).rejects.toMatchObject({ stage: 'WaitForAttach' });
  objects.set('nodes/n', object('Node', 'n'));
  await expect(mountsOf(driver).setUpPersistent(pod('a'), of, claimed())).rejects.toMatchObject({ stage: 'attach' });
  expect(driver.calls).toEqual([]);
  objects.set('csidrivers/d.example', csiDriver({ attachRequired: false }));
  const plain = mountsOf(driver, []);
  await plain.setUpPersistent(pod('a'), of, claimed());
  await plain.tearDown('uid-a');
  expect(driver.names()).toEqual(['NodePublishVolume', 'NodeUnpublishVolume']);
});

test('a volume for which the node has no room is known by the attacher’s word, and the driver is asked anew how many it can have', async () => {
  await using driver = await new TestDriver(folder).start();
  const exceeds = () => mountsOf(driver).exceedsLimit(volume);
  expect(await exceeds()).toBe(false);
  const name = `volumeattachments/${attachmentName('handle', 'd.example', 'n')}`;
  objects.set(name, object('VolumeAttachment', 'x', { status: { attached: false, attachError: { errorCode: 8 } } }));
  expect(await exceeds()).toBe(false);
  expect(told).toEqual([]);
  objects.set('csidrivers/d.example', csiDriver({ nodeAllocatableUpdatePeriodSeconds: 10 }));
  expect(await exceeds()).toBe(true);
  expect(told).toEqual(['recount d.example']);
});

test('a volume is told to be in use from before it is mounted until it is unmounted, over the life of an agent', async () => {
  await using driver = await new TestDriver(folder).start();
  const inUse = () => objects.get('nodes/n')?.['status'].volumesInUse;
  const mounts = mountsOf(driver);
  objects.set('nodes/n', object('Node', 'n', { status: {} }));
  await expect(mounts.setUpPersistent(pod('a'), of, claimed())).rejects.toMatchObject({ stage: 'attach' });
  expect(inUse()).toEqual([unique]);
  const attached = { ...objects.get('nodes/n')!, status: { volumesInUse: [unique], volumesAttached: [{ name: unique, devicePath: '' }] } };
  objects.set('nodes/n', attached);
  mounts.nodeSeen(attached);
  expect(woken).toEqual(['uid-a']);
  await mounts.setUpPersistent(pod('a'), of, claimed());

  const next = mountsOf(driver);
  await next.recover();
  objects.set('nodes/n', object('Node', 'n', { status: {} })); // registered anew
  next.nodeSeen(objects.get('nodes/n')!);
  const signal = new AbortController().signal;
  await waitFor({ what: 'the node to tell', timeoutMs: 5000, everyMs: 1, signal }, () => inUse()?.[0] === unique);
  driver.failing.set('NodeUnpublishVolume', { code: grpcStatus.INTERNAL, details: 'busy' });
  await expect(next.tearDown('uid-a')).rejects.toThrow('busy');
  expect(inUse()).toEqual([unique]);
  driver.failing.clear();
  await next.tearDown('uid-a');
  await waitFor({ what: 'the node to tell', timeoutMs: 5000, everyMs: 1, signal }, () => inUse()?.length === 0);
});

test('a volume written into the pod needs a driver for such, and gets the pod’s tokens', async () => {
  await using driver = await new TestDriver(folder).start();
  const inline: Volume = { name: 'v', csi: { driver: 'd.example' } };
  const mounts = mountsOf(driver);
  await expect(mounts.setUpInline(pod('a'), inline)).rejects.toThrow(
    'volume mode "Ephemeral" not supported by driver d.example (only supports ["Persistent"])',
  );
  const spec = { volumeLifecycleModes: ['Ephemeral'], podInfoOnMount: true, tokenRequests: [{ audience: 'aud' }] };
  objects.set('csidrivers/d.example', csiDriver(spec));
  await mounts.setUpInline(pod('a'), inline);
  const context = driver.calls[0]?.[1]['volumeContext'];
  expect(context['csi.storage.k8s.io/ephemeral']).toBe('true');
  expect(JSON.parse(context[TOKENS])).toMatchObject({ aud: { token: 'token' } });
  await mounts.tearDown('uid-a');
  expect(driver.names()).toEqual(['NodePublishVolume', 'NodeUnpublishVolume']);
});

describe('a volume that its driver has made larger', () => {
  const can = ['STAGE_UNSTAGE_VOLUME', 'EXPAND_VOLUME'];
  const pending = (step: string) => ({
    conditions: [{ type: 'FileSystemResizePending', status: 'True' }],
    allocatedResources: { storage: '2Gi' },
    allocatedResourceStatuses: { storage: step },
  });
  const grows = async (mounts: CsiMounts, status: PersistentVolumeClaim['status'] = pending('NodeResizePending')) => {
    const now = claimed('2Gi', status);
    objects.set('persistentvolumeclaims/c', now.claim);
    return await mounts.setUpPersistent(pod('a'), of, now);
  };
  const status = () => objects.get('persistentvolumeclaims/c')?.['status'];

  test('grows on the node, in use or not, and the claim says so', async () => {
    await using driver = await new TestDriver(folder).start();
    const mounts = mountsOf(driver, can);
    const { refreshAtMs } = await mounts.setUpPersistent(pod('a'), of, claimed());
    expect(refreshAtMs).toBe(nowMs + 60_000);
    expect(followed).toEqual(['persistentvolumeclaims ns/c for uid-a']);
    expect(driver.names()).not.toContain('NodeExpandVolume');
    const { path } = await grows(mounts);
    const [, request] = driver.calls.find(([name]) => name === 'NodeExpandVolume')!;
    expect(request).toMatchObject({ volumeId: 'handle', volumePath: path, capacityRange: { requiredBytes: 2 * 1024 ** 3 } });
    expect(status()).toMatchObject({ capacity: { storage: '2Gi' }, conditions: [], allocatedResourceStatuses: {} });
    const message = 'Normal FileSystemResizeSuccessful MountVolume.NodeExpandVolume succeeded for volume "pv" n';
    expect(told).toEqual([`Pod ${message}`, `PersistentVolumeClaim ${message}`]);
    await mounts.tearDown('uid-a');
  });

  test.each([
    ['OUT_OF_RANGE', 'NodeResizeInfeasible', 'OutOfRange'],
    ['INTERNAL', 'NodeResizeInProgress', 'Internal'],
  ] as const)('that fails with %s leaves the pod alone and tells', async (code, step, name) => {
    await using driver = await new TestDriver(folder).start();
    const mounts = mountsOf(driver, can);
    await mounts.setUpPersistent(pod('a'), of, claimed());
    driver.failing.set('NodeExpandVolume', { code: grpcStatus[code], details: 'no' });
    await grows(mounts);
    expect(told).toEqual([
      `Pod Warning VolumeResizeFailed NodeExpandVolume.NodeExpandVolume failed for volume "pv" : Expander.NodeExpand failed to expand the volume : rpc error: code = ${name} desc = no`,
    ]);
    expect(status()).toMatchObject({ allocatedResourceStatuses: { storage: step } });
    expect(status().conditions.map(({ type }: { type: string }) => type)).toEqual(['FileSystemResizePending', 'NodeResizeError']);
    driver.calls.length = 0;
    const { refreshAtMs = 0 } = await mounts.setUpPersistent(pod('a'), of, claimed('2Gi', status())); // the claim has changed
    expect(driver.names()).toEqual([]);
    expect(refreshAtMs).toBe(nowMs + 500);
    nowMs = refreshAtMs;
    await mounts.setUpPersistent(pod('a'), of, claimed('2Gi', status())); // asked again only where it may help
    expect(driver.names()).toEqual(step === 'NodeResizeInfeasible' ? [] : ['NodeExpandVolume']);
    await mounts.tearDown('uid-a');
  });

  test('but not while in use waits until it is mounted next', async () => {
    await using driver = await new TestDriver(folder).start();
    const mounts = mountsOf(driver, can);
    await mounts.setUpPersistent(pod('a'), of, claimed());
    driver.failing.set('NodeExpandVolume', { code: grpcStatus.FAILED_PRECONDITION, details: 'in use' });
    await grows(mounts);
    nowMs += 3_600_000;
    await grows(mounts, status());
    const expansions = () => driver.names().filter((name) => name === 'NodeExpandVolume').length;
    expect(expansions()).toBe(1);
    await mounts.tearDown('uid-a');
    driver.failing.clear();
    await grows(mounts, status());
    expect(expansions()).toBe(2);
    expect(status()).toMatchObject({ capacity: { storage: '2Gi' }, conditions: [] });
    await mounts.tearDown('uid-a');
  });

  test('and whose claim somebody else has written meanwhile is left for the next look', async () => {
    await using driver = await new TestDriver(folder).start();
    const mounts = mountsOf(driver, can);
    await mounts.setUpPersistent(pod('a'), of, claimed());
    const { claim, volume: larger } = claimed('2Gi', pending('NodeResizePending'));
    objects.set('persistentvolumeclaims/c', { ...claim, metadata: { ...claim.metadata, resourceVersion: '2' } });
    const old = { claim: { ...claim, metadata: { ...claim.metadata, resourceVersion: '1' } }, volume: larger };
    await mounts.setUpPersistent(pod('a'), of, old);
    expect(driver.names()).not.toContain('NodeExpandVolume');
    expect(told).toEqual([]);
    await mounts.tearDown('uid-a');
  });

  test('but cannot grow is not mounted smaller than it says', async () => {
    await using driver = await new TestDriver(folder).start();
    const mounts = mountsOf(driver, can);
    driver.failing.set('NodeExpandVolume', { code: grpcStatus.INTERNAL, details: 'no' });
    await expect(grows(mounts)).rejects.toMatchObject({ stage: 'expand' });
    await mounts.tearDown('uid-a');
  });
});

test('a driver that asks for it gets the tokens again while the pod runs, and its refusals leave the mount', async () => {
  await using driver = await new TestDriver(folder).start();
  const spec = { attachRequired: false, requiresRepublish: true, tokenRequests: [{ audience: 'aud' }] };
  objects.set('csidrivers/d.example', csiDriver(spec));
  const mounts = mountsOf(driver, []);
  const first = await mounts.setUpPersistent(pod('a'), of, claimed());
  expect(first.refreshAtMs).toBe(nowMs + 60_000);
  expect(await mounts.setUpPersistent(pod('a'), of, claimed())).toEqual(first); // for another reason: nothing is due
  objects.set('csidrivers/d.example', csiDriver({ ...spec, serviceAccountTokenInSecrets: true }));
  driver.failing.set('NodePublishVolume', { code: grpcStatus.INTERNAL, details: 'no' });
  nowMs += 60_000;
  const { path, refreshAtMs } = await mounts.setUpPersistent(pod('a'), of, claimed());
  expect(driver.names()).toEqual(['NodePublishVolume', 'NodePublishVolume']);
  expect(driver.calls.map(([, { secrets, volumeContext }]) => [volumeContext, secrets].map((one) => TOKENS in one))).toEqual([
    [true, false],
    [false, true],
  ]);
  expect(refreshAtMs).toBe(nowMs + 500);
  expect(isMounted(path)).toBe(true);
  expect(told).toEqual(['Pod Warning FailedMount MountVolume.SetUp failed for volume "pv" : rpc error: code = Internal desc = no']);
  await mounts.tearDown('uid-a');
});

test('a pod keeps its volume while the driver is away, and its driver counts', async () => {
  const driver = await new TestDriver(folder).start();
  const mounts = mountsOf(driver, ['GET_VOLUME_STATS']);
  const { path } = await mounts.setUpPersistent(pod('a'), of, claimed());
  expect(await mounts.stats('uid-a', 'data')).toMatchObject({ capacityBytes: 100, usedBytes: 30, availableBytes: 70, inodes: 0 });
  expect(await mountsOf(driver, []).stats('uid-a', 'data')).toBeUndefined();
  await driver[Symbol.asyncDispose]();
  expect(await mounts.setUpPersistent(pod('a'), of, claimed())).toMatchObject({ path });
  expect(await mounts.stats('uid-a', 'data')).toBeUndefined();
  await using again = await new TestDriver(folder).start();
  await mounts.tearDown('uid-a');
  expect(again.names()).toEqual(['NodeUnpublishVolume']);
});

test('a block device is published outside of the pod’s folder, and its file goes', async () => {
  await using driver = await new TestDriver(folder).start();
  const mounts = mountsOf(driver);
  const block = claimed();
  const device: Claimed = { ...block, volume: { ...block.volume, spec: { ...block.volume.spec, volumeMode: 'Block' } } };
  const { path } = await mounts.setUpPersistent(pod('a'), of, device);
  expect(path).toBe(join(folder, 'plugins/volumeDevices/publish/pv/uid-a'));
  const [, request] = driver.calls.find(([name]) => name === 'NodeStageVolume')!;
  expect(request).toMatchObject({
    stagingTargetPath: join(folder, 'plugins/volumeDevices/staging/pv'),
    volumeCapability: { block: {} },
  });
  await mounts.tearDown('uid-a');
  expect(existsSync(path)).toBe(false);
  expect(mountsBelow(folder)).toEqual([]);
});
