// The volume of a claim of the built-in class: a folder of the node that the scheduler chose. Pure.
import type { Node, ObjectReference, PersistentVolume, PersistentVolumeClaim } from '../../../api/gen/types/core.v1.ts';
import type { StorageClass } from '../../../api/gen/types/storage.v1.ts';
import { LOCAL_PATH, LOCAL_PATH_FOLDER, LOCAL_PATH_NODE, PROVISIONED_BY } from '../../../kit/placement/index.ts';

const HOSTNAME = 'kubernetes.io/hostname';

/** Marked as default: what asks for storage and names no class gets it. */
export const standardClass: StorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: LOCAL_PATH,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
  allowVolumeExpansion: true,
};

/** Why no folder can be made for the claim; undefined: it can. `node` is the chosen one. */
export function refusal({ spec }: PersistentVolumeClaim, node: Node | undefined): string | undefined {
  if (spec?.volumeMode === 'Block') return `${LOCAL_PATH} does not support block volumes`;
  if (spec?.dataSource || spec?.dataSourceRef) return `${LOCAL_PATH} cannot make a volume from a data source`;
  const other = spec?.accessModes?.find((mode) => mode !== 'ReadWriteOnce' && mode !== 'ReadWriteOncePod');
  if (other) return `${LOCAL_PATH} only supports ReadWriteOnce and ReadWriteOncePod access modes, not ${other}`;
  if (!node) return 'no node was chosen: the class needs volumeBindingMode WaitForFirstConsumer';
  if (!node.metadata.annotations?.[LOCAL_PATH_FOLDER]) return `node "${node.metadata.name}" has no folder for local volumes`;
  return undefined;
}

/** Named by the claim, so that making it again after a crash finds it made. */
export function newVolume(claim: PersistentVolumeClaim, of: StorageClass, node: Node): PersistentVolume {
  const { name, namespace, uid, resourceVersion } = claim.metadata;
  const volumeName = `pvc-${uid}`;
  const hostname = node.metadata.labels?.[HOSTNAME] ?? node.metadata.name ?? '';
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: volumeName,
      labels: { [LOCAL_PATH_NODE]: node.metadata.name ?? '' },
      annotations: { [PROVISIONED_BY]: LOCAL_PATH },
    },
    spec: {
      capacity: { storage: claim.spec?.resources?.requests?.['storage'] ?? '0' },
      accessModes: claim.spec?.accessModes ?? [],
      volumeMode: 'Filesystem',
      storageClassName: of.metadata.name ?? '',
      persistentVolumeReclaimPolicy: of.reclaimPolicy ?? 'Delete',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid, resourceVersion } as ObjectReference,
      local: { path: `${node.metadata.annotations?.[LOCAL_PATH_FOLDER]}/${volumeName}` },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: HOSTNAME, operator: 'In', values: [hostname] }] }] },
      },
    },
  };
}
