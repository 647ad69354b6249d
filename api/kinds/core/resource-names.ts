// Names of resources: which are the API's own, which may be overcommitted, which count whole things.
import { invalidValue, isExtendedResource, isNativeResource, type Problem, qualifiedName } from '../../meta/index.ts';
import { texts } from '../rules.ts';

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-');

const containerResources = new Set(['cpu', 'memory', 'ephemeral-storage']);
const isStandardContainerResource = (name: string): boolean => containerResources.has(name) || isHugePages(name);

export const isOvercommitAllowed = (name: string): boolean => isNativeResource(name) && !isHugePages(name);

const integerQuota = new Set([
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);

/** Whole numbers only. */
export const isIntegerResource = (name: string): boolean => integerQuota.has(name) || isExtendedResource(name);

const quotaResources = new Set([
  ...integerQuota,
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
]);

export const isStandardQuotaResource = (name: string): boolean =>
  quotaResources.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-');

/** Without a domain: one that the API knows. */
const isStandardResource = (name: string): boolean => isStandardQuotaResource(name) || name === 'storage';

/** Of the pod as a whole. */
export const isPodLevelResource = (name: string): boolean => name === 'cpu' || name === 'memory' || isHugePages(name);

/** Well formed, and known when it has no domain. */
export function validateResourceName(name: string, field: string): Problem[] {
  const problems = texts(field, name, qualifiedName(name));
  if (problems.length || name.includes('/') || isStandardResource(name)) return problems;
  return [invalidValue(field, name, 'must be a standard resource type or fully qualified')];
}

/** A resource of a container. */
export function validateContainerResource(name: string, field: string): Problem[] {
  const problems = validateResourceName(name, field);
  if (!name.includes('/')) {
    if (!isStandardContainerResource(name)) problems.push(invalidValue(field, name, 'must be a standard resource for containers'));
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    problems.push(invalidValue(field, name, "doesn't follow extended resource name standard"));
  }
  return problems;
}

/** A resource of a quota. */
export function validateQuotaResource(name: string, field: string): Problem[] {
  const problems = validateResourceName(name, field);
  if (!name.includes('/') && !isStandardQuotaResource(name))
    problems.push(invalidValue(field, name, 'must be a standard resource for quota'));
  return problems;
}
