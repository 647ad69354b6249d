// Which volume a claim gets: pre-bound ones first, else the smallest of those that fit (upstream's FindMatchingVolume). Pure.
import type { ObjectReference, PersistentVolume, PersistentVolumeClaim } from '../../api/gen/types/core.v1.ts';
import { compareQuantities, selectorFrom } from '../../api/meta/index.ts';

/** Old objects name their class by this annotation. */
const CLASS = 'volume.beta.kubernetes.io/storage-class';

export const storageClassOf = ({ metadata, spec }: PersistentVolume | PersistentVolumeClaim): string =>
  metadata.annotations?.[CLASS] ?? spec?.storageClassName ?? '';

/** The scheduler says by it for which node a volume is to be made. */
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node';
/** The binding is ours, not a user's: it may be undone. */
export const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';

/** The volume once it belongs to the claim. What a user reserved beforehand is not marked as ours. */
export function boundVolume(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const { name, namespace, uid, resourceVersion } = claim.metadata;
  const reserved = volume.spec?.claimRef;
  const claimRef = {
    ...reserved,
    kind: 'PersistentVolumeClaim',
    apiVersion: 'v1',
    name,
    namespace,
    uid,
    resourceVersion,
  } as ObjectReference;
  const annotations = reserved ? {} : { annotations: { ...volume.metadata.annotations, [BOUND_BY_CONTROLLER]: 'yes' } };
  return { ...volume, metadata: { ...volume.metadata, ...annotations }, spec: { ...volume.spec, claimRef } };
}

export const isBoundTo = ({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean => {
  const claim = spec?.claimRef;
  if (!claim || claim.name !== metadata.name || claim.namespace !== metadata.namespace) return false;
  return !claim.uid || claim.uid === metadata.uid;
};

const capacityOf = ({ spec }: PersistentVolume): string => spec?.capacity?.['storage'] ?? '0';
const requestOf = ({ spec }: PersistentVolumeClaim): string => spec?.resources?.requests?.['storage'] ?? '0';
const modesOf = ({ spec }: PersistentVolume | PersistentVolumeClaim): readonly string[] => spec?.accessModes ?? [];

const fits = (claim: PersistentVolumeClaim, volume: PersistentVolume): boolean => mismatch(claim, volume) === undefined;

/** Why a volume that a claim names cannot be its own, in upstream's words; undefined: it can. */
export function mismatch(claim: PersistentVolumeClaim, volume: PersistentVolume): string | undefined {
  if (compareQuantities(capacityOf(volume), requestOf(claim)) < 0) return 'requested PV is too small';
  if (storageClassOf(volume) !== storageClassOf(claim)) return 'storageClassName does not match';
  if ((volume.spec?.volumeAttributesClassName ?? '') !== (claim.spec?.volumeAttributesClassName ?? ''))
    return 'volumeAttributesClassName does not match';
  if ((volume.spec?.volumeMode ?? 'Filesystem') !== (claim.spec?.volumeMode ?? 'Filesystem')) return 'incompatible volumeMode';
  if (!modesOf(claim).every((mode) => modesOf(volume).includes(mode))) return 'incompatible accessMode';
  return undefined;
}

/** What nobody bound beforehand must be `free`: the controller leaves claims that wait for a pod to the scheduler, which heeds nodes. */
export function bestMatch(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  free: (volume: PersistentVolume) => boolean,
): PersistentVolume | undefined {
  const candidates = volumes.filter((volume) => !volume.metadata.deletionTimestamp && fits(claim, volume));
  const prebound = candidates.find((volume) => isBoundTo(volume, claim));
  if (prebound) return prebound;
  const selector = claim.spec?.selector ? selectorFrom(claim.spec.selector) : undefined;
  return candidates
    .filter(
      (volume) =>
        !volume.spec?.claimRef &&
        volume.status?.phase === 'Available' &&
        (selector === undefined || selector.matches(volume.metadata.labels)) &&
        free(volume),
    )
    .sort(
      (a, b) =>
        modesOf(a).length - modesOf(b).length ||
        compareQuantities(capacityOf(a), capacityOf(b)) ||
        ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1),
    )[0];
}
