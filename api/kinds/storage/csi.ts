// storage.k8s.io/v1 CSIDriver, CSINode, CSIStorageCapacity and VolumeAttachment.
import {
  canonicalQuantity,
  deepEqual,
  dns1123Subdomain,
  duplicate,
  forbiddenField,
  inclusiveRange,
  invalidValue,
  type KubeObject,
  negativeText,
  notSupported,
  type Problem,
  qualifiedName,
  quantitySign,
  required,
  semanticEqual,
  tooLong,
  validateLabelSelector,
} from '../../meta/index.ts';
import { ageColumn, boolean, count, nameColumn, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { childOf, immutable, immutableFields, nonNegative, setDefaults, texts } from '../rules.ts';

const isSet = (value: unknown): boolean => value !== undefined && value !== null;

/** A driver's name; at most 63 bytes. */
function driverName(field: string, name: string): Problem[] {
  if (name === '') return [required(field)];
  const long = name.length > 63 ? [tooLong(field, 63)] : [];
  return [...long, ...texts(field, name, dns1123Subdomain(name.toLowerCase()))];
}

function validateTokenRequests(requests: any[]): Problem[] {
  const problems: Problem[] = [];
  requests.forEach(({ audience = '', expirationSeconds: seconds }, i) => {
    const path = `spec.tokenRequests[${i}]`;
    if (requests.findIndex((other) => (other.audience ?? '') === audience) < i) {
      problems.push(duplicate(`${path}.audience`, audience));
      return;
    }
    if (!isSet(seconds)) return;
    const field = `${path}.expirationSeconds`;
    if (seconds < 600) problems.push(invalidValue(field, seconds, 'may not specify a duration less than 10 minutes'));
    if (seconds > 2 ** 32) problems.push(invalidValue(field, seconds, 'may not specify a duration larger than 2^32 seconds'));
  });
  return problems;
}

const groupPolicies = ['File', 'None', 'ReadWriteOnceWithFSType'];

function validateDriver({ spec }: KubeObject): Problem[] {
  const problems: Problem[] = [];
  if (isSet(spec.fsGroupPolicy) && !groupPolicies.includes(spec.fsGroupPolicy)) {
    problems.push(notSupported('spec.fsGroupPolicy', spec.fsGroupPolicy, groupPolicies));
  }
  problems.push(...validateTokenRequests(spec.tokenRequests ?? []));
  for (const mode of spec.volumeLifecycleModes ?? []) {
    if (mode !== 'Persistent' && mode !== 'Ephemeral')
      problems.push(notSupported('spec.volumeLifecycleModes', mode, ['Persistent', 'Ephemeral']));
  }
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (isSet(period) && period < 10) {
    problems.push(invalidValue('spec.nodeAllocatableUpdatePeriodSeconds', period, 'must be greater than or equal to 10 seconds'));
  }
  const inSecrets = spec.serviceAccountTokenInSecrets;
  if (isSet(inSecrets) && !(spec.tokenRequests ?? []).length) {
    const why = 'serviceAccountTokenInSecrets is set but no tokenRequests are specified';
    problems.push(invalidValue('spec.serviceAccountTokenInSecrets', inSecrets, why));
  }
  return problems;
}

function defaultDriver(object: KubeObject): void {
  const spec = childOf(object, 'spec');
  setDefaults(spec, {
    attachRequired: true,
    podInfoOnMount: false,
    storageCapacity: false,
    fsGroupPolicy: 'ReadWriteOnceWithFSType',
    requiresRepublish: false,
    seLinuxMount: false,
  });
  if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
}

function driverWarnings({ spec }: KubeObject): string[] {
  if (!spec?.tokenRequests?.length || isSet(spec.serviceAccountTokenInSecrets)) return [];
  const field = 'spec.serviceAccountTokenInSecrets';
  return [`${field} is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes`];
}

const audiencesText = (requests: any[] | undefined): string =>
  requests?.length ? requests.map(({ audience = '' }) => audience || '<unset>').join(',') : '<unset>';

export const csiDriver: Behaviour = {
  // It has a generation from its first change on.
  hasGeneration: false,
  prepareForUpdate: (object, old) => {
    const before = old.metadata.generation ?? 0;
    const generation = semanticEqual(object['spec'], old['spec']) ? before : before + 1;
    if (generation) object.metadata.generation = generation;
  },
  warnings: (object) => driverWarnings(object),
  defaults: defaultDriver,
  validate: validateDriver,
  validateUpdate: (object, old) => [
    ...immutable('spec.attachedRequired', object['spec'].attachRequired, old['spec'].attachRequired),
    ...immutable('spec.volumeLifecycleModes', object['spec'].volumeLifecycleModes, old['spec'].volumeLifecycleModes),
  ],
  unconditionalUpdate: false,
  columns: [
    nameColumn,
    boolean('AttachRequired', ({ spec }) => spec.attachRequired ?? true),
    boolean('PodInfoOnMount', ({ spec }) => spec.podInfoOnMount ?? false),
    boolean('StorageCapacity', ({ spec }) => spec.storageCapacity ?? false),
    string('TokenRequests', ({ spec }) => audiencesText(spec.tokenRequests)),
    boolean('RequiresRepublish', ({ spec }) => spec.requiresRepublish ?? false),
    string('Modes', ({ spec }) => (spec.volumeLifecycleModes?.length ? spec.volumeLifecycleModes.join(',') : '<none>')),
    ageColumn,
  ],
};

function validateNode({ spec }: KubeObject): Problem[] {
  const drivers: any[] = spec?.drivers ?? [];
  return drivers.flatMap((driver, i) => {
    const path = `spec.drivers[${i}]`;
    const { name = '', nodeID = '', allocatable } = driver;
    const topologyKeys: string[] = driver.topologyKeys ?? [];
    const problems = driverName(`${path}.name`, name);
    if (nodeID === '') problems.push(required(`${path}.nodeID`));
    if (nodeID.length > 256) problems.push(invalidValue(`${path}.nodeID`, nodeID, 'must be 256 characters or less'));
    problems.push(...nonNegative(`${path}.allocatable.count`, allocatable?.count));
    if (drivers.findIndex((other) => other.name === name) < i) problems.push(duplicate(`${path}.name`, name));
    topologyKeys.forEach((key, j) => {
      if (key === '') problems.push(required(path));
      if (topologyKeys.indexOf(key) < j) problems.push(duplicate(path, key));
      problems.push(...texts(path, key, qualifiedName(key)));
    });
    return problems;
  });
}

function validateNodeUpdate(object: KubeObject, old: KubeObject): Problem[] {
  const before: any[] = old['spec']?.drivers ?? [];
  return (object['spec']?.drivers ?? []).flatMap((driver: any) => {
    const same = before.find((other) => other.name === driver.name);
    if (!same) return [];
    const fixed = ({ name, nodeID = '', topologyKeys }: any) => ({
      Name: name,
      NodeID: nodeID,
      TopologyKeys: topologyKeys ?? null,
      Allocatable: null,
    });
    return deepEqual(fixed(driver), fixed(same)) ? [] : [invalidValue('spec.drivers', fixed(driver), 'field is immutable')];
  });
}

export const csiNode: Behaviour = {
  hasGeneration: false,
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  unconditionalUpdate: false,
  columns: [nameColumn, count('Drivers', ({ spec }) => spec?.drivers?.length), ageColumn],
};

export const csiStorageCapacity: Behaviour = {
  validate: (object) => [
    ...validateLabelSelector(object['nodeTopology'], 'nodeTopology'),
    ...texts('storageClassName', object['storageClassName'] ?? '', dns1123Subdomain(object['storageClassName'] ?? '')),
    ...(isSet(object['capacity']) && quantitySign(object['capacity']) < 0
      ? [invalidValue('capacity', canonicalQuantity(object['capacity']), negativeText)]
      : []),
  ],
  validateUpdate: (object, old) => immutableFields(object, old, '', ['nodeTopology', 'storageClassName']),
  unconditionalUpdate: false,
};

function validateError(error: any, path: string): Problem[] {
  if (!error) return [];
  const problems = (error.message ?? '').length > 1024 ? [tooLong(`${path}.message`, 256 * 1024)] : [];
  if (isSet(error.errorCode) && error.errorCode < 0) {
    problems.push(invalidValue(`${path}.errorCode`, error.errorCode, inclusiveRange(0, 2147483647)));
  }
  return problems;
}

function validateAttachmentStatus({ status = {} }: KubeObject): Problem[] {
  const size = Object.entries(status.attachmentMetadata ?? {}).reduce(
    (total, [key, value]) => total + key.length + String(value).length,
    0,
  );
  return [
    ...(size > 256 * 1024 ? [tooLong('status.attachmentMetadata', 256 * 1024)] : []),
    ...validateError(status.attachError, 'status.attachError'),
    ...validateError(status.detachError, 'status.detachError'),
  ];
}

function validateAttachment(object: KubeObject): Problem[] {
  const { attacher = '', source = {}, nodeName = '' } = object['spec'] ?? {};
  const problems = driverName('spec.attacher', attacher);
  const volume = source.persistentVolumeName;
  const one = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (!source.inlineVolumeSpec && !isSet(volume)) problems.push(required('spec.source', one));
  else if (source.inlineVolumeSpec && isSet(volume)) problems.push(forbiddenField('spec.source', one));
  else if (volume === '') problems.push(required('spec.source.persistentVolumeName', 'must specify non empty persistentVolumeName'));
  problems.push(...texts('spec.nodeName', nodeName, dns1123Subdomain(nodeName)));
  problems.push(...validateAttachmentStatus(object));
  if (isSet(volume)) problems.push(...texts('spec.source.persistentVolumeName', volume, dns1123Subdomain(volume)));
  return problems;
}

export const volumeAttachment: Behaviour = {
  hasGeneration: false,
  validate: validateAttachment,
  validateUpdate: (object, old) => immutable('spec', object['spec'], old['spec']),
  validateSubresource: { status: validateAttachmentStatus },
  unconditionalUpdate: false,
  columns: [
    nameColumn,
    { ...string('Attacher', ({ spec }) => spec?.attacher ?? ''), format: 'name' },
    string('PV', ({ spec }) => spec?.source?.persistentVolumeName ?? ''),
    string('Node', ({ spec }) => spec?.nodeName ?? ''),
    boolean('Attached', ({ status }) => status?.attached ?? false),
    ageColumn,
  ],
};
