// What a volume's attachment to a node needs (upstream's attach-detach controller). Pure.
import type { Node, PersistentVolume, Pod } from '../../../api/gen/types/core.v1.ts';
import type { VolumeAttachment } from '../../../api/gen/types/storage.v1.ts';
import { attachmentName } from '../../../kit/placement/index.ts';
import { isFinished } from '../../../kit/pods/index.ts';
import { isOutOfService, isReady } from '../shared/out-of-service.ts';

/** From a node that is not healthy a volume is taken after so long, although nobody says that it is unmounted. */
const FORCE_DETACH_MS = 360_000;

export const attachmentOf = (volume: PersistentVolume, node: string): VolumeAttachment => {
  const { driver = '', volumeHandle = '' } = volume.spec?.csi ?? {};
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'VolumeAttachment',
    metadata: { name: attachmentName(volumeHandle, driver, node) },
    spec: { attacher: driver, nodeName: node, source: { persistentVolumeName: volume.metadata.name ?? '' } },
  };
};

/** Others may attach volumes too, under names of their own: theirs to take away. */
export const isOurs = ({ metadata }: VolumeAttachment): boolean => /^csi-[0-9a-f]{64}$/.test(metadata.name ?? '');

/** Whether the pod needs its volumes attached: it may run, or something of it still runs. */
export function needsVolumes(pod: Pod): boolean {
  if (!pod.spec?.nodeName || isFinished(pod)) return false;
  if (!pod.metadata.deletionTimestamp) return true;
  return (pod.status?.containerStatuses ?? []).some(({ state }) => !state?.terminated && !state?.waiting);
}

/** A volume that several nodes may have at once, as far as its access modes tell. */
export function allowsSeveralNodes({ spec }: PersistentVolume): boolean {
  const modes = spec?.accessModes ?? [];
  return modes.length === 0 || modes.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany');
}

export type Detach =
  | { do: 'wait'; forMs: number }
  /** Only if the node still does not use it. */
  | { do: 'detach safely' }
  | { do: 'detach' };

/** `node` undefined: it is gone, and nobody can tell what it has mounted. */
export function detachStep(node: Node | undefined, volume: string, askedForMs: number): Detach {
  if (node && isOutOfService(node)) return { do: 'detach' };
  if (node && !node.status?.volumesInUse?.includes(volume)) return { do: 'detach safely' };
  if (node && isReady(node)) return { do: 'wait', forMs: Number.POSITIVE_INFINITY };
  return askedForMs >= FORCE_DETACH_MS ? { do: 'detach' } : { do: 'wait', forMs: FORCE_DETACH_MS - askedForMs };
}

/** Why a volume that another node has cannot be had; names of pods are told to their own namespace only. */
export function multiAttachMessage(volume: string, namespace: string | undefined, users: readonly Pod[]): string {
  const told = (why: string) => `Multi-Attach error for volume "${volume}" ${why}`;
  if (users.length === 0) return told("Volume is already exclusively attached to one node and can't be attached to another");
  const near = users.filter(({ metadata }) => metadata.namespace === namespace).map(({ metadata }) => metadata.name);
  const far = users.length - near.length;
  if (near.length === 0) return told(`Volume is already used by ${far} pod(s) in different namespaces`);
  return told(`Volume is already used by pod(s) ${near.join(', ')}${far > 0 ? ` and ${far} pod(s) in different namespaces` : ''}`);
}
