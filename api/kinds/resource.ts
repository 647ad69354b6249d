// Behaviours of the kinds of resource.k8s.io/v1 (dynamic resource allocation).
import { dns1123Label, duplicate, invalidValue, type KubeObject, notSupported, type Problem, required } from '../meta/index.ts';
import type { Behaviours } from './behaviours.ts';
import { ageColumn, nameColumn, string } from './columns.ts';
import { immutable, setDefaults, texts } from './rules.ts';

function defaultRequests(spec: any): void {
  for (const request of spec?.devices?.requests ?? []) {
    for (const part of [request.exactly, ...(request.firstAvailable ?? [])]) {
      if (!part) continue;
      setDefaults(part, { allocationMode: 'ExactCount' });
      if (part.allocationMode === 'ExactCount') setDefaults(part, { count: 1 });
    }
  }
}

function validateExact(part: any, path: string): Problem[] {
  const problems: Problem[] = [];
  if (!part.deviceClassName) problems.push(required(`${path}.deviceClassName`));
  const { allocationMode: mode, count } = part;
  if (mode === 'All' && count) problems.push(invalidValue(`${path}.count`, count, "must not be specified when allocationMode is 'All'"));
  else if (mode === 'ExactCount' && (count ?? 0) <= 0)
    problems.push(invalidValue(`${path}.count`, count ?? 0, 'must be greater than zero'));
  else if (mode !== 'All' && mode !== 'ExactCount') {
    problems.push(notSupported(`${path}.allocationMode`, mode ?? '', ['All', 'ExactCount']));
  }
  return problems;
}

/** `path` is where the claim's spec stands. Expressions are checked where they are compiled. */
function validateClaim(spec: any, path: string): Problem[] {
  const requests: any[] = spec?.devices?.requests ?? [];
  return requests.flatMap((request, i) => {
    const at = `${path}.devices.requests[${i}]`;
    const { name = '', exactly, firstAvailable = [] } = request;
    const problems = name === '' ? [required(`${at}.name`)] : texts(`${at}.name`, name, dns1123Label(name));
    if (!exactly === (firstAvailable.length === 0)) {
      const text = 'exactly one of `exactly` or `firstAvailable` is required';
      problems.push(exactly ? invalidValue(at, null, text) : required(at, text));
    }
    if (exactly) problems.push(...validateExact(exactly, `${at}.exactly`));
    firstAvailable.forEach((part: any, j: number) => {
      problems.push(...validateExact(part, `${at}.firstAvailable[${j}]`));
    });
    if (requests.findIndex((other) => other.name === name) < i) problems.push(duplicate(at, name));
    return problems;
  });
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
    validate: (object, old) => (old ? [] : validateClaim(object['spec'], 'spec')),
    validateUpdate: (object, old) => immutable('spec', object['spec'], old['spec']),
    columns: [nameColumn, string('State', stateText), ageColumn],
  },
  ResourceClaimTemplate: {
    defaults: (object) => defaultRequests(object['spec']?.spec),
    validate: (object, old) => (old ? [] : validateClaim(object['spec']?.spec, 'spec.spec')),
    validateUpdate: (object, old) => immutable('spec', object['spec'], old['spec']),
    columns: [nameColumn, ageColumn],
  },
  ResourceSlice: {
    hasGeneration: true,
    validateUpdate: (object, old) => [
      ...immutable('spec.nodeName', object['spec']?.nodeName, old['spec']?.nodeName),
      ...immutable('spec.driver', object['spec']?.driver, old['spec']?.driver),
    ],
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
