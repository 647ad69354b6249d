// How many volumes a node can have: those of its pods, of pods to come and of attachments count once each.
import { expect, test } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/gen/types/core.v1.ts';
import type { CSINode, StorageClass, VolumeAttachment } from '../../api/gen/types/storage.v1.ts';
import type { InformerFactory } from '../../kit/client/index.ts';
import { NodeInfo } from './node-info.ts';
import { podInfoOf } from './pod-info.ts';
import { VolumeLimits } from './volume-limits.ts';

const claim = (name: string, volumeName?: string): PersistentVolumeClaim => ({
  metadata: { namespace: 'n', name },
  spec: { storageClassName: 'class', ...(volumeName ? { volumeName } : {}) },
});
const volume = (name: string, driver = 'd'): PersistentVolume => ({ metadata: { name }, spec: { csi: { driver, volumeHandle: name } } });
const attachment = (name: string): VolumeAttachment => ({
  metadata: { name },
  spec: { attacher: 'd', nodeName: 'a', source: { persistentVolumeName: name } },
});
const pod = (name: string, ...claims: string[]) =>
  podInfoOf({
    metadata: { namespace: 'n', name, uid: name },
    spec: { containers: [], volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })) },
  });
const caches: Record<string, { metadata: { namespace?: string; name?: string } }[]> = {
  persistentvolumeclaims: [claim('one', 'v1'), claim('again', 'v1'), claim('two', 'v2'), claim('other', 'w'), claim('to-come'), claim('x')],
  persistentvolumes: [volume('v1'), volume('v2'), volume('v3'), volume('w', 'unlimited')],
  storageclasses: [{ metadata: { name: 'class' }, provisioner: 'd' } as StorageClass],
  csinodes: [{ metadata: { name: 'a' }, spec: { drivers: [{ name: 'd', nodeID: 'a', allocatable: { count: 2 } }] } } as CSINode],
};

function exceeds(on: string[], attached: string[], wanted: string[], node = 'a'): boolean | undefined {
  const informers = {
    of: ({ plural }: { plural: string }) => ({
      addIndex: () => {},
      get: (key: string) =>
        caches[plural]?.find(({ metadata: { namespace, name } }) => (namespace ? `${namespace}/${name}` : name) === key),
      by: () => attached.map(attachment),
    }),
  };
  const info = new NodeInfo(node);
  for (const name of on) info.add(pod(`with-${name}`, name));
  return new VolumeLimits(informers as unknown as InformerFactory).exceeds(pod('new', ...wanted))?.(info);
}

test.each<[string[], string[], string[], boolean | undefined]>([
  [[], [], [], undefined],
  [[], [], ['one', 'two'], false],
  [['one'], [], ['two'], false],
  [['one', 'two'], [], ['to-come'], true],
  [['one', 'two'], [], ['again'], false],
  [['one', 'two'], [], ['other'], false],
  [['one'], ['v1'], ['two'], false],
  [['one'], ['v3'], ['two'], true],
  [[], ['v3'], ['to-come', 'x'], true],
  [['to-come'], ['v3'], ['to-come'], false],
  [[], [], ['absent'], undefined],
])('with pods of %j and attachments of %j a pod with %j exceeds it: %s', (on, attached, wanted, expected) =>
  expect(exceeds(on, attached, wanted)).toBe(expected),
);

test('a node whose drivers name no limit has none', () => expect(exceeds(['one', 'two'], [], ['x'], 'b')).toBe(false));
