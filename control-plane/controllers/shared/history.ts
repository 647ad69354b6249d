// ControllerRevisions: the templates that a DaemonSet or StatefulSet ever had, numbered.
import type { ControllerRevision } from '../../../api/gen/types/apps.v1.ts';
import type { PodTemplateSpec } from '../../../api/gen/types/core.v1.ts';
import { controllerReference, inOrder, isStatusError, type KubeObject, semanticEqual } from '../../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../../kit/client/index.ts';
import { templateHash } from './hash.ts';

export const REVISION_HASH = 'controller-revision-hash';

export interface HistoryOwner extends KubeObject {
  spec: { template: PodTemplateSpec; revisionHistoryLimit?: number };
}

/**
 * What a revision stores: a patch that puts the template back (kubectl rollout undo applies it). Its keys are in upstream's order: clients
 * find the present revision by comparing bytes.
 */
const dataOf = (owner: HistoryOwner) => inOrder({ spec: { template: { ...owner.spec.template, $patch: 'replace' } } });

export const hashOf = (revision: ControllerRevision): string => revision.metadata.labels?.[REVISION_HASH] ?? '';

const sortRevisions = (revisions: readonly ControllerRevision[]): ControllerRevision[] =>
  [...revisions].sort((a, b) => a.revision - b.revision || ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));

/** Where a StatefulSet's revisions carry their hash; those of a DaemonSet use the pods' own label. */
export const HISTORY_HASH = 'controller.kubernetes.io/hash';

/**
 * The revision of the present template, made or renumbered when needed. `collision` is told when the name was taken
 * by another template, so that the owner's collisionCount can rise.
 */
export async function presentRevision(
  client: Client,
  owner: HistoryOwner,
  revisions: readonly ControllerRevision[],
  collisionCount: number | undefined,
  hashLabel: string = REVISION_HASH,
): Promise<{ present: ControllerRevision; collision: boolean }> {
  const data = dataOf(owner);
  const sorted = sortRevisions(revisions);
  const newest = sorted.at(-1)?.revision ?? 0;
  const equal = sorted.filter((revision) => semanticEqual(revision.data, data)).at(-1);
  if (equal) {
    if (equal.revision === newest) return { present: equal, collision: false };
    const body = { ...equal, apiVersion: 'apps/v1', kind: 'ControllerRevision', revision: newest + 1 };
    return { present: await client.update<ControllerRevision>(RESOURCES.controllerrevisions, body), collision: false };
  }
  const hash = templateHash(owner.spec.template, collisionCount);
  const { name, namespace } = owner.metadata;
  const body = {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels: { ...owner.spec.template.metadata?.labels, [hashLabel]: hash },
      ...(Object.keys(owner.metadata.annotations ?? {}).length > 0 ? { annotations: owner.metadata.annotations } : {}),
      ownerReferences: [controllerReference(owner)],
    },
    data,
    revision: newest + 1,
  };
  try {
    return { present: await client.create<ControllerRevision>(RESOURCES.controllerrevisions, body), collision: false };
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    const existing = await client.get<ControllerRevision>(
      RESOURCES.controllerrevisions,
      body.metadata.name,
      namespace ? { namespace } : {},
    );
    return { present: existing, collision: !semanticEqual(existing.data, data) };
  }
}

/** Removes the oldest revisions that no pod has, beyond the limit. `live`: hashes, or names, that must stay. */
export async function trimHistory(
  client: Client,
  owner: HistoryOwner,
  revisions: readonly ControllerRevision[],
  live: ReadonlySet<string>,
): Promise<void> {
  const dead = sortRevisions(revisions).filter((revision) => !live.has(hashOf(revision)) && !live.has(revision.metadata.name ?? ''));
  const surplus = dead.length - (owner.spec.revisionHistoryLimit ?? 10);
  for (const { metadata } of dead.slice(0, Math.max(0, surplus))) {
    await client
      .delete(RESOURCES.controllerrevisions, metadata.name ?? '', { namespace: metadata.namespace ?? '' })
      .catch((error: unknown) => {
        if (!isStatusError(error, 'NotFound')) throw error;
      });
  }
}
