// Names of resources: which are the API's own, which may be overcommitted, which count whole things.
import { invalidValue, type Problem, qualifiedName } from '../../meta/index.ts';
import { texts } from '../rules.ts';

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-');

const containerResources = new Set(['cpu', 'memory', 'ephemeral-storage']);
export const isStandardContainerResource = (name: string): boolean => containerResources.has(name) || isHugePages(name);

/** Without a domain, or in kubernetes.io. */
export const isNativeResource = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');

/** Of a device plug-in or the like: counted, never overcommitted. */
export const isExtendedResource = (name: string): boolean =>
  !isNativeResource(name) && !name.startsWith('requests.') && qualifiedName(`requests.${name}`).length === 0;

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

/** A resource of a container. */
export function validateContainerResource(name: string, field: string): Problem[] {
  const problems = texts(field, name, qualifiedName(name));
  if (!name.includes('/')) {
    if (problems.length === 0 && !isStandardResource(name)) {
      problems.push(invalidValue(field, name, 'must be a standard resource type or fully qualified'));
    }
    return isStandardContainerResource(name)
      ? problems
      : [...problems, invalidValue(field, name, 'must be a standard resource for containers')];
  }
  if (isNativeResource(name) || isExtendedResource(name)) return problems;
  return [...problems, invalidValue(field, name, "doesn't follow extended resource name standard")];
}
