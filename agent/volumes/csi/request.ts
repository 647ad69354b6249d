// What a driver is asked, out of a pod and a persistent volume or a volume written into the pod. Pure.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { CSIPersistentVolumeSource, CSIVolumeSource, PersistentVolume, Pod, Volume } from '../../../api/gen/types/core.v1.ts';
import type { CSIDriver } from '../../../api/gen/types/storage.v1.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A volume written into a pod has no identity but the pod's. */
const inlineHandle = (podUid: string, volume: string): string => `csi-${sha256(podUid + volume)}`;

/** Where a volume is on the node. */
export interface Places {
  target: string;
  /** Absent: the driver stages nothing. */
  staging?: string;
}

/**
 * Named as upstream names them below the agent's folders: drivers look for pods and volumes in the paths. Block devices are published
 * outside of the pod's folder.
 */
export function placesOf(
  { driver, handle, isBlock, isInline, name }: Wanted,
  podUid: string,
  podsDir: string,
  stagingDir: string,
  stages: boolean,
): Places {
  const target = isBlock
    ? join(stagingDir, 'volumeDevices/publish', name, podUid)
    : join(podsDir, podUid, 'volumes/kubernetes.io~csi', name, 'mount');
  if (!stages || isInline) return { target };
  return {
    target,
    staging: isBlock ? join(stagingDir, 'volumeDevices/staging', name) : join(stagingDir, driver, sha256(handle), 'globalmount'),
  };
}

export interface Wanted {
  /** Of the persistent volume; of one written into the pod as the pod names it. */
  name: string;
  driver: string;
  handle: string;
  isInline: boolean;
  readonly: boolean;
  isBlock: boolean;
  fsType: string;
  mountFlags: string[];
  accessModes: string[];
  attributes: Record<string, string>;
  stageSecret?: SecretRef | undefined;
  expandSecret?: SecretRef | undefined;
  publishSecret?: SecretRef | undefined;
}
export interface SecretRef {
  name: string;
  namespace: string;
}

const secretRef = (ref: CSIPersistentVolumeSource['nodeStageSecretRef']): SecretRef | undefined =>
  ref?.name ? { name: ref.name, namespace: ref.namespace ?? '' } : undefined;

export function persistentWish(csi: CSIPersistentVolumeSource, { metadata, spec }: PersistentVolume, of: Volume): Wanted {
  return {
    name: metadata.name ?? '',
    driver: csi.driver,
    handle: csi.volumeHandle,
    isInline: false,
    readonly: of.persistentVolumeClaim?.readOnly ?? false, // the volume's own readOnly is for the attacher
    isBlock: spec?.volumeMode === 'Block',
    fsType: csi.fsType ?? '',
    mountFlags: spec?.mountOptions ?? [],
    accessModes: spec?.accessModes ?? [],
    attributes: csi.volumeAttributes ?? {},
    stageSecret: secretRef(csi.nodeStageSecretRef),
    expandSecret: secretRef(csi.nodeExpandSecretRef),
    publishSecret: secretRef(csi.nodePublishSecretRef),
  };
}

export function inlineWish(csi: CSIVolumeSource, pod: Pod, of: Volume): Wanted {
  const { namespace = '', uid = '' } = pod.metadata;
  return {
    name: of.name,
    driver: csi.driver,
    handle: inlineHandle(uid, of.name),
    isInline: true,
    readonly: csi.readOnly ?? false,
    isBlock: false,
    fsType: csi.fsType ?? '',
    mountFlags: [],
    accessModes: ['ReadWriteOnce'],
    attributes: csi.volumeAttributes ?? {},
    publishSecret: secretRef(csi.nodePublishSecretRef ? { ...csi.nodePublishSecretRef, namespace } : undefined),
  };
}

const MODES: Record<string, string> = {
  ReadWriteOnce: 'SINGLE_NODE_WRITER',
  ReadOnlyMany: 'MULTI_NODE_READER_ONLY',
  ReadWriteMany: 'MULTI_NODE_MULTI_WRITER',
  ReadWriteOncePod: 'SINGLE_NODE_WRITER',
};
/** Of drivers that tell one pod from several on a node. */
const FINER_MODES: Record<string, string> = {
  ...MODES,
  ReadWriteOnce: 'SINGLE_NODE_MULTI_WRITER',
  ReadWriteOncePod: 'SINGLE_NODE_SINGLE_WRITER',
};

/** Of several access modes the first is asked for, as by upstream. */
export function capability(wanted: Wanted, can: ReadonlySet<string>, fsGroup: number | undefined): object {
  const modes = can.has('SINGLE_NODE_MULTI_WRITER') ? FINER_MODES : MODES;
  const group = fsGroup !== undefined && can.has('VOLUME_MOUNT_GROUP') ? { volumeMountGroup: String(fsGroup) } : {};
  const access = wanted.isBlock ? { block: {} } : { mount: { fsType: wanted.fsType, mountFlags: wanted.mountFlags, ...group } };
  return { ...access, accessMode: { mode: modes[wanted.accessModes[0] ?? 'ReadWriteOnce'] ?? 'UNKNOWN' } };
}

/** Why the driver has no such volumes, in upstream's words. */
export function lifecycleProblem({ driver, isInline }: Wanted, settings: CSIDriver | undefined): string | undefined {
  const mode = isInline ? 'Ephemeral' : 'Persistent';
  const modes = settings?.spec.volumeLifecycleModes;
  if (settings ? modes?.includes(mode) : !isInline) return undefined;
  const known = settings ? `only supports [${(modes ?? []).map((one) => `"${one}"`).join(' ')}]` : 'no CSIDriver object';
  return `volume mode "${mode}" not supported by driver ${driver} (${known})`;
}

/** The pod tells the driver about itself where CSIDriver says so. */
export function podInfo(pod: Pod, wanted: Wanted, driver: CSIDriver | undefined): Record<string, string> {
  if (!driver?.spec.podInfoOnMount) return {};
  const { name = '', namespace = '', uid = '' } = pod.metadata;
  return {
    'csi.storage.k8s.io/pod.name': name,
    'csi.storage.k8s.io/pod.namespace': namespace,
    'csi.storage.k8s.io/pod.uid': uid,
    'csi.storage.k8s.io/serviceAccount.name': pod.spec?.serviceAccountName ?? '',
    'csi.storage.k8s.io/ephemeral': String(wanted.isInline),
  };
}

/** Whether the node gives the volume's files to the pod's group, or leaves it to the driver. */
export function givesToGroup(wanted: Wanted, driver: CSIDriver | undefined, can: ReadonlySet<string>): boolean {
  if (wanted.isBlock || wanted.readonly || can.has('VOLUME_MOUNT_GROUP')) return false;
  const policy = driver?.spec.fsGroupPolicy ?? 'ReadWriteOnceWithFSType';
  if (policy !== 'ReadWriteOnceWithFSType') return policy === 'File';
  return wanted.fsType !== '' && wanted.accessModes.some((mode) => mode === 'ReadWriteOnce' || mode === 'ReadWriteOncePod');
}

export const podTarget = ({ metadata }: Pod) => ({ apiVersion: 'v1', kind: 'Pod', metadata });
