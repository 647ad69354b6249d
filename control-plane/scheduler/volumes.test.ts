// Claims that wait for a pod: which nodes can serve them, and what binding writes.
import { expect, test } from 'vitest';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../api/gen/types/core.v1.ts';
import type { CSIDriver, CSIStorageCapacity, StorageClass } from '../../api/gen/types/storage.v1.ts';
import type { Client, InformerFactory } from '../../kit/client/index.ts';
import { podInfoOf } from './pod-info.ts';
import { VolumeBinder } from './volumes.ts';

const counting: CSIDriver = { metadata: { name: 'counting' }, spec: { storageCapacity: true } };
const left = (host: string, capacity: string, maximumVolumeSize?: string): CSIStorageCapacity => ({
  metadata: { name: `${host}-${capacity}`, namespace: 'drivers' },
  storageClassName: 'wait',
  nodeTopology: { matchLabels: { host } },
  capacity,
  ...(maximumVolumeSize ? { maximumVolumeSize } : {}),
});
const nodeOf = (name: string): Node => ({ metadata: { name, labels: { host: name } } });
const volumeOn = (name: string, node: string, size = '1Gi'): PersistentVolume => ({
  metadata: { name },
  spec: {
    capacity: { storage: size },
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'wait',
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'host', operator: 'In', values: [node] }] }] } },
  },
  status: { phase: 'Available' },
});
const claimOf = (name: string, size = '1Gi', extra: Partial<PersistentVolumeClaim> = {}): PersistentVolumeClaim => ({
  metadata: { name, namespace: 'n', uid: name },
  spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'wait', resources: { requests: { storage: size } } },
  status: { phase: 'Pending' },
  ...extra,
});
const podWith = (...claims: string[]) =>
  podInfoOf({
    metadata: { name: 'p', namespace: 'n', uid: 'p' },
    spec: { containers: [], volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })) },
  });
const wait = (provisioner = 'kubernetes.io/no-provisioner'): StorageClass => ({
  metadata: { name: 'wait' },
  provisioner,
  volumeBindingMode: 'WaitForFirstConsumer',
});

function setup(
  claims: PersistentVolumeClaim[],
  volumes: PersistentVolume[],
  classes: StorageClass[] = [wait()],
  capacities: CSIStorageCapacity[] = [],
) {
  const caches: Record<string, { metadata: { namespace?: string; name?: string } }[]> = {
    persistentvolumeclaims: claims,
    persistentvolumes: volumes,
    storageclasses: classes,
    csidrivers: [counting],
    csistoragecapacities: capacities,
  };
  const informers = {
    of: ({ plural }: { plural: string }) => ({
      get: (key: string) =>
        caches[plural]?.find(({ metadata: { namespace, name } }) => (namespace ? `${namespace}/${name}` : name) === key),
      list: () => caches[plural],
    }),
  };
  return new VolumeBinder(informers as unknown as InformerFactory);
}
const refusals = (binder: VolumeBinder, ...claims: string[]) => {
  const demand = binder.demand(podWith(...claims));
  return demand?.problem ?? ['a', 'b'].map((node) => demand?.refuses?.(nodeOf(node)) ?? 'fits');
};

test.each<[string, PersistentVolumeClaim[], PersistentVolume[], StorageClass[], string[], unknown]>([
  ['a node with a free volume', [claimOf('c')], [volumeOn('v', 'a')], [wait()], ['c'], ['fits', 'none-free']],
  ['two claims, one volume', [claimOf('c'), claimOf('d')], [volumeOn('v', 'a')], [wait()], ['c', 'd'], ['none-free', 'none-free']],
  [
    'the small claim leaves the large volume to the other',
    [claimOf('big', '5Gi'), claimOf('small')],
    [volumeOn('five', 'a', '5Gi'), volumeOn('one', 'a')],
    [wait()],
    ['big', 'small'],
    ['fits', 'none-free'],
  ],
  ['a driver can make one anywhere', [claimOf('c')], [], [wait('example.com/p')], ['c'], ['fits', 'fits']],
  [
    'a driver was asked for a node already',
    [claimOf('c', '1Gi', { metadata: { name: 'c', namespace: 'n', annotations: { 'volume.kubernetes.io/selected-node': 'b' } } })],
    [],
    [wait('example.com/p')],
    ['c'],
    ['none-free', 'fits'],
  ],
  ['no class says that it waits', [claimOf('c')], [], [], ['c'], 'pod has unbound immediate PersistentVolumeClaims'],
  ['no claim', [], [], [wait()], ['c'], 'persistentvolumeclaim "c" not found'],
])('%s', (_, claims, volumes, classes, names, expected) => {
  expect(refusals(setup(claims, volumes, classes), ...names)).toEqual(expected);
});

test.each<[CSIStorageCapacity[], string[]]>([
  [[], ['full', 'full']],
  [[left('a', '1Gi')], ['full', 'full']],
  [
    [left('a', '1Gi'), left('b', '3Gi')],
    ['full', 'fits'],
  ],
  [[left('b', '3Gi', '1Gi')], ['full', 'full']],
  [[{ ...left('a', '3Gi'), nodeTopology: {} }], ['fits', 'fits']],
])('a driver that counts has room where it says so %#', (capacities, expected) => {
  expect(refusals(setup([claimOf('c', '2Gi')], [], [wait('counting')], capacities), 'c')).toEqual(expected);
});

test('a claim that is bound to what is not there fits nowhere, one in a zone only there', () => {
  const bound = claimOf('c', '1Gi', { spec: { volumeName: 'v' }, status: { phase: 'Bound' } });
  expect(refusals(setup([bound], []), 'c')).toEqual(['gone', 'gone']);
  const zoned: PersistentVolume = { metadata: { name: 'v', labels: { 'topology.kubernetes.io/zone': 'z' } } };
  const { inZone } = setup([bound], [zoned]).demand(podWith('c')) ?? {};
  expect(['z', 'y'].map((zone) => inZone?.({ metadata: { labels: { 'topology.kubernetes.io/zone': zone } } }))).toEqual([true, false]);
});

test('claims for one pod alone are told from others', () => {
  const alone = claimOf('alone', '1Gi', { spec: { accessModes: ['ReadWriteOncePod'] } });
  expect(setup([alone, claimOf('c')], []).exclusive(podWith('alone', 'c', 'absent'))).toEqual(['n/alone']);
});

test('binding reserves the volume for the claim and waits until it is bound', async () => {
  const claims = [claimOf('c')];
  const written: PersistentVolume[] = [];
  const client = {
    update: async (_: unknown, volume: PersistentVolume) => {
      written.push(volume);
      claims[0] = claimOf('c', '1Gi', { status: { phase: 'Bound' } });
    },
  };
  const binder = setup(claims, [volumeOn('v', 'a')]);
  await binder.bind(client as unknown as Client, podWith('c'), nodeOf('a'), () => false, new AbortController().signal);
  expect(written).toMatchObject([
    {
      metadata: { name: 'v', annotations: { 'pv.kubernetes.io/bound-by-controller': 'yes' } },
      spec: { claimRef: { kind: 'PersistentVolumeClaim', namespace: 'n', name: 'c', uid: 'c' } },
    },
  ]);
});

test('binding ends when the pod goes', async () => {
  const binder = setup([claimOf('c')], [volumeOn('v', 'a')]);
  const client = { update: async () => {} } as unknown as Client;
  await expect(binder.bind(client, podWith('c'), nodeOf('a'), () => true, new AbortController().signal)).rejects.toThrow('pod n/p is gone');
});

test.each([
  ['takes its node off', { annotations: {} }, {}, 'provisioning failed for PVC "c"'],
  ['makes it for another node', {}, { volumeName: 'v' }, 'pv "v" node affinity doesn\'t match node "b": no matching NodeSelectorTerms'],
])('binding ends when the driver that is asked for a volume %s', async (_, metadata, spec, message) => {
  const claims = [claimOf('c')];
  const asked = (version: string, more: object = {}) =>
    claimOf('c', '1Gi', {
      metadata: {
        ...claimOf('c').metadata,
        resourceVersion: version,
        annotations: { 'volume.kubernetes.io/selected-node': 'b' },
        ...more,
      },
      spec: { ...claimOf('c').spec, ...(version === '8' ? spec : {}) },
    });
  const volumes: PersistentVolume[] = [];
  const client = {
    patch: async () => {
      claims[0] = asked('6', { annotations: {} }); // the cache is behind
      setImmediate(() => {
        volumes.push(volumeOn('v', 'a'));
        claims[0] = asked('8', metadata);
      });
      return asked('7');
    },
  };
  const binder = setup(claims, volumes, [wait('example.com/p')]);
  const binding = binder.bind(client as unknown as Client, podWith('c'), nodeOf('b'), () => false, new AbortController().signal);
  await expect(binding).rejects.toThrow(message);
});
