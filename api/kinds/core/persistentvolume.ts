// The PersistentVolume kind.
import type { PersistentVolume, PersistentVolumeSpec } from '../../gen/types/core.v1.ts';
import {
  deepEqual,
  dns1123Subdomain,
  forbiddenField,
  immutableText,
  invalidValue,
  type KubeObject,
  notSupported,
  type Problem,
  quantitySign,
  required,
} from '../../meta/index.ts';
import { ageColumn, nameColumn, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { texts } from '../rules.ts';
import { accessModesText, validateAccessModes, volumeClass } from './access-modes.ts';
import { defaultOldSources } from './pod-spec/volume-defaults.ts';
import { roundResources } from './resources.ts';

const volumeOf = (object: KubeObject): PersistentVolume => object as unknown as PersistentVolume;
const specOf = (object: KubeObject): PersistentVolumeSpec => ((object as { spec?: PersistentVolumeSpec }).spec ??= {});

const POLICIES = ['Delete', 'Recycle', 'Retain'];
const SOURCES = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'csi',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'glusterfs',
  'hostPath',
  'iscsi',
  'local',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
] as const;

function validateSources(spec: PersistentVolumeSpec): Problem[] {
  const present = SOURCES.filter((name) => spec[name] !== undefined && spec[name] !== null);
  const problems = present.slice(1).map((name) => forbiddenField(`spec.${name}`, 'may not specify more than 1 volume type'));
  if (present.length === 0) problems.push(required('spec', 'must specify a volume type'));
  if (spec.hostPath) {
    if (!spec.hostPath.path) problems.push(required('spec.hostPath.path'));
    else if (spec.hostPath.path.split('/').includes('..'))
      problems.push(invalidValue('spec.hostPath.path', spec.hostPath.path, "must not contain '..'"));
  }
  if (spec.local) {
    if (!spec.local.path) problems.push(required('spec.local.path'));
    if (!spec.nodeAffinity) problems.push(required('spec.nodeAffinity', 'Local volume requires node affinity'));
  }
  if (spec.nfs) {
    if (!spec.nfs.server) problems.push(required('spec.nfs.server'));
    if (!spec.nfs.path) problems.push(required('spec.nfs.path'));
    else if (!spec.nfs.path.startsWith('/')) problems.push(invalidValue('spec.nfs.path', spec.nfs.path, 'must be an absolute path'));
  }
  if (spec.csi) {
    if (!spec.csi.driver) problems.push(required('spec.csi.driver'));
    if (!spec.csi.volumeHandle) problems.push(required('spec.csi.volumeHandle'));
  }
  return problems;
}

function validateSpec(spec: PersistentVolumeSpec): Problem[] {
  const problems: Problem[] = [];
  if (!spec.accessModes?.length) problems.push(required('spec.accessModes'));
  problems.push(...validateAccessModes(spec.accessModes ?? [], 'spec.accessModes'));
  const capacity = spec.capacity ?? {};
  if (Object.keys(capacity).length === 0) problems.push(required('spec.capacity'));
  if (!('storage' in capacity) || Object.keys(capacity).length > 1) problems.push(notSupported('spec.capacity', capacity, ['storage']));
  for (const [name, amount] of Object.entries(capacity)) {
    if (quantitySign(amount) <= 0) problems.push(invalidValue(`spec.capacity[${name}]`, amount, 'must be greater than zero'));
  }
  const policy = spec.persistentVolumeReclaimPolicy;
  if (policy && !POLICIES.includes(policy)) problems.push(notSupported('spec.persistentVolumeReclaimPolicy', policy, POLICIES));
  problems.push(...validateSources(spec));
  if (spec.hostPath?.path === '/' && policy === 'Recycle') {
    problems.push(forbiddenField('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'"));
  }
  if (spec.storageClassName)
    problems.push(...texts('spec.storageClassName', spec.storageClassName, dns1123Subdomain(spec.storageClassName)));
  const modes = ['Block', 'Filesystem'];
  if (spec.volumeMode !== undefined && !modes.includes(spec.volumeMode))
    problems.push(notSupported('spec.volumeMode', spec.volumeMode, modes));
  return problems;
}

/** The source, the mode and a node affinity once set stay as they are. */
function validateKept(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): Problem[] {
  const problems: Problem[] = [];
  const source = (of: PersistentVolumeSpec): object =>
    Object.fromEntries(SOURCES.filter((name) => of[name]).map((name) => [name, of[name]]));
  if (!deepEqual(source(spec), source(old))) {
    problems.push(forbiddenField('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation'));
  }
  if (spec.volumeMode !== old.volumeMode) problems.push(invalidValue('volumeMode', spec.volumeMode ?? null, immutableText));
  if (old.nodeAffinity && !deepEqual(spec.nodeAffinity, old.nodeAffinity)) {
    problems.push(invalidValue('spec.nodeAffinity', spec.nodeAffinity ?? null, immutableText));
  }
  return problems;
}

/** When the phase changes, the time of it is set; who writes may set another. */
function updateStatus(object: KubeObject, old: KubeObject, now: string): void {
  object['spec'] = old['spec'];
  const status = (object['status'] ??= {});
  const before = old['status'] ?? {};
  if (status.phase !== before.phase && status.lastPhaseTransitionTime === before.lastPhaseTransitionTime)
    status.lastPhaseTransitionTime = now;
}

export const persistentVolume: Behaviour = {
  defaults(object) {
    const spec = specOf(object);
    spec.persistentVolumeReclaimPolicy ||= 'Retain';
    spec.volumeMode ??= 'Filesystem';
    roundResources(spec.capacity);
    if (spec.hostPath) spec.hostPath.type ??= '';
    defaultOldSources(spec as never);
    const status = (object['status'] ??= {});
    status.phase ||= 'Pending';
  },
  prepareForCreate(object) {
    object['status'] = { phase: 'Pending', lastPhaseTransitionTime: object.metadata.creationTimestamp };
  },
  prepareForUpdate(object, old) {
    object['status'] = old['status'];
  },
  subresourceUpdate: { status: updateStatus },
  validate: (object) => validateSpec(specOf(object)),
  warnings: (object) =>
    object['spec']?.persistentVolumeReclaimPolicy === 'Recycle'
      ? [
          'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
        ]
      : [],
  validateUpdate: (object, old) => validateKept(specOf(object), specOf(old)),
  hasGeneration: false,
  fieldSelectors: { name: (object) => object.metadata.name ?? '' },
  columns: [
    nameColumn,
    string('Capacity', (object) => object['spec']?.capacity?.storage ?? '0'),
    string('Access Modes', (object) => accessModesText(object['spec']?.accessModes)),
    string('Reclaim Policy', (object) => object['spec']?.persistentVolumeReclaimPolicy ?? ''),
    string('Status', (object) => (object.metadata.deletionTimestamp ? 'Terminating' : (object['status']?.phase ?? ''))),
    string('Claim', (object) => {
      const claim = volumeOf(object).spec?.claimRef;
      return claim ? `${claim.namespace ?? ''}/${claim.name ?? ''}` : '';
    }),
    string('StorageClass', volumeClass),
    string('VolumeAttributesClass', (object) => object['spec']?.volumeAttributesClassName ?? '<unset>'),
    string('Reason', (object) => object['status']?.reason ?? ''),
    ageColumn,
    string('VolumeMode', (object) => object['spec']?.volumeMode ?? '<unset>', true),
  ],
};
