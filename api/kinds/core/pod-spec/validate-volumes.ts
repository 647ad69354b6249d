// Checks of a pod's volumes.
import {
  dns1123Label,
  dns1123Subdomain,
  duplicate,
  forbiddenField,
  invalidValue,
  notSupported,
  type Problem,
  quantitySign,
  required,
} from '../../../meta/index.ts';
import { texts } from '../../rules.ts';
import { validateClaimSpec } from '../claim-spec.ts';
import type {
  AzureDiskVolumeSource,
  DownwardAPIVolumeFile,
  KeyToPath,
  ObjectMeta,
  ProjectedVolumeSource,
  Volume,
  VolumeProjection,
} from '../pod-types.ts';
import { exclusive, noBacksteps, nonReservedPath, requiredText, validateMode } from './checks.ts';
import { VOLUME_FIELDS, validateFieldRef, validateResourceRef } from './validate-env.ts';

/** In the order in which upstream looks at them. */
const SOURCES = [
  'emptyDir',
  'hostPath',
  'gitRepo',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'secret',
  'nfs',
  'iscsi',
  'glusterfs',
  'flocker',
  'persistentVolumeClaim',
  'rbd',
  'cinder',
  'cephfs',
  'quobyte',
  'downwardAPI',
  'fc',
  'flexVolume',
  'configMap',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'storageos',
  'projected',
  'scaleIO',
  'csi',
  'ephemeral',
  'image',
] as const;

const HOST_PATH_TYPES = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

/** Also gives the volumes that are sound, by name: mounts may refer to those alone. */
export function validateVolumes(
  volumes: readonly Volume[],
  meta: ObjectMeta | undefined,
  path: string,
): { problems: Problem[]; sound: Map<string, Volume> } {
  const problems: Problem[] = [];
  const sound = new Map<string, Volume>();
  const made = new Set(meta?.name ? volumes.filter((volume) => volume.ephemeral).map((volume) => `${meta.name}-${volume.name}`) : []);
  for (const [at, volume] of volumes.entries()) {
    const here = `${path}[${at}]`;
    const wrong = validateSource(volume, meta, here);
    if (!volume.name) wrong.push(required(`${here}.name`));
    else wrong.push(...texts(`${here}.name`, volume.name, dns1123Label(volume.name)));
    if (sound.has(volume.name)) wrong.push(duplicate(`${here}.name`, volume.name));
    if (wrong.length === 0) sound.set(volume.name, volume);
    problems.push(...wrong);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined && made.has(claim)) {
      problems.push(
        invalidValue(
          `${here}.persistentVolumeClaim.claimName`,
          claim,
          'must not reference a PVC that gets created for an ephemeral volume',
        ),
      );
    }
  }
  return { problems, sound };
}

function validateSource(volume: Volume, meta: ObjectMeta | undefined, path: string): Problem[] {
  const present = SOURCES.filter((name) => volume[name] !== undefined && volume[name] !== null);
  if (present.length === 0) return [required(path, 'must specify a volume type')];
  return exclusive(present, path, 'volume', (name) => validateOne(volume, name as (typeof SOURCES)[number], meta, `${path}.${name}`));
}

function validateOne(volume: Volume, name: (typeof SOURCES)[number], meta: ObjectMeta | undefined, path: string): Problem[] {
  switch (name) {
    case 'emptyDir': {
      const limit = volume.emptyDir!.sizeLimit;
      return limit !== undefined && quantitySign(limit) < 0
        ? [forbiddenField(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')]
        : [];
    }
    case 'hostPath':
      return validateHostPath(volume.hostPath!, path);
    case 'secret':
      return [...requiredText(`${path}.secretName`, volume.secret!.secretName), ...validateKeys(volume.secret!, path)];
    case 'configMap':
      return [...requiredText(`${path}.name`, volume.configMap!.name), ...validateKeys(volume.configMap!, path)];
    case 'nfs':
      return validateNfs(volume.nfs!, path);
    case 'persistentVolumeClaim':
      return requiredText(`${path}.claimName`, volume.persistentVolumeClaim!.claimName);
    case 'downwardAPI':
      return [
        ...validateMode(`${path}.defaultMode`, volume.downwardAPI!.defaultMode),
        ...(volume.downwardAPI!.items ?? []).flatMap((item) => validateDownwardFile(item, path)),
      ];
    case 'projected':
      return [...validateMode(`${path}.defaultMode`, volume.projected!.defaultMode), ...validateProjected(volume.projected!, path)];
    case 'azureDisk':
      return validateAzureDisk(volume.azureDisk!, path);
    case 'csi':
      return requiredText(`${path}.driver`, volume.csi!.driver);
    case 'ephemeral':
      return validateEphemeral(volume, meta, path);
    case 'image': {
      const { reference, pullPolicy = '' } = volume.image!;
      const policies = ['Always', 'IfNotPresent', 'Never'];
      return [
        ...requiredText(`${path}.reference`, reference),
        ...(policies.includes(pullPolicy) ? [] : [notSupported(`${path}.pullPolicy`, pullPolicy, policies)]),
      ];
    }
    default:
      return [];
  }
}

const AZURE_CACHING = ['None', 'ReadOnly', 'ReadWrite'];
const AZURE_KINDS = ['Dedicated', 'Managed', 'Shared'];
const AZURE_MANAGED = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const AZURE_BLOB = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

function validateAzureDisk({ diskName, diskURI = '', cachingMode, kind }: AzureDiskVolumeSource, path: string): Problem[] {
  const problems = [...requiredText(`${path}.diskName`, diskName), ...requiredText(`${path}.diskURI`, diskURI)];
  if (cachingMode !== undefined && !AZURE_CACHING.includes(cachingMode))
    problems.push(notSupported(`${path}.cachingMode`, cachingMode, AZURE_CACHING));
  if (kind !== undefined && !AZURE_KINDS.includes(kind)) problems.push(notSupported(`${path}.kind`, kind, AZURE_KINDS));
  const form = kind === 'Managed' ? AZURE_MANAGED : AZURE_BLOB;
  if (kind !== undefined && !diskURI.startsWith(form.slice(0, form.indexOf('{'))))
    problems.push(notSupported(`${path}.diskURI`, diskURI, [form]));
  return problems;
}

function validateHostPath({ path: place, type }: { path: string; type?: string }, path: string): Problem[] {
  if (!place) return [required(`${path}.path`)];
  const known = type === undefined || HOST_PATH_TYPES.includes(type);
  return [...noBacksteps(`${path}.path`, place), ...(known ? [] : [notSupported(`${path}.type`, type, HOST_PATH_TYPES)])];
}

function validateNfs({ server, path: place }: { server: string; path: string }, path: string): Problem[] {
  const absolute = !place || place.startsWith('/') ? [] : [invalidValue(`${path}.path`, place, 'must be an absolute path')];
  return [...requiredText(`${path}.server`, server), ...requiredText(`${path}.path`, place), ...absolute];
}

function validateKeys({ defaultMode, items = [] }: { defaultMode?: number; items?: KeyToPath[] }, path: string): Problem[] {
  return [...validateMode(`${path}.defaultMode`, defaultMode), ...items.flatMap((item, at) => validateKey(item, `${path}.items[${at}]`))];
}

function validateKey({ key, path: place, mode }: KeyToPath, path: string): Problem[] {
  return [
    ...requiredText(`${path}.key`, key),
    ...requiredText(`${path}.path`, place),
    ...nonReservedPath(`${path}.path`, place ?? ''),
    ...validateMode(`${path}.mode`, mode),
  ];
}

function validateDownwardFile({ path: place, fieldRef, resourceFieldRef, mode }: DownwardAPIVolumeFile, path: string): Problem[] {
  const problems = [...requiredText(`${path}.path`, place), ...nonReservedPath(`${path}.path`, place ?? '')];
  if (fieldRef) {
    problems.push(...validateFieldRef(fieldRef, VOLUME_FIELDS, `${path}.fieldRef`));
    if (resourceFieldRef)
      problems.push(invalidValue(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
  } else if (resourceFieldRef) problems.push(...validateResourceRef(resourceFieldRef, `${path}.resourceFieldRef`, true));
  else problems.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
  return [...problems, ...validateMode(`${path}.mode`, mode)];
}

function validateProjected({ sources = [] }: ProjectedVolumeSource, path: string): Problem[] {
  const seen = new Set<string>();
  const once = (place: string | undefined, shown: string): Problem[] => {
    if (!place) return [];
    if (seen.has(place)) return [invalidValue(path, shown, 'conflicting duplicate paths')];
    seen.add(place);
    return [];
  };
  return (sources ?? []).flatMap((source, at) => validateProjection(source, `${path}.sources[${at}]`, path, once));
}

function validateProjection(
  source: VolumeProjection,
  here: string,
  path: string,
  once: (place: string | undefined, shown: string) => Problem[],
): Problem[] {
  const problems: Problem[] = [];
  for (const name of ['secret', 'configMap'] as const) {
    const keyed = source[name];
    if (!keyed) continue;
    problems.push(...requiredText(`${here}.${name}.name`, keyed.name));
    for (const [at, item] of (keyed.items ?? []).entries()) {
      problems.push(...validateKey(item, `${here}.${name}.items[${at}]`), ...once(item.path, keyed.name ?? ''));
    }
  }
  for (const item of source.downwardAPI?.items ?? [])
    problems.push(...validateDownwardFile(item, `${here}.downwardAPI`), ...once(item.path, item.path));
  const token = source.serviceAccountToken;
  if (token) {
    const field = `${here}.serviceAccountToken.expirationSeconds`;
    const seconds = token.expirationSeconds ?? 0;
    if (seconds < 600) problems.push(invalidValue(field, seconds, 'may not specify a duration less than 10 minutes'));
    if (seconds > 2 ** 32) problems.push(invalidValue(field, seconds, 'may not specify a duration larger than 2^32 seconds'));
    if (!token.path) problems.push(required(`${path}.path`));
    else problems.push(...nonReservedPath(`${path}.path`, token.path));
  }
  const count = [source.secret, source.configMap, source.downwardAPI, token].filter(Boolean).length;
  if (count > 1) problems.push(forbiddenField(here, 'may not specify more than 1 volume type per source'));
  return problems;
}

function validateEphemeral(volume: Volume, meta: ObjectMeta | undefined, path: string): Problem[] {
  const template = volume.ephemeral!.volumeClaimTemplate;
  if (!template) return [required(`${path}.volumeClaimTemplate`)];
  const problems = validateClaimSpec(template.spec ?? {}, `${path}.volumeClaimTemplate.spec`);
  if (!meta?.name || !volume.name) return problems;
  const claim = `${meta.name}-${volume.name}`;
  return [
    ...problems,
    ...dns1123Subdomain(claim).map((text) =>
      invalidValue(path.replace(/\.ephemeral$/, '.name'), volume.name, `PVC name "${claim}": ${text}`),
    ),
  ];
}
