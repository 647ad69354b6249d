import { describe, expect, test } from 'vitest';
import type { Node, PersistentVolumeClaim } from '../../../api/gen/types/core.v1.ts';
import { newVolume, refusal, standardClass } from './volume.ts';

const node = (annotations: Record<string, string> = { 'wherry.io/local-path-folder': '/var/lib/wherry/local-path' }): Node => ({
  metadata: { name: 'n1', labels: { 'kubernetes.io/hostname': 'host-1' }, annotations },
});
const claim = (spec: PersistentVolumeClaim['spec'] & object = {}): PersistentVolumeClaim => ({
  metadata: { name: 'c', namespace: 'ns', uid: '1-2', resourceVersion: '7' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
});

describe('a claim is refused', () => {
  test.each<[string, PersistentVolumeClaim, Node | undefined, string | undefined]>([
    ['never when all is well', claim(), node(), undefined],
    ['never for one pod alone', claim({ accessModes: ['ReadWriteOncePod'] }), node(), undefined],
    ['for many writers', claim({ accessModes: ['ReadWriteOnce', 'ReadWriteMany'] }), node(), 'access modes, not ReadWriteMany'],
    ['for a device', claim({ volumeMode: 'Block' }), node(), 'does not support block volumes'],
    ['for a copy', claim({ dataSource: { kind: 'PersistentVolumeClaim', name: 'd' } }), node(), 'from a data source'],
    ['without a node', claim(), undefined, 'WaitForFirstConsumer'],
    ['on a node of another kind', claim(), node({}), 'node "n1" has no folder for local volumes'],
  ])('%s', (_, of, on, text) => {
    const why = refusal(of, on);
    if (text === undefined) expect(why).toBeUndefined();
    else expect(why).toContain(text);
  });
});

test('its volume is a folder that pins pods to the node', () => {
  expect(newVolume(claim(), standardClass, node())).toMatchObject({
    metadata: { name: 'pvc-1-2', labels: { 'wherry.io/local-path-node': 'n1' } },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'standard',
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: { namespace: 'ns', name: 'c', uid: '1-2' },
      local: { path: '/var/lib/wherry/local-path/pvc-1-2' },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['host-1'] }] }] },
      },
    },
  });
});
