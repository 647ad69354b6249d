// Attachments of CSI volumes to nodes: one for each volume that a pod of the node uses, deleted when none does (upstream's attach-detach
// controller). A driver's attacher acts on them; the node's agent waits for it.
import { createHash } from 'node:crypto';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../api/gen/types/core.v1.ts';
import type { CSIDriver, VolumeAttachment } from '../../../api/gen/types/storage.v1.ts';
import { keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';
import { indexPods } from '../shared/pod-index.ts';
import { isFinished } from '../shared/pods.ts';

/** An agent unmounts what a finished pod used; the volume is not taken away under its hands. */
const UNMOUNT_MS = 30_000;

const claimKeys = (pod: Pod): string[] =>
  (pod.spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [`${pod.metadata.namespace}/${persistentVolumeClaim.claimName}`];
    return ephemeral ? [`${pod.metadata.namespace}/${pod.metadata.name}-${name}`] : [];
  });

/** The agents look for the same name. */
export const attachmentOf = (volume: PersistentVolume, node: string): VolumeAttachment => {
  const { driver = '', volumeHandle = '' } = volume.spec?.csi ?? {};
  const hash = createHash('sha256')
    .update(volumeHandle + driver + node)
    .digest('hex');
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'VolumeAttachment',
    metadata: { name: `csi-${hash}` },
    spec: { attacher: driver, nodeName: node, source: { persistentVolumeName: volume.metadata.name ?? '' } },
  };
};

/** Others may attach volumes too, under names of their own: theirs to take away. */
const isOurs = ({ metadata }: VolumeAttachment): boolean => /^csi-[0-9a-f]{64}$/.test(metadata.name ?? '');

/** How long the pod may still have its volumes mounted; 0: it has not. */
export function holdsForMs(pod: Pod, nowMs: number): number {
  if (!isFinished(pod)) return Number.POSITIVE_INFINITY;
  const ends = (pod.status?.containerStatuses ?? []).map(({ state }) => Date.parse(state?.terminated?.finishedAt ?? '') || 0);
  return Math.max(0, Math.max(0, ...ends) + UNMOUNT_MS - nowMs);
}

export const volumeAttachmentController: Controller = {
  name: 'volume-attachment',
  user: account('attachdetach-controller'),
  start(context, signal, ready) {
    const { client, clock, informers } = context;
    const claims = informers.of<PersistentVolumeClaim>(RESOURCES.persistentvolumeclaims);
    const volumes = informers.of<PersistentVolume>(RESOURCES.persistentvolumes);
    const drivers = informers.of<CSIDriver>(RESOURCES.csidrivers);
    const attachments = informers.of<VolumeAttachment>(RESOURCES.volumeattachments);
    const pods = indexPods(informers);
    pods.addIndex('claim-in-use', (pod) => (pod.spec?.nodeName ? claimKeys(pod) : []));

    const usersOf = (volume: PersistentVolume): Pod[] => {
      const { namespace, name, uid } = volume.spec?.claimRef ?? {};
      const claim = claims.get(`${namespace}/${name}`);
      return claim && claim.metadata.uid === uid ? pods.by('claim-in-use', `${namespace}/${name}`) : [];
    };

    const volumeQueue = reconcilerOf('volume-attachment', context, signal, ready, async (name) => {
      const volume = volumes.get(name);
      const driver = volume?.spec?.csi && drivers.get(volume.spec.csi.driver);
      const isAttached = volume?.spec?.csi !== undefined && driver?.spec.attachRequired !== false;
      const holders = isAttached && volume ? usersOf(volume) : [];
      const holds = new Map<string, number>();
      for (const pod of holders) {
        const node = pod.spec?.nodeName ?? '';
        holds.set(node, Math.max(holds.get(node) ?? 0, holdsForMs(pod, clock.nowMs())));
      }
      for (const [node, forMs] of holds) {
        const wanted = volume && attachmentOf(volume, node);
        if (wanted && forMs === Number.POSITIVE_INFINITY && !attachments.get(wanted.metadata.name ?? ''))
          await client.create(RESOURCES.volumeattachments, wanted);
      }
      for (const found of attachments.list()) {
        if (found.spec.source.persistentVolumeName !== name || found.metadata.deletionTimestamp || !isOurs(found)) continue;
        if ((holds.get(found.spec.nodeName) ?? 0) === 0) await client.delete(RESOURCES.volumeattachments, found.metadata.name ?? '');
      }
      const again = Math.min(...[...holds.values()].filter((ms) => ms > 0));
      return Number.isFinite(again) ? { retryAfterMs: again } : done;
    });

    const podSeen = (pod: Pod) => {
      for (const key of claimKeys(pod)) {
        const volume = claims.get(key)?.spec?.volumeName;
        if (volume && volumes.get(volume)?.spec?.csi) volumeQueue.add(volume);
      }
    };
    pods.on({ added: podSeen, updated: (_, pod) => podSeen(pod), deleted: podSeen });
    const volumeSeen = (volume: PersistentVolume) => volume.spec?.csi && volumeQueue.add(keyOf(volume));
    volumes.on({ added: volumeSeen, updated: (_, volume) => volumeSeen(volume) });
    claims.on({ updated: (_, claim) => claim.spec?.volumeName && volumeQueue.add(claim.spec.volumeName) });
    const attachmentSeen = ({ spec }: VolumeAttachment) =>
      spec.source.persistentVolumeName && volumeQueue.add(spec.source.persistentVolumeName);
    attachments.on({ added: attachmentSeen, deleted: attachmentSeen });
  },
};
