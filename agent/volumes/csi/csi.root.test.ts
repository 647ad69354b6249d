// A driver built from the specification, on its real sockets: registration, staging, publishing, and what becomes of both after a crash.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { PersistentVolume, Pod, Volume } from '../../../api/gen/types/core.v1.ts';
import { type KubeObject, notFound } from '../../../api/meta/index.ts';
import type { Client, Resource } from '../../../kit/client/index.ts';
import { bindMount, isMounted, mountsBelow, mountTmpfs, removeTree, unmountTree } from '../../../kit/linux/index.ts';
import { silentLogger, systemClock, waitFor } from '../../../kit/run/index.ts';
import { type Driver, Drivers } from './drivers.ts';
import { CsiMounts } from './mounts.ts';
import { attachmentName } from './request.ts';
import { methodsOf, type ServiceName } from './wire.ts';

const root = mkdtempSync(`${tmpdir()}/wherry-csi-`);
afterAll(() => removeTree(root));

type Call = [name: string, request: Record<string, any>];
type Behaviour = (request: Record<string, any>) => object;

class TestDriver implements AsyncDisposable {
  readonly calls: Call[] = [];
  readonly #server = new Server();
  readonly socket: string;
  /** Calls that fail, by name. */
  readonly failing = new Map<string, string>();
  constructor(folder: string) {
    this.socket = join(folder, 'plugins_registry', 'd.example-reg.sock');
    const target = (path: string) => mkdirSync(path, { recursive: true });
    this.#serve('pluginregistration.Registration', {
      GetInfo: () => ({ type: 'CSIPlugin', name: 'd.example', endpoint: '', supportedVersions: ['1.0.0'] }),
      NotifyRegistrationStatus: () => ({}),
    });
    this.#serve('csi.v1.Node', {
      NodeGetInfo: () => ({ nodeId: 'node-of-driver', maxVolumesPerNode: 3, accessibleTopology: { segments: { 'd.example/zone': 'z' } } }),
      NodeGetCapabilities: () => ({ capabilities: [{ rpc: { type: 'STAGE_UNSTAGE_VOLUME' } }] }),
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
    const methods = methodsOf(service);
    const handlers = Object.fromEntries(
      Object.keys(behaviours).map((name) => [
        name,
        ({ request }: { request: Record<string, any> }, answer: (error: object | null, value?: object) => void) => {
          this.calls.push([name, request]);
          const details = this.failing.get(name);
          if (details !== undefined) answer({ code: status.INTERNAL, details });
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
    async patch(resource: Resource, name: string, _: string, patch: { metadata: object }) {
      const found = objects.get(key(resource, name))!;
      const next = { ...found, metadata: { ...found.metadata, ...patch.metadata } };
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

let folder = '';
let objects: Map<string, KubeObject>;
let number = 0;
beforeEach(() => {
  folder = join(root, String(number++));
  mkdirSync(join(folder, 'plugins_registry'), { recursive: true });
  mkdirSync(join(folder, 'pods'));
  objects = new Map([
    ['nodes/n', object('Node', 'n')],
    ['csidrivers/d.example', object('CSIDriver', 'd.example', { spec: { attachRequired: true, podInfoOnMount: true } })],
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
    drivers: { get: (name) => (name === 'd.example' && existsSync(driver.socket) ? known : undefined) },
    tokens: { get: async () => ({ text: 'token', renewAtMs: 0, endMs: 0 }) },
    nodeName: 'n',
    podsDir: join(folder, 'pods'),
    stagingDir: join(folder, 'plugins'),
  });
};

test('a driver is registered by its socket, told in CSINode and the node’s labels, and leaves with it', async () => {
  const driver = await new TestDriver(folder).start();
  const options = {
    client: fakeClient(objects),
    nodeName: 'n',
    folder: join(folder, 'plugins_registry'),
    clock: systemClock,
    log: silentLogger,
  };
  const drivers = new Drivers(options);
  const running = await drivers.service.start(new AbortController().signal);
  const signal = new AbortController().signal;
  await waitFor({ what: 'the driver', timeoutMs: 5000, everyMs: 5, signal }, () => driver.names().includes('NotifyRegistrationStatus'));
  expect(drivers.get('d.example')).toMatchObject({ socket: driver.socket, nodeId: 'node-of-driver' });
  expect(objects.get('csinodes/n')).toMatchObject({
    metadata: { ownerReferences: [{ kind: 'Node', uid: 'uid-n' }] },
    spec: { drivers: [{ name: 'd.example', nodeID: 'node-of-driver', topologyKeys: ['d.example/zone'], allocatable: { count: 3 } }] },
  });
  expect(objects.get('nodes/n')?.metadata.labels).toEqual({ 'd.example/zone': 'z' });
  await driver[Symbol.asyncDispose]();
  await waitFor({ what: 'the driver to leave', timeoutMs: 5000, everyMs: 5, signal }, () => drivers.get('d.example') === undefined);
  await waitFor({ what: 'CSINode', timeoutMs: 5000, everyMs: 5, signal }, () => objects.get('csinodes/n')?.['spec'].drivers.length === 0);
  await running.stop();
});

test('a volume is staged once, published for each pod, and unstaged after the last', async () => {
  await using driver = await new TestDriver(folder).start();
  const mounts = mountsOf(driver);
  const paths = await Promise.all(['a', 'b'].map((name) => mounts.setUpPersistent(pod(name), of, volume)));
  expect(paths.map((path) => readFileSync(join(path, 'data'), 'utf8'))).toEqual(['staged', 'staged']);
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
  await mounts.setUpPersistent(pod('a'), of, volume); // again: it is there
  await mounts.tearDown('uid-a');
  await mounts.tearDown('uid-a');
  expect(driver.names()).toEqual(['NodeUnpublishVolume']);
  await mounts.tearDown('uid-b');
  expect(driver.names()).toEqual(['NodeUnpublishVolume', 'NodeUnpublishVolume', 'NodeUnstageVolume']);
  expect(mountsBelow(folder)).toEqual([]);
});

test('what was asked before a crash is taken back by the next agent, once the driver is there again', async () => {
  const first = await new TestDriver(folder).start();
  first.failing.set('NodePublishVolume', 'disk on fire');
  await expect(mountsOf(first).setUpPersistent(pod('a'), of, volume)).rejects.toThrow('rpc error: code = Internal desc = disk on fire');
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
  await expect(mountsOf(driver).setUpPersistent(pod('a'), of, volume)).rejects.toThrow(
    'timed out waiting for external-attacher of d.example',
  );
  expect(driver.calls).toEqual([]);
  objects.set('csidrivers/d.example', object('CSIDriver', 'd.example', { spec: { attachRequired: false } }));
  const plain = mountsOf(driver, []);
  await plain.setUpPersistent(pod('a'), of, volume);
  await plain.tearDown('uid-a');
  expect(driver.names()).toEqual(['NodePublishVolume', 'NodeUnpublishVolume']);
});

test('a volume written into the pod needs a driver for such, and gets the pod’s tokens', async () => {
  await using driver = await new TestDriver(folder).start();
  const inline: Volume = { name: 'v', csi: { driver: 'd.example' } };
  const mounts = mountsOf(driver);
  await expect(mounts.setUpInline(pod('a'), inline)).rejects.toThrow('does not support Ephemeral volume lifecycle mode');
  const spec = { volumeLifecycleModes: ['Ephemeral'], podInfoOnMount: true, tokenRequests: [{ audience: 'aud' }] };
  objects.set('csidrivers/d.example', object('CSIDriver', 'd.example', { spec }));
  await mounts.setUpInline(pod('a'), inline);
  const context = driver.calls[0]?.[1]['volumeContext'];
  expect(context['csi.storage.k8s.io/ephemeral']).toBe('true');
  expect(JSON.parse(context['csi.storage.k8s.io/serviceAccount.tokens'])).toMatchObject({ aud: { token: 'token' } });
  await mounts.tearDown('uid-a');
  expect(driver.names()).toEqual(['NodePublishVolume', 'NodeUnpublishVolume']);
});
