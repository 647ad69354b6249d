// Who owns the claims of a StatefulSet's pod: its retention policy says whether they go with the set, or with a pod that is scaled away. Pure.
import type { StatefulSet } from '../../../api/gen/types/apps.v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../../api/gen/types/core.v1.ts';
import { controllerReference, type KubeObject, type OwnerReference, semanticEqual } from '../../../api/meta/index.ts';

const policyOf = (set: StatefulSet) => ({
  whenDeleted: 'Retain',
  whenScaled: 'Retain',
  ...set.spec?.persistentVolumeClaimRetentionPolicy,
});

const isOfSet = ({ apiVersion, kind, name }: OwnerReference, set: StatefulSet): boolean =>
  kind === 'StatefulSet' && apiVersion === 'apps/v1' && name === set.metadata.name;
const isOfPod = ({ apiVersion, kind, name }: OwnerReference, pod: string): boolean => kind === 'Pod' && apiVersion === 'v1' && name === pod;

/** `pod`: one that is scaled away. */
export function wantedOwners(set: StatefulSet, pod: Pod | undefined): OwnerReference[] {
  const { whenDeleted, whenScaled } = policyOf(set);
  if (whenScaled === 'Delete' && pod) return [controllerReference({ ...pod, apiVersion: 'v1', kind: 'Pod' } as KubeObject)];
  if (whenDeleted !== 'Delete') return [];
  return [controllerReference({ ...set, apiVersion: 'apps/v1', kind: 'StatefulSet' } as KubeObject)];
}

export interface ClaimVerdict {
  /** What the claim's owners are to become; undefined: they stay. */
  owners?: OwnerReference[];
  /** Another controller manages the claim: the policy does not count for it. */
  conflict: boolean;
}

export function judgeClaim(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod, isScaledAway: boolean): ClaimVerdict {
  const present = claim.metadata.ownerReferences ?? [];
  const ofSet = present.filter((owner) => isOfSet(owner, set));
  const ofPod = present.filter((owner) => isOfPod(owner, pod.metadata.name ?? ''));
  // A set or a pod of the same name that was before: the garbage collector takes the claim along.
  if (ofSet.some(({ uid }) => uid !== set.metadata.uid) || ofPod.some(({ uid }) => uid !== pod.metadata.uid)) return { conflict: false };
  const own = [...ofSet, ...ofPod];
  const others = present.filter((owner) => !own.includes(owner));
  const { whenDeleted, whenScaled } = policyOf(set);
  const conflict = (whenDeleted === 'Delete' || whenScaled === 'Delete') && others.some(({ controller }) => controller);
  const wanted = conflict ? [] : wantedOwners(set, isScaledAway ? pod : undefined);
  return semanticEqual(own, wanted) ? { conflict } : { owners: [...others, ...wanted], conflict };
}

/** The claim goes with an earlier pod of that name: the next one has to wait for a claim of its own. */
export const isStaleFor = (claim: PersistentVolumeClaim, set: StatefulSet, pod: string): boolean =>
  policyOf(set).whenScaled === 'Delete' && (claim.metadata.ownerReferences ?? []).some((owner) => isOfPod(owner, pod));
