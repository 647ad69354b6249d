// When a pod is refused because its node has as many volumes as the driver can attach.
import { expect, test } from 'vitest';
import type { CSIDriver, VolumeAttachment } from '../../../api/gen/types/storage.v1.ts';
import { isOverLimit } from './limit.ts';

const driver = (nodeAllocatableUpdatePeriodSeconds?: number): CSIDriver => ({
  metadata: { name: 'd' },
  spec: nodeAllocatableUpdatePeriodSeconds === undefined ? {} : { nodeAllocatableUpdatePeriodSeconds },
});
const attachment = (attachError?: object): VolumeAttachment => ({
  metadata: { name: 'a' },
  spec: { attacher: 'd', nodeName: 'n', source: {} },
  status: { attached: false, ...(attachError ? { attachError } : {}) },
});

test.each([
  ['no room, and the driver wishes to be asked', driver(10), attachment({ errorCode: 8 }), true],
  ['another error', driver(10), attachment({ errorCode: 13 }), false],
  ['an attacher that tells no code', driver(10), attachment({ message: 'rpc error: code = ResourceExhausted' }), false],
  ['no error', driver(10), attachment(), false],
  ['no attachment yet', driver(10), undefined, false],
  ['a driver whose number never changes', driver(), attachment({ errorCode: 8 }), false],
  ['a driver that nobody described', undefined, attachment({ errorCode: 8 }), false],
])('%s', (_, settings, seen, expected) => expect(isOverLimit(settings, seen)).toBe(expected));
