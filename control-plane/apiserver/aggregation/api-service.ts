// APIService of apiregistration.k8s.io/v1: which group and version is served where, and whether that works.
import type { KubeObject } from '../../../api/meta/index.ts';
import type { ServiceReference } from '../webhook/index.ts';

export const API_SERVICES = { group: 'apiregistration.k8s.io', plural: 'apiservices' };

export interface ApiServiceSpec {
  group?: string;
  version: string;
  groupPriorityMinimum: number;
  versionPriority: number;
  /** Absent: this server itself. */
  service?: ServiceReference;
  caBundle?: string;
  insecureSkipTLSVerify?: boolean;
}

export interface Condition {
  type: 'Available';
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime?: string;
}

export const specOf = (object: KubeObject): ApiServiceSpec => object['spec'] as ApiServiceSpec;

const availableOf = (object: KubeObject): Condition | undefined =>
  ((object['status']?.conditions ?? []) as Condition[]).find(({ type }) => type === 'Available');

export const isAvailable = (object: KubeObject): boolean => availableOf(object)?.status === 'True';

export const LOCAL: Condition = { type: 'Available', status: 'True', reason: 'Local', message: 'Local APIServices are always available' };

/** Undefined when nothing changes. `now`: RFC 3339. */
export function withCondition(object: KubeObject, condition: Condition, now: string): KubeObject['status'] | undefined {
  const before = availableOf(object);
  if (before?.status === condition.status && before.reason === condition.reason && before.message === condition.message) return undefined;
  const lastTransitionTime = before?.status === condition.status ? (before.lastTransitionTime ?? now) : now;
  const others = ((object['status']?.conditions ?? []) as Condition[]).filter(({ type }) => type !== 'Available');
  return { ...object['status'], conditions: [...others, { ...condition, lastTransitionTime }] };
}
