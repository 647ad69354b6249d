// Checks of environment variables and of references to a pod's own fields.
import type { EnvFromSource, EnvVar, EnvVarSource, ObjectFieldSelector, ResourceFieldSelector } from '../../../gen/types/core.v1.ts';
import {
  configMapKey,
  dns1123Label,
  dns1123Subdomain,
  invalidValue,
  notSupported,
  type Problem,
  qualifiedName,
  relaxedEnvVarName,
  required,
} from '../../../meta/index.ts';
import { texts } from '../../rules.ts';
import { noBacksteps, requiredText } from './checks.ts';

const ENV_FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
export const VOLUME_FIELDS = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'];

/** What the API converts at all; the rest is an error of its own. */
const CONVERTIBLE = new Set([...ENV_FIELDS, ...VOLUME_FIELDS, 'spec.restartPolicy', 'spec.schedulerName', 'status.phase', 'spec.host']);

const RESOURCES = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];

export function validateEnv(env: readonly EnvVar[], path: string): Problem[] {
  return env.flatMap((variable, at) => {
    const here = `${path}[${at}]`;
    const name = variable.name ? texts(`${here}.name`, variable.name, relaxedEnvVarName(variable.name)) : [required(`${here}.name`)];
    return [...name, ...(variable.valueFrom ? validateSource(variable.valueFrom, variable.value ?? '', `${here}.valueFrom`) : [])];
  });
}

function validateSource(source: EnvVarSource, value: string, path: string): Problem[] {
  const problems: Problem[] = [];
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  if (fieldRef) problems.push(...validateFieldRef(fieldRef, ENV_FIELDS, `${path}.fieldRef`));
  if (resourceFieldRef) problems.push(...validateResourceRef(resourceFieldRef, `${path}.resourceFieldRef`, false));
  if (configMapKeyRef) problems.push(...validateKeyRef(configMapKeyRef, `${path}.configMapKeyRef`));
  if (secretKeyRef) problems.push(...validateKeyRef(secretKeyRef, `${path}.secretKeyRef`));
  if (fileKeyRef) problems.push(...validateFileRef(fileKeyRef, `${path}.fileKeyRef`));
  const count = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(Boolean).length;
  if (count === 0) {
    const text = 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';
    problems.push(invalidValue(path, '', text));
  } else if (value !== '') problems.push(invalidValue(path, '', 'may not be specified when `value` is not empty'));
  else if (count > 1) problems.push(invalidValue(path, '', 'may not have more than one field specified at a time'));
  return problems;
}

function validateKeyRef({ name = '', key }: { name?: string; key: string }, path: string): Problem[] {
  return [
    ...texts(`${path}.name`, name, dns1123Subdomain(name)),
    ...(key ? texts(`${path}.key`, key, configMapKey(key)) : [required(`${path}.key`)]),
  ];
}

function validateFileRef({ key, volumeName, path: file }: { key: string; volumeName: string; path: string }, path: string): Problem[] {
  return [
    ...(key ? texts(`${path}.key`, key, relaxedEnvVarName(key)) : [required(`${path}.key`)]),
    ...(volumeName ? texts(`${path}.volumeName`, volumeName, dns1123Label(volumeName)) : [required(`${path}.volumeName`)]),
    ...(file ? noBacksteps(`${path}.path`, file) : [required(`${path}.path`)]),
  ];
}

/** `metadata.labels['key']` or a plain field. */
export function validateFieldRef({ apiVersion, fieldPath }: ObjectFieldSelector, fields: readonly string[], path: string): Problem[] {
  if (!apiVersion) return [required(`${path}.apiVersion`)];
  if (!fieldPath) return [required(`${path}.fieldPath`)];
  const wrong = (text: string): Problem[] => [invalidValue(`${path}.fieldPath`, fieldPath, `error converting fieldPath: ${text}`)];
  if (apiVersion !== 'v1') return wrong(`unsupported pod version: ${apiVersion}`);
  const subscript = /^([^[]*)\['(.*)'\]$/.exec(fieldPath);
  if (subscript) {
    const [, field = '', key = ''] = subscript;
    if (field === 'metadata.annotations') return texts(path, key.toLowerCase(), qualifiedName(key.toLowerCase()));
    if (field === 'metadata.labels') return texts(path, key, qualifiedName(key));
    return wrong(`field label does not support subscript: ${fieldPath}`);
  }
  if (!CONVERTIBLE.has(fieldPath)) return wrong(`field label not supported: ${fieldPath}`);
  return fields.includes(fieldPath) ? [] : [notSupported(`${path}.fieldPath`, fieldPath, [...fields].sort())];
}

const SIZES = ['0', '1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];
const isPages = (resource: string): boolean => resource.startsWith('limits.hugepages-') || resource.startsWith('requests.hugepages-');

export function validateResourceRef(
  { containerName, resource, divisor = '0' }: ResourceFieldSelector,
  path: string,
  inVolume: boolean,
): Problem[] {
  const problems: Problem[] = [];
  if (inVolume && !containerName) problems.push(required(`${path}.containerName`));
  else if (!resource) problems.push(required(`${path}.resource`));
  else if (!RESOURCES.includes(resource) && !isPages(resource)) problems.push(notSupported(`${path}.resource`, resource, RESOURCES));
  const wrong = (text: string): Problem => invalidValue(`${path}.divisor`, resource, text);
  const sizes = "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the";
  if (resource.endsWith('.cpu') && !['0', '1', '1m'].includes(divisor))
    problems.push(wrong("only divisor's values 1m and 1 are supported with the cpu resource"));
  if (resource.endsWith('.memory') && !SIZES.includes(divisor)) problems.push(wrong(`${sizes} memory resource`));
  if (resource.endsWith('.ephemeral-storage') && !SIZES.includes(divisor))
    problems.push(wrong(`${sizes} local ephemeral storage resource`));
  if (isPages(resource) && !SIZES.includes(divisor)) problems.push(wrong(`${sizes} hugepages resource`));
  return problems;
}

export function validateEnvFrom(sources: readonly EnvFromSource[], path: string): Problem[] {
  return sources.flatMap(({ prefix, configMapRef, secretRef }, at) => {
    const here = `${path}[${at}]`;
    const problems = prefix ? texts(`${here}.prefix`, prefix, relaxedEnvVarName(prefix)) : [];
    if (configMapRef) problems.push(...validateName(configMapRef.name, `${here}.configMapRef.name`));
    if (secretRef) problems.push(...validateName(secretRef.name, `${here}.secretRef.name`));
    if (!configMapRef && !secretRef) problems.push(invalidValue(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    if (configMapRef && secretRef) problems.push(invalidValue(path, '', 'may not have more than one field specified at a time'));
    return problems;
  });
}

const validateName = (name: string | undefined, field: string): Problem[] => {
  const missing = requiredText(field, name);
  return missing.length ? missing : texts(field, name, dns1123Subdomain(name!));
};
