// What one object uses of which quota resources, and which quotas speak of it. Pure.
import type { KubeObject } from '../../../../api/meta/index.ts';
import { isFinished } from '../../../../kit/pods/index.ts';
import { podResources, type ResourceList } from './pod-resources.ts';

interface Names {
  group: string;
  plural: string;
}

/** Kinds of the core group that have a plain name beside count/NAME. */
const PLAIN = new Set(['configmaps', 'persistentvolumeclaims', 'pods', 'replicationcontrollers', 'resourcequotas', 'secrets', 'services']);

function podUsage(pod: KubeObject): ResourceList {
  if (isFinished(pod)) return {};
  const usage: ResourceList = {};
  for (const [name, value] of Object.entries(podResources(pod['spec'], 'requests'))) {
    usage[`requests.${name}`] = value;
    if (name === 'cpu' || name === 'memory' || name === 'ephemeral-storage' || name.startsWith('hugepages-')) usage[name] = value;
  }
  for (const [name, value] of Object.entries(podResources(pod['spec'], 'limits'))) usage[`limits.${name}`] = value;
  return usage;
}

function serviceUsage(service: KubeObject): ResourceList {
  const { type, ports = [], allocateLoadBalancerNodePorts } = service['spec'] ?? {};
  const usage: ResourceList = { 'services.nodeports': '0', 'services.loadbalancers': '0' };
  if (type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts !== false))
    usage['services.nodeports'] = String(ports.length);
  if (type === 'LoadBalancer') usage['services.loadbalancers'] = '1';
  return usage;
}

function claimUsage(claim: KubeObject): ResourceList {
  const storage: string | undefined = claim['spec']?.resources?.requests?.storage;
  const storageClass: string | undefined =
    claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim['spec']?.storageClassName;
  const usage: ResourceList = storage ? { 'requests.storage': storage } : {};
  if (!storageClass) return usage;
  const prefix = `${storageClass}.storageclass.storage.k8s.io/`;
  return { ...usage, [`${prefix}persistentvolumeclaims`]: '1', ...(storage ? { [`${prefix}requests.storage`]: storage } : {}) };
}

/** Everything that an object counts for. */
export function usageOf({ group, plural }: Names, object: KubeObject): ResourceList {
  const count: ResourceList = { [`count/${group === '' ? plural : `${plural}.${group}`}`]: '1' };
  if (group !== '') return count;
  if (plural === 'pods') return isFinished(object) ? count : { ...count, pods: '1', ...podUsage(object) };
  if (PLAIN.has(plural)) count[plural] = '1';
  if (plural === 'services') return { ...count, ...serviceUsage(object) };
  if (plural === 'persistentvolumeclaims') return { ...count, ...claimUsage(object) };
  return count;
}

/** The kind whose objects a quota resource counts, for recounts; undefined for names that nothing counts. */
export function countedKind(resource: string): Names | undefined {
  if (resource.startsWith('count/')) {
    const [plural = '', ...group] = resource.slice('count/'.length).split('.');
    return { group: group.join('.'), plural };
  }
  if (resource === 'requests.storage' || resource.includes('.storageclass.storage.k8s.io/'))
    return { group: '', plural: 'persistentvolumeclaims' };
  if (resource.startsWith('services.')) return { group: '', plural: 'services' };
  if (PLAIN.has(resource)) return { group: '', plural: resource };
  if (/^(requests|limits)\.|^(cpu|memory|ephemeral-storage|hugepages-.*)$/.test(resource)) return { group: '', plural: 'pods' };
  return undefined;
}

const isBestEffort = (pod: KubeObject): boolean =>
  [...(pod['spec'].containers ?? []), ...(pod['spec'].initContainers ?? [])].every((container: { resources?: Record<string, object> }) =>
    ['requests', 'limits'].every((field) =>
      ['cpu', 'memory'].every((name) => !(container.resources?.[field] as ResourceList | undefined)?.[name]),
    ),
  ) && !Object.keys(podResources(pod['spec'], 'requests')).some((name) => name === 'cpu' || name === 'memory');

const crossesNamespaces = (spec: Record<string, any>): boolean =>
  ['podAffinity', 'podAntiAffinity'].some((name) => {
    const affinity = spec['affinity']?.[name];
    const terms = [
      ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((item: { podAffinityTerm: object }) => item.podAffinityTerm),
    ];
    return terms.some((term) => term.namespaces?.length > 0 || term.namespaceSelector !== undefined);
  });

interface Requirement {
  scopeName: string;
  operator: string;
  values?: string[];
}

/** Whether one of the names that an object refers to is asked for. */
function namesMatch({ operator, values = [] }: Requirement, names: readonly string[]): boolean {
  if (operator === 'Exists') return names.length > 0;
  if (operator === 'DoesNotExist') return names.length === 0;
  if (operator === 'In') return names.some((name) => values.includes(name));
  return names.length === 0 || names.some((name) => !values.includes(name));
}

function podMatches(requirement: Requirement, pod: KubeObject): boolean {
  const { scopeName } = requirement;
  const { activeDeadlineSeconds: deadline, priorityClassName } = pod['spec'];
  const isTerminating = typeof deadline === 'number' && deadline >= 0;
  if (scopeName === 'Terminating') return isTerminating;
  if (scopeName === 'NotTerminating') return !isTerminating;
  if (scopeName === 'BestEffort') return isBestEffort(pod);
  if (scopeName === 'NotBestEffort') return !isBestEffort(pod);
  if (scopeName === 'CrossNamespacePodAffinity') return crossesNamespaces(pod['spec']);
  return scopeName === 'PriorityClass' && namesMatch(requirement, priorityClassName ? [priorityClassName] : []);
}

/** A claim has the class that it wants, the one that it has and the one that its driver works at. */
function claimMatches(requirement: Requirement, { spec, status }: KubeObject): boolean {
  const classes = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ].filter((name?: string) => name);
  return requirement.scopeName === 'VolumeAttributesClass' && namesMatch(requirement, classes);
}

/** Whether the quota's scopes speak of the object. Scopes are about pods and claims. */
export function inScope(quota: KubeObject, { group, plural }: Names, object: KubeObject): boolean {
  const requirements: Requirement[] = [
    ...((quota['spec']?.scopes ?? []) as string[]).map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...(quota['spec']?.scopeSelector?.matchExpressions ?? []),
  ];
  if (requirements.length === 0) return true;
  if (group !== '') return false;
  if (plural === 'pods') return requirements.every((requirement) => podMatches(requirement, object));
  return plural === 'persistentvolumeclaims' && requirements.every((requirement) => claimMatches(requirement, object));
}

const DEMANDED = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'];

/** A quota on cpu or memory demands that every container names it: `limits.memory for: c; requests.cpu for: c`, or undefined. */
export function missingText(pod: KubeObject, hard: ResourceList): string | undefined {
  const missing = new Map<string, string[]>();
  for (const container of [...(pod['spec'].containers ?? []), ...(pod['spec'].initContainers ?? [])]) {
    for (const name of DEMANDED.filter((item) => hard[item] !== undefined)) {
      const field = name.startsWith('limits.') ? 'limits' : 'requests';
      const resource = name.slice(name.indexOf('.') + 1);
      if (container.resources?.[field]?.[resource] !== undefined || pod['spec'].resources?.[field]?.[resource] !== undefined) continue;
      missing.set(name, [...(missing.get(name) ?? []), container.name]);
    }
  }
  if (missing.size === 0) return undefined;
  return [...missing]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, containers]) => `${name} for: ${containers.join(',')}`)
    .join('; ');
}
