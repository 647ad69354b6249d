// Volumes that their driver's controller has made larger: the node's part of it, and what the claim's status then says (upstream's
// node expander: FileSystemResizePending until the file system fills the volume).
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimStatus } from '../../../api/gen/types/core.v1.ts';
import { compareQuantities } from '../../../api/meta/index.ts';
import { RpcError } from '../../../kit/grpc/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';

/** Conditions that end with the growth. */
const GROWING = new Set(['FileSystemResizePending', 'Resizing', 'NodeResizeError']);
const FAILED = 'NodeResizeError';

/** What is sent as the status of a merge patch. */
type StatusPatch = Omit<PersistentVolumeClaimStatus, 'allocatedResourceStatuses'> & {
  allocatedResourceStatuses?: Record<string, string | null>;
};

/** The size that the node has still to bring about; undefined: none, or the driver has said that it cannot. */
export function sizeToReach(claim: PersistentVolumeClaim, volume: PersistentVolume): string | undefined {
  const wanted = volume.spec?.capacity?.['storage'];
  const had = claim.status?.capacity?.['storage'];
  if (wanted === undefined || had === undefined || compareQuantities(wanted, had) <= 0) return undefined;
  return claim.status?.allocatedResourceStatuses?.['storage'] === 'NodeResizeInfeasible' ? undefined : wanted;
}

/** Undefined: the claim's resizer keeps no account of the steps. */
export const growing = ({ status }: PersistentVolumeClaim): StatusPatch | undefined =>
  status?.allocatedResourceStatuses?.['storage'] === undefined
    ? undefined
    : { allocatedResourceStatuses: { storage: 'NodeResizeInProgress' } };

export const grown = ({ status }: PersistentVolumeClaim, size: string): StatusPatch => ({
  capacity: { ...status?.capacity, storage: size },
  conditions: (status?.conditions ?? []).filter(({ type }) => !GROWING.has(type)),
  allocatedResourceStatuses: { storage: null },
});

export function notGrown({ status }: PersistentVolumeClaim, error: Error, nowMs: number): StatusPatch {
  const others = (status?.conditions ?? []).filter(({ type }) => type !== FAILED);
  const before = status?.conditions?.find(({ type }) => type === FAILED);
  const lastTransitionTime = before?.lastTransitionTime ?? rfc3339(nowMs);
  return {
    conditions: [...others, { type: FAILED, status: 'True', lastTransitionTime, message: error.message }],
    ...(isHopeless(error) && growing({ metadata: {}, ...(status ? { status } : {}) })
      ? { allocatedResourceStatuses: { storage: 'NodeResizeInfeasible' } }
      : {}),
  };
}

/** The driver will not do it, however often it is asked. */
const isHopeless = (error: Error): boolean =>
  error instanceof RpcError && ['InvalidArgument', 'OutOfRange', 'NotFound'].includes(error.code);

/** Whether a volume that is being mounted may be used at its old size. */
export const mayStaySmall = (error: Error): boolean =>
  isHopeless(error) || (error instanceof RpcError && error.code === 'FailedPrecondition');
