// Claims without a class get the default one and grow only where their class lets them; volumes, claims and attributes classes in use are kept by a finalizer.
import type { PersistentVolumeClaim } from '../../../api/gen/types/core.v1.ts';
import type { StorageClass } from '../../../api/gen/types/storage.v1.ts';
import { compareQuantities, type KubeObject } from '../../../api/meta/index.ts';
import type { AdmissionPlugin, Reader } from '../request.ts';
import { concerns, refused } from './attributes.ts';

const STORAGE_CLASSES = { group: 'storage.k8s.io', plural: 'storageclasses' };
const INGRESS_CLASSES = { group: 'networking.k8s.io', plural: 'ingressclasses' };

/** The newest class that is marked as default; of the same age the first by name. */
function marked(classes: readonly KubeObject[], annotations: readonly string[]): KubeObject | undefined {
  const age = (item: KubeObject): number => Date.parse(item.metadata.creationTimestamp ?? '');
  return classes
    .filter(({ metadata }) => annotations.some((name) => metadata.annotations?.[name] === 'true'))
    .sort((a, b) => age(b) - age(a) || (a.metadata.name! < b.metadata.name! ? -1 : 1))[0];
}

export const defaultStorageClass = (reader: Reader): AdmissionPlugin => ({
  name: 'DefaultStorageClass',
  admit(attributes) {
    if (!concerns(attributes, '', 'PersistentVolumeClaim', 'CREATE')) return;
    const { metadata, spec } = attributes.object as KubeObject & { spec: Record<string, any> };
    if (spec['storageClassName'] !== undefined || metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined) return;
    const annotations = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];
    const chosen = marked(reader.list(STORAGE_CLASSES), annotations);
    if (chosen) spec['storageClassName'] = chosen.metadata.name;
  },
});

const requestOf = ({ spec }: PersistentVolumeClaim): string => spec?.resources?.requests?.['storage'] ?? '0';
const classOf = ({ metadata, spec }: PersistentVolumeClaim): string =>
  metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName ?? '';

export const persistentVolumeClaimResize = (reader: Reader): AdmissionPlugin => ({
  name: 'PersistentVolumeClaimResize',
  validate(attributes) {
    if (!concerns(attributes, '', 'PersistentVolumeClaim', 'UPDATE')) return undefined;
    const [before, after] = [attributes.oldObject, attributes.object] as PersistentVolumeClaim[];
    if (!before || !after || compareQuantities(requestOf(after), requestOf(before)) <= 0) return undefined;
    if (before.status?.phase !== 'Bound') throw refused(attributes, 'Only bound persistent volume claims can be expanded');
    const found =
      classOf(before) === classOf(after) ? (reader.get(STORAGE_CLASSES, '', classOf(after)) as StorageClass | undefined) : undefined;
    if (!found?.allowVolumeExpansion)
      throw refused(
        attributes,
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      );
    return undefined;
  },
});

export const defaultIngressClass = (reader: Reader): AdmissionPlugin => ({
  name: 'DefaultIngressClass',
  admit(attributes) {
    if (!concerns(attributes, 'networking.k8s.io', 'Ingress', 'CREATE')) return;
    const ingress = attributes.object!;
    if (ingress['spec']?.ingressClassName !== undefined || ingress.metadata.annotations?.['kubernetes.io/ingress.class'] !== undefined)
      return;
    const chosen = marked(reader.list(INGRESS_CLASSES), ['ingressclass.kubernetes.io/is-default-class']);
    if (chosen) ingress['spec'] = { ...ingress['spec'], ingressClassName: chosen.metadata.name };
  },
});

const PROTECTED: readonly { group: string; kind: string; finalizer: string }[] = [
  { group: '', kind: 'PersistentVolume', finalizer: 'kubernetes.io/pv-protection' },
  { group: '', kind: 'PersistentVolumeClaim', finalizer: 'kubernetes.io/pvc-protection' },
  { group: 'storage.k8s.io', kind: 'VolumeAttributesClass', finalizer: 'kubernetes.io/vac-protection' },
];

export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  admit(attributes) {
    const finalizer = PROTECTED.find(({ group, kind }) => concerns(attributes, group, kind, 'CREATE'))?.finalizer;
    if (!finalizer) return;
    const { metadata } = attributes.object!;
    if (!metadata.finalizers?.includes(finalizer)) metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
  },
};
