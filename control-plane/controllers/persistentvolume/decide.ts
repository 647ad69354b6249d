// What a claim and a volume need next, each seen alone (upstream's syncClaim and syncVolume). Pure.
import type { PersistentVolume, PersistentVolumeClaim } from '../../../api/gen/types/core.v1.ts';
import type { StorageClass } from '../../../api/gen/types/storage.v1.ts';
import { bestMatch, isBoundTo, mismatch, PROVISIONED_BY, SELECTED_NODE, storageClassOf } from '../../../kit/placement/index.ts';

export const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';

export interface Note {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

export type ClaimStep =
  | { do: 'bind'; volume: PersistentVolume }
  | { do: 'wait'; note?: Note }
  | { do: 'provision'; provisioner: string; note: Note }
  | { do: 'lose'; note: Note };

export interface World {
  volume(name: string): PersistentVolume | undefined;
  volumes(): readonly PersistentVolume[];
  storageClass(name: string): StorageClass | undefined;
  /** A pod that uses the claim and has no node yet. */
  waitingPod?: string | undefined;
}

const HOST_PATH = 'kubernetes.io/host-path';
/** What was built in once and is now done by a vendor's driver, under its old name. */
const BY_DRIVERS: Readonly<Record<string, string>> = {
  'kubernetes.io/aws-ebs': 'ebs.csi.aws.com',
  'kubernetes.io/azure-disk': 'disk.csi.azure.com',
  'kubernetes.io/azure-file': 'file.csi.azure.com',
  'kubernetes.io/cinder': 'cinder.csi.openstack.org',
  'kubernetes.io/gce-pd': 'pd.csi.storage.gke.io',
  'kubernetes.io/portworx-volume': 'pxd.portworx.com',
  'kubernetes.io/vsphere-volume': 'csi.vsphere.vmware.com',
};

const lost = (reason: string, message: string): ClaimStep => ({ do: 'lose', note: { type: 'Warning', reason, message } });
const wait = (type: Note['type'], reason: string, message: string): ClaimStep => ({ do: 'wait', note: { type, reason, message } });

export function claimStep(claim: PersistentVolumeClaim, world: World): ClaimStep {
  const { annotations = {} } = claim.metadata;
  const name = claim.spec?.volumeName ?? '';
  if (annotations[BIND_COMPLETED] !== undefined) return boundStep(claim, name, world);
  if (name === '') return searchStep(claim, world);
  const volume = world.volume(name);
  if (!volume) return { do: 'wait' };
  if (isBoundTo(volume, claim)) return { do: 'bind', volume };
  if (volume.spec?.claimRef) return wait('Warning', 'FailedBinding', `volume "${name}" already bound to a different claim.`);
  const why = mismatch(claim, volume);
  return why === undefined
    ? { do: 'bind', volume }
    : wait('Warning', 'VolumeMismatch', `Cannot bind to requested volume "${name}": ${why}`);
}

function boundStep(claim: PersistentVolumeClaim, name: string, world: World): ClaimStep {
  if (name === '') return lost('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
  const volume = world.volume(name);
  if (!volume) return lost('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  const holder = volume.spec?.claimRef;
  if (!holder || holder.uid === claim.metadata.uid) return { do: 'bind', volume };
  return lost('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
}

function searchStep(claim: PersistentVolumeClaim, world: World): ClaimStep {
  const className = storageClassOf(claim);
  const found = className === '' ? undefined : world.storageClass(className);
  // A node was chosen for it: from there on it is provisioned as any other.
  const isDelayed = found?.volumeBindingMode === 'WaitForFirstConsumer' && !claim.metadata.annotations?.[SELECTED_NODE];
  const volume = bestMatch(claim, world.volumes(), () => !isDelayed);
  if (volume) return { do: 'bind', volume };
  if (isDelayed) {
    return world.waitingPod === undefined
      ? wait('Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding')
      : wait('Normal', 'WaitForPodScheduled', `waiting for pod ${world.waitingPod} to be scheduled`);
  }
  if (className === '')
    return wait('Normal', 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set');
  if (!found) return wait('Warning', 'ProvisioningFailed', `storageclass.storage.k8s.io "${className}" not found`);
  const provisioner = BY_DRIVERS[found.provisioner] ?? found.provisioner;
  if (provisioner === HOST_PATH)
    return wait('Warning', 'ProvisioningFailed', `Failed to create provisioner: provisioning in volume plugin "${HOST_PATH}" is disabled`);
  if (provisioner.startsWith('kubernetes.io/'))
    return wait('Warning', 'ProvisioningFailed', `no volume plugin matched name: ${provisioner}`);
  const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
  return { do: 'provision', provisioner, note: { type: 'Normal', reason: 'ExternalProvisioning', message } };
}

export type VolumeStep =
  | { do: 'phase'; phase: 'Available' | 'Bound' | 'Released' | 'Failed'; note?: Note }
  /** The claim decides. */
  | { do: 'ask' }
  /** Its claim has taken another volume. */
  | { do: 'unbind' }
  | { do: 'nothing' };

/** `claim` is the one that the volume names, if it still is that very one. */
export function volumeStep(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): VolumeStep {
  const holder = volume.spec?.claimRef;
  if (!holder?.uid) return { do: 'phase', phase: 'Available' };
  if (!claim) return volume.status?.phase === 'Failed' ? { do: 'nothing' } : reclaimStep(volume);
  if (!claim.spec?.volumeName) return { do: 'ask' };
  if (claim.spec.volumeName === volume.metadata.name) return { do: 'phase', phase: 'Bound' };
  const isProvisioned = volume.metadata.annotations?.[PROVISIONED_BY] !== undefined;
  return isProvisioned && volume.spec?.persistentVolumeReclaimPolicy === 'Delete' ? { do: 'phase', phase: 'Released' } : { do: 'unbind' };
}

/**
 * First it is told to be released; then its policy acts. What a driver provisioned, that driver deletes. Folders of hosts are neither
 * recycled nor deleted: they are on nodes, not where this runs.
 */
function reclaimStep({ metadata, spec, status }: PersistentVolume): VolumeStep {
  if (status?.phase !== 'Released') return { do: 'phase', phase: 'Released' };
  const policy = spec?.persistentVolumeReclaimPolicy;
  const name = metadata.name ?? '';
  if (policy === 'Recycle') return failed('VolumeFailedRecycle', 'No recycler plugin found for the volume!');
  if (policy !== 'Delete' || spec?.csi || metadata.annotations?.[PROVISIONED_BY] !== undefined) return { do: 'nothing' };
  const isKnown = spec?.hostPath !== undefined || spec?.local !== undefined || spec?.nfs !== undefined;
  const path = spec?.hostPath?.path;
  if (path !== undefined && !/\/tmp\/./.test(path))
    return failed('VolumeFailedDelete', `host_path deleter only supports /tmp/.+ but received provided ${path}`);
  return failed(
    'VolumeFailedDelete',
    `error getting deleter volume plugin for volume "${name}": ${isKnown ? 'no deletable' : 'no'} volume plugin matched`,
  );
}

const failed = (reason: string, message: string): VolumeStep => ({
  do: 'phase',
  phase: 'Failed',
  note: { type: 'Warning', reason, message },
});
