// The pod of a StatefulSet with one ordinal, its claims, and what they are called. Pure.
import type { StatefulSet } from '../../../api/gen/types/apps.v1.ts';
import type { PersistentVolumeClaim, Pod, PodSpec, PodTemplateSpec, Volume } from '../../../api/gen/types/core.v1.ts';
import { controllerReference, type KubeObject } from '../../../api/meta/index.ts';
import { REVISION_HASH } from '../shared/history.ts';
import { wantedOwners } from './claim-owners.ts';

export const podNameOf = (set: StatefulSet, ordinal: number): string => `${set.metadata.name}-${ordinal}`;

/** Undefined: not a name that the set gives. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const prefix = `${set.metadata.name}-`;
  const name = pod.metadata.name ?? '';
  const digits = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^(0|[1-9][0-9]*)$/.test(digits) ? Number(digits) : undefined;
}

/** Beyond the set's present size. */
export function isCondemned(set: StatefulSet, ordinal: number): boolean {
  const start = set.spec?.ordinals?.start ?? 0;
  return ordinal < start || ordinal >= start + (set.spec?.replicas ?? 1);
}

const claimNameOf = (set: StatefulSet, claim: PersistentVolumeClaim, ordinal: number): string =>
  `${claim.metadata.name}-${podNameOf(set, ordinal)}`;

/** `revision` is the name of the ControllerRevision from which `template` comes. */
export function statefulPod(set: StatefulSet, template: PodTemplateSpec, revision: string, ordinal: number): Pod {
  const name = podNameOf(set, ordinal);
  const spec = template.spec as PodSpec;
  const claims = set.spec?.volumeClaimTemplates ?? [];
  const own: Volume[] = claims.map((claim) => ({
    name: claim.metadata.name ?? '',
    persistentVolumeClaim: { claimName: claimNameOf(set, claim, ordinal) },
  }));
  const volumes = [...own, ...(spec.volumes ?? []).filter((volume) => !own.some((other) => other.name === volume.name))];
  const { annotations, finalizers, labels } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      generateName: `${set.metadata.name}-`,
      ...(set.metadata.namespace ? { namespace: set.metadata.namespace } : {}),
      labels: {
        ...labels,
        'statefulset.kubernetes.io/pod-name': name,
        'apps.kubernetes.io/pod-index': String(ordinal),
        [REVISION_HASH]: revision,
      },
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [controllerReference(set as KubeObject)],
    },
    spec: {
      ...spec,
      hostname: name,
      ...(set.spec?.serviceName ? { subdomain: set.spec.serviceName } : {}),
      ...(volumes.length > 0 ? { volumes } : {}),
    },
  };
}

export function claimsOf(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  const owners = wantedOwners(set, undefined);
  return (set.spec?.volumeClaimTemplates ?? []).map((claim) => ({
    ...claim,
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      ...claim.metadata,
      name: claimNameOf(set, claim, ordinal),
      ...(set.metadata.namespace ? { namespace: set.metadata.namespace } : {}),
      labels: { ...claim.metadata.labels, ...set.spec?.selector.matchLabels },
      ...(owners.length > 0 ? { ownerReferences: owners } : {}),
    },
  }));
}
