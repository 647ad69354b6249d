// Volumes that their driver's controller has made larger: what is the node's part of it, and what the claim's status then says (upstream's
// node expander: FileSystemResizePending until the file system fills the volume). Pure.
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimStatus } from '../../../api/gen/types/core.v1.ts';
import { compareQuantities } from '../../../api/meta/index.ts';
import { RpcError } from '../../../kit/grpc/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';

/** Conditions that end with the growth. */
const GROWING = new Set(['FileSystemResizePending', 'Resizing', 'ControllerResizeError', 'NodeResizeError']);
const FAILED = 'NodeResizeError';
/** Written by the resizer on claims whose driver does all itself. */
const NODE_NOT_NEEDED = 'volume.kubernetes.io/node-expansion-not-required';

export interface Growth {
  size: string;
  /** The claim's status follows; otherwise another node has brought it up to date. */
  isTold: boolean;
  /** The claim's resizer keeps an account of the steps (all since 2023). */
  isAccounted: boolean;
}

/** What is sent as the status of a merge patch. */
type StatusPatch = Omit<PersistentVolumeClaimStatus, 'allocatedResourceStatuses'> & {
  allocatedResourceStatuses?: Record<string, string | null>;
};

const stepOf = ({ status }: PersistentVolumeClaim): string | undefined => status?.allocatedResourceStatuses?.['storage'];

/**
 * What the node has to bring about; undefined: nothing (yet), or the driver has said that it cannot. `knownSize`: of a volume in use, which
 * it has on this node.
 */
export function growthOf(claim: PersistentVolumeClaim, volume: PersistentVolume, knownSize: string | undefined): Growth | undefined {
  const wanted = volume.spec?.capacity?.['storage'];
  const had = claim.status?.capacity?.['storage'];
  if (wanted === undefined || had === undefined) return undefined;
  const step = stepOf(claim);
  if (compareQuantities(wanted, had) <= 0) {
    const isBehind = knownSize !== undefined && compareQuantities(wanted, knownSize) > 0 && step === undefined;
    return isBehind && growsOnEachNode(claim) ? { size: wanted, isTold: false, isAccounted: false } : undefined;
  }
  const allocated = claim.status?.allocatedResources?.['storage'];
  if (step === undefined && allocated === undefined) return { size: wanted, isTold: true, isAccounted: false };
  const isOurTurn = step === 'NodeResizePending' || step === 'NodeResizeInProgress';
  return isOurTurn && allocated !== undefined ? { size: allocated, isTold: true, isAccounted: true } : undefined;
}

/** Several nodes have the volume at once, and each has a file system of it to make larger. */
const growsOnEachNode = ({ metadata, spec }: PersistentVolumeClaim): boolean =>
  (spec?.accessModes?.includes('ReadWriteMany') ?? false) && metadata.annotations?.[NODE_NOT_NEEDED] === undefined;

export const begun = (): StatusPatch => ({ allocatedResourceStatuses: { storage: 'NodeResizeInProgress' } });

export const grown = ({ status }: PersistentVolumeClaim, size: string): StatusPatch => ({
  capacity: { ...status?.capacity, storage: size },
  conditions: (status?.conditions ?? []).filter(({ type }) => !GROWING.has(type)),
  allocatedResourceStatuses: { storage: null },
});

/** Undefined: nothing is decided, it is tried again. A size that the user has given up after a failure is given up here too. */
export function notGrown(claim: PersistentVolumeClaim, { size }: Growth, error: Error, nowMs: number): StatusPatch | undefined {
  if (!isFinal(error)) return undefined;
  const { conditions = [] } = claim.status ?? {};
  const others = conditions.filter(({ type }) => type !== FAILED);
  const before = conditions.find(({ type }) => type === FAILED);
  const lastTransitionTime = before?.lastTransitionTime ?? rfc3339(nowMs);
  const asked = claim.spec?.resources?.requests?.['storage'];
  const isGivenUp = before !== undefined && asked !== undefined && compareQuantities(asked, size) !== 0;
  return {
    conditions: [...others, { type: FAILED, status: 'True', lastTransitionTime, message: `failed to expand pvc with ${error.message}` }],
    ...(isHopeless(error) || isGivenUp ? { allocatedResourceStatuses: { storage: 'NodeResizeInfeasible' } } : {}),
  };
}

const hasCode = (error: Error, codes: readonly string[]): boolean => error instanceof RpcError && codes.includes(error.code);

/** The driver may still be at it, or was not asked. */
const isFinal = (error: Error): boolean =>
  error instanceof RpcError && !hasCode(error, ['Canceled', 'DeadlineExceeded', 'Unavailable', 'ResourceExhausted', 'Aborted']);

/** The driver will not do it, however often it is asked. */
const isHopeless = (error: Error): boolean => hasCode(error, ['InvalidArgument', 'OutOfRange', 'NotFound']);

/** It cannot be done while the volume is in use. */
export const needsOffline = (error: Error): boolean => hasCode(error, ['FailedPrecondition']);

/** Whether a volume that is being mounted may be used at its old size. */
export const mayStaySmall = (error: Error): boolean => isHopeless(error) || needsOffline(error);
