// What the checks work with: a cluster whose first node has the driver, and short words for kubectl.
import { waitFor } from '../../kit/run/index.ts';
import type { Cluster } from '../../rig/index.ts';
import { DRIVER, type Programs } from './programs.ts';

/** Longer than the two minutes that a volume has to be attached. */
export const WAIT_MS = 180_000;

export class World {
  readonly cluster: Cluster;
  readonly programs: Programs;
  /** It has the driver. */
  readonly node: string;
  /** Its agent's state folder. */
  readonly state: string;

  constructor(cluster: Cluster, programs: Programs, node: string, state: string) {
    this.cluster = cluster;
    this.programs = programs;
    this.node = node;
    this.state = state;
  }

  apply(...items: object[]): Promise<string> {
    return this.cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
  }

  /** `what`: as kubectl wants it, e.g. `pvc/c`. */
  read(what: string, path: string): Promise<string> {
    return this.cluster.kubectl(['get', ...what.split(' '), '-o', `jsonpath={${path}}`]);
  }

  async until(what: string, path: string, wanted: string | RegExp): Promise<string> {
    return waitFor({ what: `${path} of ${what} to be ${wanted}`, timeoutMs: WAIT_MS, everyMs: 300 }, async () => {
      const text = await this.read(what, path);
      if (typeof wanted === 'string' ? text !== wanted : !wanted.test(text)) throw new Error(text);
      return text || ' ';
    });
  }

  async ready(pod: string): Promise<void> {
    await this.cluster.kubectl(['wait', `pod/${pod}`, '--for=condition=Ready', `--timeout=${WAIT_MS / 1000}s`], {
      timeoutMs: WAIT_MS + 10_000,
    });
  }

  exec(pod: string, command: string): Promise<string> {
    return this.cluster.kubectl(['exec', pod, '--', 'sh', '-c', command]);
  }

  patch(what: string, patch: object): Promise<string> {
    return this.cluster.kubectl(['patch', ...what.split(' '), '--type=merge', '-p', JSON.stringify(patch)]);
  }

  async delete(...what: string[]): Promise<void> {
    await this.cluster.kubectl(['delete', ...what, '--ignore-not-found', `--timeout=${WAIT_MS / 1000}s`], { timeoutMs: WAIT_MS + 10_000 });
  }

  /** What may not be: the API server says why. */
  async refused(why: RegExp, item: object): Promise<void> {
    const answer = await this.apply(item).then(
      (done) => `not refused: ${done}`,
      (error: Error) => error.message,
    );
    matches(answer, why, 'refusal');
  }

  /** An event of the object, by its name. */
  async told(name: string, pattern: RegExp): Promise<void> {
    await this.until(`events --field-selector involvedObject.name=${name}`, '.items[*].message', pattern);
  }
}

/** @throws Error unless they are the same */
export function same(got: string, wanted: string, what: string): void {
  if (got !== wanted) throw new Error(`${what}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`);
}

/** @throws Error unless it matches */
export function matches(got: string, wanted: RegExp, what: string): void {
  if (!wanted.test(got)) throw new Error(`${what}: expected ${wanted}, got ${JSON.stringify(got.slice(-1000))}`);
}

export const classes = [
  ['csi-now', 'Immediate', 'fast'],
  ['csi-wait', 'WaitForFirstConsumer', 'fast'],
  ['csi-slow', 'WaitForFirstConsumer', 'slow'],
].map(([name, volumeBindingMode, kind]) => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name },
  provisioner: DRIVER,
  parameters: { kind },
  volumeBindingMode,
  allowVolumeExpansion: true,
}));

export const driver = (more: object = {}) => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'CSIDriver',
  metadata: { name: DRIVER },
  spec: {
    volumeLifecycleModes: ['Persistent', 'Ephemeral'],
    podInfoOnMount: true,
    fsGroupPolicy: 'File',
    storageCapacity: true,
    ...more,
  },
});

const SNAPSHOTS = 'snapshot.storage.k8s.io';
const GROUPS = 'groupsnapshot.storage.k8s.io';
export const snapshotClass = {
  apiVersion: `${SNAPSHOTS}/v1`,
  kind: 'VolumeSnapshotClass',
  metadata: { name: 'csi-snaps' },
  driver: DRIVER,
  deletionPolicy: 'Delete',
};
export const snapshot = (name: string, source: object) => ({
  apiVersion: `${SNAPSHOTS}/v1`,
  kind: 'VolumeSnapshot',
  metadata: { name },
  spec: { volumeSnapshotClassName: 'csi-snaps', source },
});
export const groupSnapshotClass = { ...snapshotClass, apiVersion: `${GROUPS}/v1`, kind: 'VolumeGroupSnapshotClass' };
export const groupSnapshot = (name: string, source: object) => ({
  apiVersion: `${GROUPS}/v1`,
  kind: 'VolumeGroupSnapshot',
  metadata: { name },
  spec: { volumeGroupSnapshotClassName: 'csi-snaps', source },
});

export const attributesClass = (name: string, parameters: Record<string, string>) => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'VolumeAttributesClass',
  metadata: { name },
  driverName: DRIVER,
  parameters,
});

export const claim = (name: string, storageClassName: string, more: object = {}, storage = '16Mi') => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: { storageClassName, accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, ...more },
});

/** A claim of what a snapshot has. */
export const restored = (name: string, of: string) =>
  claim(name, 'csi-wait', { dataSource: { kind: 'VolumeSnapshot', name: of, apiGroup: SNAPSHOTS } });

/** Of a pod that writes /data/f: it is ready when it has. */
const written = { exec: { command: ['test', '-s', '/data/f'] }, periodSeconds: 1, timeoutSeconds: 30 };

/** With one volume at /data, or as a device at /dev/data. */
export const pod = (name: string, volume: object, command = 'sleep 3600', more: object = {}, isBlock = false) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: 'c',
        image: 'wherry/tools:1',
        command: ['sh', '-c', command],
        ...(command.includes('> /data/f') ? { readinessProbe: written } : {}),
        ...(isBlock
          ? { volumeDevices: [{ name: 'data', devicePath: '/dev/data' }] }
          : { volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
      },
    ],
    volumes: [{ name: 'data', ...volume }],
    ...more,
  },
});
export const of = (claimName: string) => ({ persistentVolumeClaim: { claimName } });
