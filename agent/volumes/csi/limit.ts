// A node that has as many volumes as its driver can attach there, by the attacher's word: a driver that wishes to be asked how many it can
// (nodeAllocatableUpdatePeriodSeconds) has the pod refused, so that it is made again elsewhere. Pure.
import type { CSIDriver, VolumeAttachment } from '../../../api/gen/types/storage.v1.ts';

/** Of gRPC. */
const RESOURCE_EXHAUSTED = 8;

/** Why the pod ends, as upstream's node says it. */
export const LIMIT_EXCEEDED = 'VolumeAttachmentLimitExceeded';

export function isOverLimit(settings: CSIDriver | undefined, attachment: VolumeAttachment | undefined): boolean {
  const wishesToBeAsked = (settings?.spec.nodeAllocatableUpdatePeriodSeconds ?? 0) > 0;
  return wishesToBeAsked && attachment?.status?.attachError?.errorCode === RESOURCE_EXHAUSTED;
}
