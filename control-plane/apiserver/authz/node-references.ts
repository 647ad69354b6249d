// What the pods of a node refer to: the objects that its agent may read. Pure.
import type { KubeObject } from '../../../api/meta/index.ts';

export interface References {
  secrets: Set<string>;
  configmaps: Set<string>;
  persistentvolumeclaims: Set<string>;
  serviceaccounts: Set<string>;
}

type Volume = Record<string, any>;

const VOLUME_SECRETS: readonly ((volume: Volume) => string | undefined)[] = [
  (v) => v['secret']?.secretName,
  (v) => v['azureFile']?.secretName,
  (v) => v['cephfs']?.secretRef?.name,
  (v) => v['csi']?.nodePublishSecretRef?.name,
  (v) => v['flexVolume']?.secretRef?.name,
  (v) => v['iscsi']?.secretRef?.name,
  (v) => v['rbd']?.secretRef?.name,
  (v) => v['scaleIO']?.secretRef?.name,
  (v) => v['storageos']?.secretRef?.name,
];

function addVolume(refs: References, pod: KubeObject, volume: Volume): void {
  for (const of of VOLUME_SECRETS) refs.secrets.add(of(volume) ?? '');
  refs.configmaps.add(volume['configMap']?.name ?? '');
  for (const source of volume['projected']?.sources ?? []) {
    refs.secrets.add(source.secret?.name ?? '');
    refs.configmaps.add(source.configMap?.name ?? '');
  }
  refs.persistentvolumeclaims.add(volume['persistentVolumeClaim']?.claimName ?? '');
  if (volume['ephemeral']) refs.persistentvolumeclaims.add(`${pod.metadata.name}-${volume['name']}`);
}

const known = new WeakMap<KubeObject, References>();

/** Names of everything that one pod refers to, all in its namespace. Cached objects never change: looked at once. */
export function referencesOf(pod: KubeObject): References {
  let references = known.get(pod);
  if (!references) known.set(pod, (references = collect(pod)));
  return references;
}

function collect(pod: KubeObject): References {
  const refs: References = { secrets: new Set(), configmaps: new Set(), persistentvolumeclaims: new Set(), serviceaccounts: new Set() };
  const spec = pod['spec'] ?? {};
  refs.serviceaccounts.add(spec.serviceAccountName ?? '');
  for (const { name } of spec.imagePullSecrets ?? []) refs.secrets.add(name);
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])]) {
    for (const { valueFrom } of container.env ?? []) {
      refs.secrets.add(valueFrom?.secretKeyRef?.name ?? '');
      refs.configmaps.add(valueFrom?.configMapKeyRef?.name ?? '');
    }
    for (const from of container.envFrom ?? []) {
      refs.secrets.add(from.secretRef?.name ?? '');
      refs.configmaps.add(from.configMapRef?.name ?? '');
    }
  }
  for (const volume of spec.volumes ?? []) addVolume(refs, pod, volume);
  for (const names of Object.values(refs) as Set<string>[]) names.delete('');
  return refs;
}
