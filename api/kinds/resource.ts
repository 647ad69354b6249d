// Behaviours of the kinds of resource.k8s.io/v1 (dynamic resource allocation).
import type { KubeObject } from '../meta/index.ts';
import type { Behaviours } from './behaviours.ts';
import { ageColumn, nameColumn, string } from './columns.ts';
import { immutable, setDefaults } from './rules.ts';

function defaultRequests(spec: any): void {
  for (const request of spec?.devices?.requests ?? []) {
    for (const part of [request.exactly, ...(request.firstAvailable ?? [])]) {
      if (!part) continue;
      setDefaults(part, { allocationMode: 'ExactCount' });
      if (part.allocationMode === 'ExactCount') setDefaults(part, { count: 1 });
    }
  }
}

function stateText({ metadata, status }: KubeObject): string {
  const states: string[] = [];
  if (metadata.deletionTimestamp) states.push('deleted');
  if (status?.allocation) states.push('allocated');
  if (status?.reservedFor?.length) states.push('reserved');
  return states.length ? states.join(',') : 'pending';
}

export const resource: Behaviours = {
  DeviceClass: { hasGeneration: true, columns: [nameColumn, ageColumn] },
  ResourceClaim: {
    hasGeneration: false,
    defaults: (object) => defaultRequests(object['spec']),
    validateUpdate: (object, old) => immutable('spec', object['spec'], old['spec']),
    columns: [nameColumn, string('State', stateText), ageColumn],
  },
  ResourceClaimTemplate: {
    defaults: (object) => defaultRequests(object['spec']?.spec),
    validateUpdate: (object, old) => immutable('spec', object['spec'], old['spec']),
    columns: [nameColumn, ageColumn],
  },
  ResourceSlice: {
    hasGeneration: true,
    fieldSelectors: {
      'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
      'spec.driver': ({ spec }) => spec?.driver ?? '',
    },
    columns: [
      nameColumn,
      string('Node', ({ spec }) => spec?.nodeName ?? '<unset>'),
      string('Driver', ({ spec }) => spec?.driver ?? ''),
      string('Pool', ({ spec }) => spec?.pool?.name ?? ''),
      ageColumn,
    ],
  },
};
