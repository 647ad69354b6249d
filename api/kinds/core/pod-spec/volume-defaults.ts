// Defaults of volumes.
import type { DownwardAPIVolumeFile, Volume, VolumeProjection } from '../../../gen/types/core.v1.ts';
import { roundResources } from '../resources.ts';
import { defaultPullPolicy } from './images.ts';

const SOURCE_MODE = 0o644;

/** In place. A volume without a source is an emptyDir. */
export function defaultVolume(volume: Volume): void {
  if (Object.keys(volume).every((key) => key === 'name')) volume.emptyDir = {};
  for (const source of [volume.configMap, volume.secret, volume.downwardAPI, volume.projected])
    if (source) source.defaultMode ??= SOURCE_MODE;
  if (volume.hostPath) volume.hostPath.type ??= '';
  if (volume.image) volume.image.pullPolicy ||= defaultPullPolicy(volume.image.reference ?? '');
  defaultItems(volume.downwardAPI?.items);
  for (const projection of volume.projected?.sources ?? []) defaultProjection(projection);
  if (volume.ephemeral?.volumeClaimTemplate) {
    const template = volume.ephemeral.volumeClaimTemplate;
    template.spec.volumeMode ??= 'Filesystem';
    roundResources(template.spec.resources?.requests);
  }
  defaultOldSources(volume);
}

/** The gates ClusterTrustBundleProjection and PodCertificateRequest are off in 1.36: such a source is dropped and shows nothing. */
function defaultProjection(projection: VolumeProjection): void {
  delete projection.clusterTrustBundle;
  delete projection.podCertificate;
  if (projection.serviceAccountToken) projection.serviceAccountToken.expirationSeconds ??= 3600;
  defaultItems(projection.downwardAPI?.items);
}

function defaultItems(items: DownwardAPIVolumeFile[] | undefined): void {
  for (const { fieldRef } of items ?? []) if (fieldRef) fieldRef.apiVersion ||= 'v1';
}

/** Sources that were once built in; what they default is still part of the API. Volumes and PersistentVolumes share the names. */
export function defaultOldSources(volume: Pick<Volume, 'iscsi' | 'rbd' | 'azureDisk' | 'scaleIO'>): void {
  if (volume.iscsi) volume.iscsi.iscsiInterface ||= 'default';
  if (volume.rbd) {
    volume.rbd.pool ||= 'rbd';
    volume.rbd.user ||= 'admin';
    volume.rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (volume.azureDisk) {
    volume.azureDisk.cachingMode ??= 'ReadWrite';
    volume.azureDisk.kind ??= 'Shared';
    volume.azureDisk.fsType ??= 'ext4';
    volume.azureDisk.readOnly ??= false;
  }
  if (volume.scaleIO) {
    volume.scaleIO.storageMode ||= 'ThinProvisioned';
    volume.scaleIO.fsType ||= 'xfs';
  }
}
