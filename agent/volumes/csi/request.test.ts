import { expect, test } from 'vitest';
import type { PersistentVolume } from '../../../api/gen/types/core.v1.ts';
import type { CSIDriver } from '../../../api/gen/types/storage.v1.ts';
import { capability, givesToGroup, lifecycleProblem, persistentWish, placesOf, type Wanted } from './request.ts';

const volume = (accessModes: string[], csi: object = {}): PersistentVolume => ({
  metadata: { name: 'pv' },
  spec: { accessModes, csi: { driver: 'd.example', volumeHandle: 'h', ...csi } },
});
const wish = (accessModes: string[], csi: object = {}, of: object = { claimName: 'c' }): Wanted => {
  const from = volume(accessModes, csi);
  return persistentWish(from.spec!.csi!, from, { name: 'v', persistentVolumeClaim: of as { claimName: string } });
};
const driver = (spec: object): CSIDriver => ({ metadata: {}, spec });

test.each([
  [['ReadWriteOnce'], [], 'SINGLE_NODE_WRITER'],
  [['ReadWriteOncePod'], [], 'SINGLE_NODE_WRITER'],
  [['ReadWriteOnce'], ['SINGLE_NODE_MULTI_WRITER'], 'SINGLE_NODE_MULTI_WRITER'],
  [['ReadWriteOncePod'], ['SINGLE_NODE_MULTI_WRITER'], 'SINGLE_NODE_SINGLE_WRITER'],
  [['ReadWriteOnce', 'ReadOnlyMany'], [], 'SINGLE_NODE_WRITER'],
  [['ReadOnlyMany', 'ReadWriteMany'], [], 'MULTI_NODE_READER_ONLY'],
  [[], [], 'SINGLE_NODE_WRITER'],
])('access modes %j of a driver that can %j', (modes, can, mode) => {
  expect(capability(wish(modes), new Set(can), undefined)).toMatchObject({ accessMode: { mode } });
});

test('the pod’s claim says whether it is published to be read only, the volume’s own word is for the attacher', () => {
  expect(wish([], { readOnly: true }).readonly).toBe(false);
  expect(wish([], {}, { claimName: 'c', readOnly: true }).readonly).toBe(true);
});

test.each([
  ['File', [], '', true],
  ['None', ['ReadWriteOnce'], 'ext4', false],
  ['ReadWriteOnceWithFSType', ['ReadWriteOnce'], 'ext4', true],
  ['ReadWriteOnceWithFSType', ['ReadWriteOncePod'], 'ext4', true],
  ['ReadWriteOnceWithFSType', ['ReadWriteOnce'], '', false],
  [undefined, ['ReadWriteMany'], 'ext4', false],
])('fsGroupPolicy %s with %j and "%s"', (fsGroupPolicy, modes, fsType, expected) => {
  expect(givesToGroup(wish(modes, { fsType }), driver({ fsGroupPolicy }), new Set())).toBe(expected);
  expect(givesToGroup(wish(modes, { fsType }), driver({ fsGroupPolicy }), new Set(['VOLUME_MOUNT_GROUP']))).toBe(false);
});

test('a driver says which kinds of volumes it has', () => {
  const persistent = wish([]);
  const inline = { ...persistent, isInline: true };
  expect(lifecycleProblem(persistent, undefined)).toBeUndefined();
  expect(lifecycleProblem(inline, undefined)).toBe('volume mode "Ephemeral" not supported by driver d.example (no CSIDriver object)');
  expect(lifecycleProblem(inline, driver({ volumeLifecycleModes: ['Persistent', 'Ephemeral'] }))).toBeUndefined();
  expect(lifecycleProblem(persistent, driver({ volumeLifecycleModes: ['Ephemeral'] }))).toBe(
    'volume mode "Persistent" not supported by driver d.example (only supports ["Ephemeral"])',
  );
});

test('drivers find pods and volumes in the paths', () => {
  expect(placesOf(wish([]), 'uid', '/pods', '/plugins', true)).toEqual({
    target: '/pods/uid/volumes/kubernetes.io~csi/pv/mount',
    staging: expect.stringMatching(/^\/plugins\/d\.example\/[0-9a-f]{64}\/globalmount$/),
  });
  expect(placesOf({ ...wish([]), isBlock: true }, 'uid', '/pods', '/plugins', true)).toEqual({
    target: '/plugins/volumeDevices/publish/pv/uid',
    staging: '/plugins/volumeDevices/staging/pv',
  });
});
