// Claims of pods' ephemeral volumes: made from the template in the pod, owned by the pod, gone with it (upstream's ephemeral volume controller).
import type { PersistentVolumeClaim, Pod, Volume } from '../../../api/gen/types/core.v1.ts';
import { isStatusError } from '../../../api/meta/index.ts';
import { keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';
import { indexPods } from '../shared/pod-index.ts';

const claimNameOf = (pod: Pod, volume: Volume): string => `${pod.metadata.name}-${volume.name}`;

/** Pure. */
function ephemeralClaim(pod: Pod, volume: Volume): PersistentVolumeClaim {
  const { name = '', namespace, uid = '' } = pod.metadata;
  const { metadata = {}, spec } = volume.ephemeral?.volumeClaimTemplate ?? { spec: {} };
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: claimNameOf(pod, volume),
      namespace,
      ...(metadata.labels ? { labels: metadata.labels } : {}),
      ...(metadata.annotations ? { annotations: metadata.annotations } : {}),
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid, controller: true, blockOwnerDeletion: true }],
    },
    spec,
  } as PersistentVolumeClaim;
}

const isOf = (claim: PersistentVolumeClaim, pod: Pod): boolean =>
  claim.metadata.ownerReferences?.some(({ controller, uid }) => controller && uid === pod.metadata.uid) ?? false;

export const ephemeralVolumeController: Controller = {
  name: 'ephemeral-volume',
  user: account('ephemeral-volume-controller'),
  start(context, signal, ready) {
    const { client, informers } = context;
    const events = context.events('ephemeral_volume');
    const claims = informers.of<PersistentVolumeClaim>(RESOURCES.persistentvolumeclaims);
    const pods = indexPods(informers);
    pods.addIndex('ephemeral-claim', (pod) =>
      (pod.spec?.volumes ?? []).flatMap((volume) => (volume.ephemeral ? [`${pod.metadata.namespace}/${claimNameOf(pod, volume)}`] : [])),
    );

    async function make(pod: Pod, volume: Volume): Promise<void> {
      const wanted = ephemeralClaim(pod, volume);
      const present = claims.get(keyOf(wanted));
      if (present && isOf(present, pod)) return;
      const whose = `${pod.metadata.namespace}/${pod.metadata.name}`;
      if (present) throw new Error(`PVC ${keyOf(wanted)} was not created for pod ${whose} (pod is not owner)`);
      try {
        await client.create(RESOURCES.persistentvolumeclaims, wanted);
      } catch (error) {
        if (isStatusError(error, 'AlreadyExists')) throw error; // the cache will show whose it is
        throw new Error(`create PVC ${wanted.metadata.name}: ${(error as Error).message}`, { cause: error });
      }
    }

    const queue = reconcilerOf('ephemeral-volume', context, signal, ready, async (key) => {
      const pod = pods.get(key);
      if (!pod || pod.metadata.deletionTimestamp) return done;
      for (const volume of pod.spec?.volumes ?? []) {
        if (!volume.ephemeral) continue;
        try {
          await make(pod, volume);
        } catch (error) {
          const message = `ephemeral volume ${volume.name}: ${(error as Error).message}`;
          if (!isStatusError(error, 'AlreadyExists'))
            events.record({ ...pod, apiVersion: 'v1', kind: 'Pod' }, 'Warning', 'FailedBinding', message);
          throw error;
        }
      }
      return done;
    });
    const seen = (pod: Pod) => pod.spec?.volumes?.some(({ ephemeral }) => ephemeral) && queue.add(keyOf(pod));
    pods.on({ added: seen });
    claims.on({ deleted: (claim) => pods.by('ephemeral-claim', keyOf(claim)).forEach(seen) });
  },
};
