// Behaviours of the kinds of storage.k8s.io/v1.
import type { Behaviours } from './behaviours.ts';
import { storageClass, volumeAttributesClass } from './storage/classes.ts';
import { csiDriver, csiNode, csiStorageCapacity, volumeAttachment } from './storage/csi.ts';

export const storage: Behaviours = {
  CSIDriver: csiDriver,
  CSINode: csiNode,
  CSIStorageCapacity: csiStorageCapacity,
  StorageClass: storageClass,
  VolumeAttachment: volumeAttachment,
  VolumeAttributesClass: volumeAttributesClass,
};
