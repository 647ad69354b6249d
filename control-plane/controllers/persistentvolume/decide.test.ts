import { describe, expect, test } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim } from '../../../api/gen/types/core.v1.ts';
import type { StorageClass } from '../../../api/gen/types/storage.v1.ts';
import { BIND_COMPLETED, claimStep, volumeStep } from './decide.ts';

interface Sketch {
  size?: string;
  modes?: string[];
  storageClass?: string;
  phase?: string;
  claim?: { name: string; uid?: string };
  labels?: Record<string, string>;
  policy?: string;
  going?: boolean;
}
const volume = (name: string, sketch: Sketch = {}): PersistentVolume => ({
  metadata: { name, labels: sketch.labels ?? {}, ...(sketch.going ? { deletionTimestamp: 't' } : {}) },
  spec: {
    capacity: { storage: sketch.size ?? '1Gi' },
    accessModes: sketch.modes ?? ['ReadWriteOnce'],
    storageClassName: sketch.storageClass ?? '',
    persistentVolumeReclaimPolicy: sketch.policy ?? 'Retain',
    ...(sketch.claim ? { claimRef: { namespace: 'n', ...sketch.claim } } : {}),
  },
  status: { phase: sketch.phase ?? 'Available' },
});
const claim = (spec: PersistentVolumeClaim['spec'] & object = {}, annotations: Record<string, string> = {}): PersistentVolumeClaim => ({
  metadata: { name: 'c', namespace: 'n', uid: 'c-uid', annotations },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
});
const classes: Record<string, StorageClass> = {
  wait: { metadata: {}, provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' },
  cloud: { metadata: {}, provisioner: 'kubernetes.io/aws-ebs', volumeBindingMode: 'Immediate' },
  host: { metadata: {}, provisioner: 'kubernetes.io/host-path', volumeBindingMode: 'Immediate' },
  static: { metadata: {}, provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'Immediate' },
  driver: { metadata: {}, provisioner: 'example.com/p', volumeBindingMode: 'Immediate' },
};
const decide = (of: PersistentVolumeClaim, volumes: PersistentVolume[] = [], waitingPod?: string) =>
  claimStep(of, {
    volume: (name) => volumes.find(({ metadata }) => metadata.name === name),
    volumes: () => volumes,
    storageClass: (name) => classes[name],
    waitingPod,
  });
const chosen = (of: PersistentVolumeClaim, volumes: PersistentVolume[]) => {
  const step = decide(of, volumes);
  return step.do === 'bind' ? step.volume.metadata.name : step.do;
};

describe('a claim gets', () => {
  test.each<[string, PersistentVolumeClaim, PersistentVolume[], string]>([
    [
      'the smallest that is large enough',
      claim(),
      [volume('big', { size: '5Gi' }), volume('fit', { size: '2Gi' }), volume('small', { size: '500Mi' })],
      'fit',
    ],
    [
      'the one with fewest modes',
      claim(),
      [volume('many', { modes: ['ReadWriteOnce', 'ReadWriteMany'] }), volume('one', { size: '9Gi' })],
      'one',
    ],
    ['none without its mode', claim({ accessModes: ['ReadWriteMany'] }), [volume('a')], 'wait'],
    ['none of another class', claim(), [volume('a', { storageClass: 'x' })], 'wait'],
    ['none that is not available', claim(), [volume('a', { phase: 'Pending' })], 'wait'],
    ['none that goes', claim(), [volume('a', { going: true })], 'wait'],
    ['what its selector says', claim({ selector: { matchLabels: { a: 'b' } } }), [volume('a'), volume('b', { labels: { a: 'b' } })], 'b'],
    ['what was reserved for it', claim(), [volume('a'), volume('mine', { size: '9Gi', claim: { name: 'c' } })], 'mine'],
    ['nothing that is reserved for others', claim(), [volume('a', { claim: { name: 'd' } })], 'wait'],
    ['what it names', claim({ volumeName: 'b' }), [volume('a'), volume('b')], 'b'],
    [
      'reserved volumes even when it waits for a pod',
      claim({ storageClassName: 'wait' }),
      [volume('a', { storageClass: 'wait', claim: { name: 'c' } })],
      'a',
    ],
    ['no other while it waits for a pod', claim({ storageClassName: 'wait' }), [volume('a', { storageClass: 'wait' })], 'wait'],
  ])('%s', (_, of, volumes, name) => {
    expect(chosen(of, volumes)).toBe(name);
  });
});

describe('a claim is told', () => {
  const done = { [BIND_COMPLETED]: 'yes' };
  test.each<[PersistentVolumeClaim, PersistentVolume[], string, string]>([
    [claim(), [], 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set'],
    [claim({ storageClassName: 'none' }), [], 'ProvisioningFailed', 'storageclass.storage.k8s.io "none" not found'],
    [
      claim({ storageClassName: 'host' }),
      [],
      'ProvisioningFailed',
      'Failed to create provisioner: provisioning in volume plugin "kubernetes.io/host-path" is disabled',
    ],
    [claim({ storageClassName: 'static' }), [], 'ProvisioningFailed', 'no volume plugin matched name: kubernetes.io/no-provisioner'],
    [claim({ storageClassName: 'wait' }), [], 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding'],
    [
      claim({ volumeName: 'a' }),
      [volume('a', { claim: { name: 'd' } })],
      'FailedBinding',
      'volume "a" already bound to a different claim.',
    ],
    [
      claim({ volumeName: 'a' }),
      [volume('a', { size: '1Mi' })],
      'VolumeMismatch',
      'Cannot bind to requested volume "a": requested PV is too small',
    ],
    [claim({ volumeName: 'a' }, done), [], 'ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!'],
    [claim({}, done), [], 'ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!'],
    [
      claim({ volumeName: 'a' }, done),
      [volume('a', { claim: { name: 'c', uid: 'another' } })],
      'ClaimMisbound',
      'Two claims are bound to the same volume, this one is bound incorrectly',
    ],
  ])('%#', (of, volumes, reason, message) => {
    expect(decide(of, volumes)).toMatchObject({ note: { reason, message } });
  });

  test('for which pod it waits', () => {
    expect(decide(claim({ storageClassName: 'wait' }), [], 'p')).toMatchObject({ note: { message: 'waiting for pod p to be scheduled' } });
  });

  test('who is to provide its volume', () => {
    expect(decide(claim({ storageClassName: 'driver' }))).toMatchObject({ do: 'provision', provisioner: 'example.com/p' });
    expect(decide(claim({ storageClassName: 'cloud' }))).toMatchObject({ do: 'provision', provisioner: 'ebs.csi.aws.com' });
  });
});

describe('a volume', () => {
  const mine = (volumeName?: string) => claim(volumeName ? { volumeName } : {});
  const bound = { claim: { name: 'c', uid: 'c-uid' } };
  const onPath = (path: string): PersistentVolume => {
    const released = volume('a', { ...bound, phase: 'Released', policy: 'Delete' });
    return { ...released, spec: { ...released.spec, hostPath: { path } } };
  };
  test.each<[string, PersistentVolume, PersistentVolumeClaim | undefined, object]>([
    ['of nobody', volume('a'), undefined, { do: 'phase', phase: 'Available' }],
    ['that is reserved', volume('a', { claim: { name: 'c' } }), mine(), { do: 'phase', phase: 'Available' }],
    ['whose claim does not know yet', volume('a', bound), mine(), { do: 'ask' }],
    ['whose claim has it', volume('a', bound), mine('a'), { do: 'phase', phase: 'Bound' }],
    ['whose claim took another', volume('a', bound), mine('b'), { do: 'unbind' }],
    ['whose claim is gone', volume('a', { ...bound, phase: 'Bound' }), undefined, { do: 'phase', phase: 'Released' }],
    ['that is retained', volume('a', { ...bound, phase: 'Released' }), undefined, { do: 'nothing' }],
    ['that nobody can delete', volume('a', { ...bound, phase: 'Released', policy: 'Delete' }), undefined, { do: 'phase', phase: 'Failed' }],
    [
      'of a path that upstream would not delete either',
      onPath('/data'),
      undefined,
      {
        phase: 'Failed',
        note: { reason: 'VolumeFailedDelete', message: 'host_path deleter only supports /tmp/.+ but received provided /data' },
      },
    ],
    [
      'of a path that only upstream would delete',
      onPath('/tmp/x'),
      undefined,
      { note: { message: 'error getting deleter volume plugin for volume "a": no deletable volume plugin matched' } },
    ],
  ])('%s', (_, of, its, step) => {
    expect(volumeStep(of, its)).toMatchObject(step);
  });
});
