// Which volume a claim gets: pre-bound ones first, else the smallest of those that fit (upstream's FindMatchingVolume). Pure.
import type { PersistentVolume, PersistentVolumeClaim } from '../../../api/gen/types/core.v1.ts';
import { compareQuantities, selectorFrom } from '../../../api/meta/index.ts';

/** Old objects name their class by this annotation. */
const CLASS = 'volume.beta.kubernetes.io/storage-class';

export const classOf = ({ metadata, spec }: PersistentVolume | PersistentVolumeClaim): string =>
  metadata.annotations?.[CLASS] ?? spec?.storageClassName ?? '';

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
  if (classOf(volume) !== classOf(claim)) return 'storageClassName does not match';
  if ((volume.spec?.volumeAttributesClassName ?? '') !== (claim.spec?.volumeAttributesClassName ?? ''))
    return 'volumeAttributesClassName does not match';
  if ((volume.spec?.volumeMode ?? 'Filesystem') !== (claim.spec?.volumeMode ?? 'Filesystem')) return 'incompatible volumeMode';
  if (!modesOf(claim).every((mode) => modesOf(volume).includes(mode))) return 'incompatible accessMode';
  return undefined;
}

/** `preboundOnly`: what nobody bound beforehand is left to the scheduler. */
export function bestMatch(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  preboundOnly: boolean,
): PersistentVolume | undefined {
  const candidates = volumes.filter((volume) => !volume.metadata.deletionTimestamp && fits(claim, volume));
  const prebound = candidates.find((volume) => isBoundTo(volume, claim));
  if (prebound || preboundOnly) return prebound;
  const selector = claim.spec?.selector ? selectorFrom(claim.spec.selector) : undefined;
  return candidates
    .filter(
      ({ metadata, spec, status }) =>
        !spec?.claimRef && status?.phase === 'Available' && (selector === undefined || selector.matches(metadata.labels)),
    )
    .sort(
      (a, b) =>
        modesOf(a).length - modesOf(b).length ||
        compareQuantities(capacityOf(a), capacityOf(b)) ||
        ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1),
    )[0];
}
