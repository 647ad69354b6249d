// Revisions of a Deployment: which ReplicaSet has which template, numbers, copied annotations, what history keeps. Pure.
import type { Deployment, ReplicaSet } from '../../../api/gen/types/apps.v1.ts';
import type { PodTemplateSpec } from '../../../api/gen/types/core.v1.ts';
import { controllerReference, type KubeObject, semanticEqual } from '../../../api/meta/index.ts';
import { templateHash } from '../shared/hash.ts';
import { byCreation, byRevision, DESIRED, MAXIMUM, maxSurgeOf, REVISION, replicasOf, revisionOf } from './arithmetic.ts';

const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
const HASH_LABEL = 'pod-template-hash';

/** Annotations that are the Deployment's or the ReplicaSet's own business. */
const NOT_COPIED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED,
  MAXIMUM,
  'deprecated.deployment.rollback.to',
]);

function withoutHash(template: PodTemplateSpec | undefined): unknown {
  const { [HASH_LABEL]: _, ...labels } = template?.metadata?.labels ?? {};
  return { ...template, metadata: { ...template?.metadata, labels } };
}

export const sameTemplate = (a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean =>
  semanticEqual(withoutHash(a), withoutHash(b));

/** The set with the Deployment's template: the oldest, should there be several. */
export const findNewSet = (deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined =>
  [...sets].sort(byCreation).find((set) => sameTemplate(set.spec?.template, deployment.spec?.template));

export const nextRevision = (old: readonly ReplicaSet[]): bigint =>
  old.map(revisionOf).reduce((most, revision) => (revision > most ? revision : most), 0n) + 1n;

/** What a set of the Deployment says about its size: used when it is scaled in the middle of a rollout. */
export const sizeAnnotations = (deployment: Deployment): Record<string, string> => ({
  [DESIRED]: String(replicasOf(deployment)),
  [MAXIMUM]: String(replicasOf(deployment) + maxSurgeOf(deployment)),
});

/** Annotations of the new set, when it exists already. */
export function newSetAnnotations(deployment: Deployment, set: ReplicaSet, revision: bigint): Record<string, string> {
  const annotations = { ...set.metadata.annotations };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) if (!NOT_COPIED.has(key)) annotations[key] = value;
  const before = revisionOf(set);
  if (before < revision) {
    annotations[REVISION] = String(revision);
    if (annotations[REVISION_HISTORY]) annotations[REVISION_HISTORY] = `${annotations[REVISION_HISTORY]},${before}`;
    else if (before > 0n) annotations[REVISION_HISTORY] = String(before);
  }
  return annotations;
}

/** A set that does not exist yet. `deployment` carries apiVersion and kind. */
export function makeNewSet(deployment: Deployment, revision: bigint): ReplicaSet {
  const template = deployment.spec?.template ?? {};
  const hash = templateHash(template, deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  const annotations: Record<string, string> = { ...sizeAnnotations(deployment), [REVISION]: String(revision) };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) if (!NOT_COPIED.has(key)) annotations[key] = value;
  const { matchLabels, ...expressions } = deployment.spec?.selector ?? {};
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      ...(deployment.metadata.namespace ? { namespace: deployment.metadata.namespace } : {}),
      labels,
      annotations,
      ownerReferences: [controllerReference(deployment as KubeObject)],
    },
    spec: {
      replicas: 0,
      ...(deployment.spec?.minReadySeconds ? { minReadySeconds: deployment.spec.minReadySeconds } : {}),
      selector: { ...expressions, matchLabels: { ...matchLabels, [HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } } as PodTemplateSpec,
    },
  };
}

const UNLIMITED = 2 ** 31 - 1;

/** Old sets that history keeps no more. */
export function beyondHistory(deployment: Deployment, old: readonly ReplicaSet[]): ReplicaSet[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? UNLIMITED;
  const kept = old.filter((set) => !set.metadata.deletionTimestamp);
  if (limit === UNLIMITED || kept.length <= limit) return [];
  return kept
    .sort(byRevision)
    .slice(0, kept.length - limit)
    .filter(
      (set) =>
        (set.status?.replicas ?? 0) === 0 &&
        replicasOf(set) === 0 &&
        (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    );
}
