// The end of a CustomResourceDefinition: all its objects go first. Every step may be repeated, also by the next process.
import { isStatusError, type KubeObject } from '../../../api/meta/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import type { Core } from '../core.ts';
import type { ResourceCache } from '../storage/cache.ts';
import { rewrite } from '../write/rewrite.ts';
import { type Condition, isTrue, specOf, statusOf } from './spec.ts';
import { withCondition } from './status.ts';

export const CRDS = { group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions' };
export const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

/** Deletions that run at once. */
const PARALLEL = 8;

export const needsCleanUp = ({ metadata }: KubeObject): boolean =>
  metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(CLEANUP) === true;

/** True when the definition may go: nothing of it is left. False while objects with finalizers hold it. */
export async function cleanUp(core: Core, crd: KubeObject): Promise<boolean> {
  const name = crd.metadata.name!;
  if (!isTrue(crd, 'Established')) {
    await release(core, name, { status: 'False', reason: 'NeverEstablished', message: 'resource was never established' });
    return true;
  }
  const { group, names } = specOf(crd);
  const cache = core.storage.cache({ group, plural: names.plural });
  if (cache.size > 0) {
    await mark(core, name, { status: 'True', reason: 'InstanceDeletionInProgress', message: 'CustomResource deletion is in progress' });
    try {
      await deleteAll(core, crd, cache);
    } catch (error) {
      const message = `could not issue all deletes: ${(error as Error).message}`;
      await mark(core, name, { status: 'True', reason: 'InstanceDeletionFailed', message });
      throw error;
    }
  }
  if (cache.size > 0) return false;
  await release(core, name, { status: 'False', reason: 'InstanceDeletionCompleted', message: 'removed all instances' });
  return true;
}

type Terminating = Omit<Condition, 'type'>;

function setTerminating(core: Core, copy: KubeObject, condition: Terminating): boolean {
  const status = statusOf(copy);
  const before = status.conditions.find(({ type }) => type === 'Terminating');
  if (before?.reason === condition.reason && before.message === condition.message) return false;
  const now = rfc3339(core.clock.nowMs());
  copy['status'] = { ...status, conditions: withCondition(status.conditions, { type: 'Terminating', ...condition }, now) };
  return true;
}

async function mark(core: Core, name: string, condition: Terminating): Promise<void> {
  await rewrite(core, CRDS, '', name, (copy) => (setTerminating(core, copy, condition) ? undefined : false));
}

/** Through admission and finalizers, as any client's deletion. */
async function deleteAll(core: Core, crd: KubeObject, cache: ResourceCache): Promise<void> {
  const { group, names, scope, versions } = specOf(crd);
  const version = (versions.find((one) => one.storage && one.served) ?? versions.find((one) => one.served))?.name;
  const going = cache.objects().filter((object) => object.metadata.deletionTimestamp === undefined);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < going.length) {
      const { name, namespace = '' } = going[next++]!.metadata;
      if (version === undefined) await removeUnserved(core, { group, plural: names.plural }, namespace, name!);
      else {
        const resource = { group, version, plural: names.plural, kind: names.kind, namespaced: scope === 'Namespaced' };
        await core.services.self.delete(resource, name!, { namespace }).catch((error: unknown) => {
          if (!isStatusError(error, 'NotFound')) throw error;
        });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, going.length) }, worker));
}

/** Of a definition that serves no version: no request could name the object. */
async function removeUnserved(core: Core, resource: { group: string; plural: string }, namespace: string, name: string): Promise<void> {
  const item = core.storage.get(resource, namespace, name);
  if (item) await core.storage.remove(resource, item);
}

/** Takes the finalizer off; the last one's removal is the end of the definition. */
async function release(core: Core, name: string, condition: Terminating): Promise<void> {
  const item = core.storage.get(CRDS, '', name);
  if (item === undefined) return;
  const others = (item.object.metadata.finalizers ?? []).filter((finalizer) => finalizer !== CLEANUP);
  if (others.length === 0) {
    await core.storage.remove(CRDS, item);
    return;
  }
  await rewrite(core, CRDS, '', name, (copy) => {
    copy.metadata.finalizers = (copy.metadata.finalizers ?? []).filter((finalizer) => finalizer !== CLEANUP);
    setTerminating(core, copy, condition);
    return undefined;
  });
}
