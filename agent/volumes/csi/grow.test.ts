import { expect, test } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim } from '../../../api/gen/types/core.v1.ts';
import { RpcError } from '../../../kit/grpc/index.ts';
import { type Growth, growthOf, notGrown } from './grow.ts';

const volume = (storage: string): PersistentVolume => ({ metadata: {}, spec: { capacity: { storage } } });
const claim = (step?: string, allocated = step && '2Gi', had = '1Gi', asked = '2Gi'): PersistentVolumeClaim => ({
  metadata: {},
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: asked } } },
  status: {
    capacity: { storage: had },
    ...(allocated ? { allocatedResources: { storage: allocated } } : {}),
    ...(step ? { allocatedResourceStatuses: { storage: step } } : {}),
  },
});
const shared = (had: string, more: object = {}): PersistentVolumeClaim => ({
  ...claim(undefined, undefined, had),
  metadata: more,
  spec: { accessModes: ['ReadWriteMany'] },
});
const accounted: Growth = { size: '2Gi', isTold: true, isAccounted: true };
const bySomeoneElse: Growth = { size: '2Gi', isTold: false, isAccounted: false };

test.each([
  ['nothing to do', claim(undefined, undefined, '2Gi'), undefined, undefined],
  ['a resizer without an account', claim(), undefined, { size: '2Gi', isTold: true, isAccounted: false }],
  ['the node’s turn', claim('NodeResizePending'), undefined, accounted],
  ['begun before', claim('NodeResizeInProgress'), undefined, accounted],
  ['the controller is not done', claim('ControllerResizeInProgress'), undefined, undefined],
  ['the driver cannot', claim('NodeResizeInfeasible'), undefined, undefined],
  ['less than the volume has by now', claim('NodeResizePending', '1536Mi'), undefined, { ...accounted, size: '1536Mi' }],
  ['another node did its part of a shared volume', shared('2Gi'), '1Gi', bySomeoneElse],
  ['this one did too', shared('2Gi'), '2Gi', undefined],
  ['mounted only now', shared('2Gi'), undefined, undefined],
  ['the driver does it all', shared('2Gi', { annotations: { 'volume.kubernetes.io/node-expansion-not-required': '' } }), '1Gi', undefined],
  ['no other node has it', claim(undefined, undefined, '2Gi'), '1Gi', undefined],
] as const)('%s', (_, of, knownSize, expected) => {
  expect(growthOf(of, volume('2Gi'), knownSize)).toEqual(expected);
});

const failedBefore = (asked: string): PersistentVolumeClaim => {
  const before = claim('NodeResizeInProgress', '2Gi', '1Gi', asked);
  return { ...before, status: { ...before.status, conditions: [{ type: 'NodeResizeError', status: 'True' }] } };
};

test.each([
  ['may be at it still', claim('NodeResizeInProgress'), 'DeadlineExceeded', undefined],
  ['failed', claim('NodeResizeInProgress'), 'Internal', {}],
  ['will never do it', claim('NodeResizeInProgress'), 'OutOfRange', { allocatedResourceStatuses: { storage: 'NodeResizeInfeasible' } }],
  ['failed again', failedBefore('2Gi'), 'Internal', {}],
  [
    'failed, and a smaller size is wished by now',
    failedBefore('1536Mi'),
    'Internal',
    { allocatedResourceStatuses: { storage: 'NodeResizeInfeasible' } },
  ],
])('a driver that %s', (_, of, code, expected) => {
  const told = notGrown(of, accounted, new RpcError(code, 'no'), 0);
  if (!expected) return expect(told).toBeUndefined();
  const { conditions, ...more } = told!;
  expect(more).toEqual(expected);
  expect(conditions).toMatchObject([{ type: 'NodeResizeError', message: `failed to expand pvc with rpc error: code = ${code} desc = no` }]);
});
