// LimitRange: default requests and limits of containers, and the bounds that pods and claims keep to.
import { compareQuantities, isZeroQuantity, type KubeObject, parseQuantity, quantityText, toMilli } from '../../../api/meta/index.ts';
import type { AdmissionPlugin, Attributes, Reader } from '../request.ts';
import { concerns, isResize, refused } from './attributes.ts';
import { podResources, type ResourceList } from './quota/pod-resources.ts';

const RANGES = { group: '', plural: 'limitranges' };
const ANNOTATION = 'kubernetes.io/limit-ranger';

interface Limit {
  type: string;
  max?: ResourceList;
  min?: ResourceList;
  default?: ResourceList;
  defaultRequest?: ResourceList;
  maxLimitRequestRatio?: ResourceList;
}

interface Container {
  name: string;
  resources?: { requests?: ResourceList; limits?: ResourceList };
}

const limitsOf = (range: KubeObject): Limit[] => range['spec']?.limits ?? [];

/** Fills what is missing; the names of what was filled, sorted. */
function fill(container: Container, field: 'requests' | 'limits', defaults: ResourceList): string[] {
  const given = container.resources?.[field] ?? {};
  const missing = Object.keys(defaults)
    .filter((name) => given[name] === undefined)
    .sort();
  if (missing.length === 0) return [];
  container.resources = {
    ...container.resources,
    [field]: { ...given, ...Object.fromEntries(missing.map((name) => [name, defaults[name]!])) },
  };
  return missing;
}

/** Applies a range's defaults; the annotation's sentences about what was set. */
export function applyDefaults(spec: Record<string, any>, range: KubeObject): string[] {
  const notes: string[] = [];
  const wanted = limitsOf(range).filter((limit) => limit.type === 'Container');
  const requests: ResourceList = Object.assign({}, ...wanted.map((limit) => limit.defaultRequest));
  const limits: ResourceList = Object.assign({}, ...wanted.map((limit) => limit.default));
  for (const [list, word] of [
    [spec['containers'], 'container'],
    [spec['initContainers'], 'init container'],
  ] as const) {
    for (const container of (list ?? []) as Container[]) {
      const asked = fill(container, 'requests', requests);
      if (asked.length > 0) notes.push(`${asked.join(', ')} request for ${word} ${container.name}`);
      const bounded = fill(container, 'limits', limits);
      if (bounded.length > 0) notes.push(`${bounded.join(', ')} limit for ${word} ${container.name}`);
    }
  }
  return notes;
}

const text = (quantity: string): string => quantityText(parseQuantity(quantity));
const sorted = (list: ResourceList | undefined): [string, string][] => Object.entries(list ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));

function minimumProblem(
  type: string,
  name: string,
  bound: string,
  request: string | undefined,
  limit: string | undefined,
): string | undefined {
  const head = `minimum ${name} usage per ${type} is ${text(bound)}`;
  if (request === undefined) return `${head}.  No request is specified`;
  if (compareQuantities(request, bound) < 0) return `${head}, but request is ${text(request)}`;
  if (limit !== undefined && compareQuantities(limit, bound) < 0) return `${head}, but limit is ${text(limit)}`;
  return undefined;
}

function maximumProblem(
  type: string,
  name: string,
  bound: string,
  request: string | undefined,
  limit: string | undefined,
): string | undefined {
  const head = `maximum ${name} usage per ${type} is ${text(bound)}`;
  if (limit === undefined) return `${head}.  No limit is specified`;
  if (compareQuantities(limit, bound) > 0) return `${head}, but limit is ${text(limit)}`;
  if (request !== undefined && compareQuantities(request, bound) > 0) return `${head}, but request is ${text(request)}`;
  return undefined;
}

function ratioProblem(
  type: string,
  name: string,
  bound: string,
  request: string | undefined,
  limit: string | undefined,
): string | undefined {
  const head = `${name} max limit to request ratio per ${type} is ${text(bound)}`;
  if (request === undefined || isZeroQuantity(request)) return `${head}, but no request is specified or request is 0`;
  if (limit === undefined || isZeroQuantity(limit)) return `${head}, but no limit is specified or limit is 0`;
  const ratio = Number(toMilli(limit)) / Number(toMilli(request));
  return ratio * 1000 > Number(toMilli(bound)) ? `${head}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
}

function boundProblems(limit: Limit, requests: ResourceList, limits: ResourceList): string[] {
  return [
    ...sorted(limit.min).map(([name, bound]) => minimumProblem(limit.type, name, bound, requests[name], limits[name])),
    ...sorted(limit.max).map(([name, bound]) => maximumProblem(limit.type, name, bound, requests[name], limits[name])),
    ...sorted(limit.maxLimitRequestRatio).map(([name, bound]) => ratioProblem(limit.type, name, bound, requests[name], limits[name])),
  ].filter((problem) => problem !== undefined);
}

export function podProblems(spec: Record<string, any>, range: KubeObject): string[] {
  const containers = [...(spec['containers'] ?? []), ...(spec['initContainers'] ?? [])] as Container[];
  return limitsOf(range).flatMap((limit) => {
    if (limit.type === 'Container')
      return containers.flatMap((c) => boundProblems(limit, c.resources?.requests ?? {}, c.resources?.limits ?? {}));
    if (limit.type !== 'Pod') return [];
    return boundProblems(limit, podResources(spec, 'requests'), podResources(spec, 'limits'));
  });
}

function claimProblems(claim: KubeObject, range: KubeObject): string[] {
  const request: string | undefined = claim['spec']?.resources?.requests?.storage;
  return limitsOf(range)
    .filter((limit) => limit.type === 'PersistentVolumeClaim')
    .flatMap((limit) => [
      ...sorted(limit.min).map(([name, bound]) => minimumProblem(limit.type, name, bound, request, undefined)),
      // A claim has no limit: its request is what the maximum bounds.
      ...sorted(limit.max).map(([name, bound]) => maximumProblem(limit.type, name, bound, request, '0')),
    ])
    .filter((problem) => problem !== undefined);
}

function check(attributes: Attributes, problems: readonly string[]): void {
  if (problems.length > 0) throw refused(attributes, problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`);
}

/** A pod that is new, or is given other resources. */
const isPodMatter = (attributes: Attributes): boolean => concerns(attributes, '', 'Pod', 'CREATE') || isResize(attributes);

const isGoing = ({ oldObject }: Attributes): boolean => oldObject?.metadata.deletionTimestamp !== undefined;

export const limitRanger = (reader: Reader): AdmissionPlugin => ({
  name: 'LimitRanger',
  admit(attributes) {
    if (!isPodMatter(attributes) || isGoing(attributes)) return;
    const pod = attributes.object!;
    const notes = reader.list(RANGES, attributes.namespace).flatMap((range) => applyDefaults(pod['spec'], range));
    if (notes.length > 0)
      pod.metadata.annotations = { ...pod.metadata.annotations, [ANNOTATION]: `LimitRanger plugin set: ${notes.join('; ')}` };
  },
  validate(attributes) {
    const isPod = isPodMatter(attributes);
    const isClaim = concerns(attributes, '', 'PersistentVolumeClaim', 'CREATE', 'UPDATE');
    if ((!isPod && !isClaim) || isGoing(attributes)) return undefined;
    for (const range of reader.list(RANGES, attributes.namespace))
      check(attributes, isPod ? podProblems(attributes.object!['spec'], range) : claimProblems(attributes.object!, range));
    return undefined;
  },
});
