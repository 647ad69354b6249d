// A claim may be made larger only where the class that it came from lets it.
import { expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import { fakeReader } from '../fake-reader.ts';
import type { Attributes } from '../request.ts';
import { persistentVolumeClaimResize } from './storage.ts';

const storageClass = (name: string, more: object): KubeObject => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name },
  ...more,
});
const plugin = persistentVolumeClaimResize(
  fakeReader([
    storageClass('grows', { allowVolumeExpansion: true }),
    storageClass('stays', {}),
    storageClass('no', { allowVolumeExpansion: false }),
  ]),
);

interface Claim {
  storage: string;
  phase?: string;
  storageClassName?: string | undefined;
  annotations?: Record<string, string>;
}
const claim = ({ storage, phase = 'Bound', storageClassName, annotations }: Claim): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'c', namespace: 'n', ...(annotations ? { annotations } : {}) },
  spec: { ...(storageClassName === undefined ? {} : { storageClassName }), resources: { requests: { storage } } },
  status: { phase },
});

const update = (before: Claim, after: Claim, more: Partial<Attributes> = {}) => {
  const kind = { group: '', kind: 'PersistentVolumeClaim', plural: 'persistentvolumeclaims', namespaced: true };
  const objects = { object: claim(after), oldObject: claim(before) };
  return () => plugin.validate?.({ operation: 'UPDATE', kind, subresource: '', name: 'c', ...objects, ...more } as unknown as Attributes);
};

const ANNOTATION = 'volume.beta.kubernetes.io/storage-class';
const REFUSED =
  'persistentvolumeclaims "c" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize';
const UNBOUND = 'persistentvolumeclaims "c" is forbidden: Only bound persistent volume claims can be expanded';

test.each<[string, Partial<Claim>, string | undefined]>([
  ['a class that lets it', { storageClassName: 'grows' }, undefined],
  ['one named by the annotation of old', { annotations: { [ANNOTATION]: 'grows' } }, undefined],
  ['one that says nothing', { storageClassName: 'stays' }, REFUSED],
  ['one that does not', { storageClassName: 'no' }, REFUSED],
  ['one that is gone', { storageClassName: 'gone' }, REFUSED],
  ['no class: an administrator made the volume', { storageClassName: '' }, REFUSED],
  ['not bound yet', { storageClassName: 'grows', phase: 'Pending' }, UNBOUND],
])('%s', (_, both, problem) => {
  const larger = update({ storage: '1Gi', ...both }, { storage: '2Gi', ...both });
  if (problem) expect(larger).toThrow(problem);
  else expect(larger()).toBeUndefined();
  for (const storage of ['1Gi', '1024Mi', '1Mi']) expect(update({ storage: '1Gi', ...both }, { storage, ...both })()).toBeUndefined();
});

test('a claim that changes its class with its size is refused; its status and new claims are no matter', () => {
  const stays = { storage: '1Gi', storageClassName: 'stays' };
  expect(update(stays, { storage: '2Gi', storageClassName: 'grows' })).toThrow(REFUSED);
  expect(update(stays, { ...stays, storage: '2Gi' }, { subresource: 'status' })()).toBeUndefined();
  expect(update(stays, { ...stays, storage: '2Gi' }, { operation: 'CREATE' })()).toBeUndefined();
});
