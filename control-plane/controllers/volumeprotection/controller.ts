// Holds claims while pods use them, volumes while they are bound, and attributes classes while claims or volumes name them: by
// finalizers that are taken off when nobody does.
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../api/gen/types/core.v1.ts';
import { isStatusError, type KubeObject } from '../../../api/meta/index.ts';
import { keyOf, RESOURCES, type Resource } from '../../../kit/client/index.ts';
import { isFinished } from '../../../kit/pods/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import { indexPods } from '../shared/pod-index.ts';

const CLAIM_FINALIZER = 'kubernetes.io/pvc-protection';
const VOLUME_FINALIZER = 'kubernetes.io/pv-protection';
const CLASS_FINALIZER = 'kubernetes.io/vac-protection';

/** Claims of a pod, those of its ephemeral volumes included. */
const claimNamesOf = (pod: Pod): string[] =>
  (pod.spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) =>
    persistentVolumeClaim ? [persistentVolumeClaim.claimName] : ephemeral ? [`${pod.metadata.name}-${name}`] : [],
  );

/** Attributes classes that a claim asks for, has, or is changing to. */
const classesOfClaim = ({ spec, status }: PersistentVolumeClaim): (string | undefined)[] => [
  spec?.volumeAttributesClassName,
  status?.currentVolumeAttributesClassName,
  status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
];

/** Adds the finalizer to what lives, takes it off what goes and is not in use. By an update: upstream's roles allow no patch. */
async function protect(
  { client }: ControllerContext,
  resource: Resource,
  object: KubeObject,
  finalizer: string,
  inUse: boolean,
): Promise<void> {
  const { finalizers = [], ...metadata } = object.metadata;
  const { deletionTimestamp } = metadata;
  const has = finalizers.includes(finalizer);
  if (deletionTimestamp ? !has || inUse : has) return;
  const next = deletionTimestamp ? finalizers.filter((other) => other !== finalizer) : [...finalizers, finalizer];
  await client
    .update(resource, { ...object, metadata: { ...metadata, ...(next.length > 0 ? { finalizers: next } : {}) } })
    .catch((error: unknown) => {
      if (!isStatusError(error, 'NotFound')) throw error;
    });
}

export const claimProtectionController: Controller = {
  name: 'pvc-protection',
  user: account('pvc-protection-controller'),
  start(context, signal, ready) {
    const claims = context.informers.of<PersistentVolumeClaim>(RESOURCES.persistentvolumeclaims);
    const pods = indexPods(context.informers);
    pods.addIndex('claim', (pod) => claimNamesOf(pod).map((name) => `${pod.metadata.namespace}/${name}`));
    // A pod without a node has nothing mounted yet.
    const isUsed = (key: string) => pods.by('claim', key).some((pod) => pod.spec?.nodeName && !isFinished(pod));
    const queue = reconcilerOf('pvc-protection', context, signal, ready, async (key) => {
      const claim = claims.get(key);
      if (claim) await protect(context, RESOURCES.persistentvolumeclaims, claim, CLAIM_FINALIZER, isUsed(key));
      return done;
    });
    claims.on({ added: (claim) => queue.add(keyOf(claim)), updated: (_, claim) => queue.add(keyOf(claim)) });
    const podSeen = (pod: Pod) => {
      for (const name of claimNamesOf(pod)) queue.add(`${pod.metadata.namespace}/${name}`);
    };
    pods.on({ updated: (before, pod) => isFinished(pod) && !isFinished(before) && podSeen(pod), deleted: podSeen });
  },
};

export const volumeProtectionController: Controller = {
  name: 'pv-protection',
  user: account('pv-protection-controller'),
  start(context, signal, ready) {
    const volumes = context.informers.of<PersistentVolume>(RESOURCES.persistentvolumes);
    const queue = reconcilerOf('pv-protection', context, signal, ready, async (name) => {
      const volume = volumes.get(name);
      if (volume) await protect(context, RESOURCES.persistentvolumes, volume, VOLUME_FINALIZER, volume.status?.phase === 'Bound');
      return done;
    });
    volumes.on({ added: (volume) => queue.add(keyOf(volume)), updated: (_, volume) => queue.add(keyOf(volume)) });
  },
};

export const attributesClassProtectionController: Controller = {
  name: 'vac-protection',
  user: account('volumeattributesclass-protection-controller'),
  start(context, signal, ready) {
    const claims = context.informers.of<PersistentVolumeClaim>(RESOURCES.persistentvolumeclaims);
    const volumes = context.informers.of<PersistentVolume>(RESOURCES.persistentvolumes);
    const classes = context.informers.of<KubeObject>(RESOURCES.volumeattributesclasses);
    const isNamed = (name: string) =>
      claims.list().some((claim) => classesOfClaim(claim).includes(name)) ||
      volumes.list().some(({ spec }) => spec?.volumeAttributesClassName === name);
    const queue = reconcilerOf('vac-protection', context, signal, ready, async (name) => {
      const found = classes.get(name);
      if (found) await protect(context, RESOURCES.volumeattributesclasses, found, CLASS_FINALIZER, isNamed(name));
      return done;
    });
    classes.on({ added: (found) => queue.add(keyOf(found)), updated: (_, found) => queue.add(keyOf(found)) });
    const freed = (names: readonly (string | undefined)[]) => {
      for (const name of names) if (name) queue.add(name);
    };
    claims.on({ updated: (before) => freed(classesOfClaim(before)), deleted: (claim) => freed(classesOfClaim(claim)) });
    const classOfVolume = ({ spec }: PersistentVolume) => [spec?.volumeAttributesClassName];
    volumes.on({ updated: (before) => freed(classOfVolume(before)), deleted: (volume) => freed(classOfVolume(volume)) });
  },
};
