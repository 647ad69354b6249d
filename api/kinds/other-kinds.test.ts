// Kinds of the smaller groups: conversions, and what they refuse.
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../meta/index.ts';
import { humanDuration, selectorText } from './columns.ts';
import { kindByGvk } from './index.ts';

const problemsOf = (group: string, version: string, name: string, object: Record<string, unknown>, old?: KubeObject): string[] => {
  const kind = kindByGvk(group, version, name)!;
  const full: KubeObject = { metadata: { name: 'x' }, ...object };
  kind.defaults?.(full);
  return (kind.validate?.(full, old) ?? []).map(({ field, message }) => `${field}: ${message}`);
};

test.each([
  [119_000, '119s'],
  [200_000, '3m20s'],
  [3 * 3600_000, '3h'],
  [3 * 3600_000 + 60_000, '3h1m'],
  [50 * 3600_000, '2d2h'],
  [400 * 86400_000, '400d'],
  [-5000, '<invalid>'],
])('%i ms is %s', (ms, text) => {
  expect(humanDuration(ms)).toBe(text);
});

test('selectors as people write them', () => {
  const selector = {
    matchLabels: { b: '1' },
    matchExpressions: [
      { key: 'a', operator: 'In', values: ['y', 'x'] },
      { key: 'c', operator: 'DoesNotExist' },
    ],
  };
  expect(selectorText(selector)).toBe('a in (x,y),b=1,!c');
});

describe('autoscalers', () => {
  const { storage } = kindByGvk('autoscaling', 'v1', 'HorizontalPodAutoscaler')!;
  const v2: KubeObject = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h' },
    spec: {
      maxReplicas: 3,
      metrics: [
        { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } },
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
      ],
    },
  };
  test('v1 carries other metrics in an annotation, and gives them back', () => {
    const v1 = storage!.fromStored(v2);
    expect(v1['spec']).toEqual({ maxReplicas: 3, targetCPUUtilizationPercentage: 50 });
    expect(storage!.toStored(v1)['spec']).toEqual(v2['spec']);
    expect(storage!.toStored(v1).metadata.annotations).toBeUndefined();
  });
  test('a stored status without metrics is fine', () => {
    expect(storage!.fromStored({ ...v2, status: { currentMetrics: null, desiredReplicas: 0 } })['status']).toMatchObject({
      desiredReplicas: 0,
    });
  });
});

test('events of both groups are one', () => {
  const { storage } = kindByGvk('events.k8s.io', 'v1', 'Event')!;
  const ours: KubeObject = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: 'e' },
    note: 'n',
    regarding: { kind: 'Pod' },
  };
  const core = storage!.toStored(ours);
  expect(core).toMatchObject({ apiVersion: 'v1', message: 'n', involvedObject: { kind: 'Pod' } });
  expect(storage!.fromStored(core)).toEqual(ours);
});

describe('refusals', () => {
  const schema = (f: unknown) => ({ type: 'object', properties: { f } });
  const crd = (f: unknown) => ({
    metadata: { name: 'ws.a.b' },
    spec: {
      group: 'a.b',
      scope: 'Cluster',
      names: { plural: 'ws', kind: 'W' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema(f) } }],
    },
    status: { storedVersions: ['v1'] },
  });
  const path = 'spec.validation.openAPIV3Schema.properties[f]';
  test.each([
    [{ type: 'string', pattern: '^[a-z\\-]+(?i)$' }, []],
    [{ 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] }, []],
    [
      { type: 'string', pattern: '(' },
      [
        `${path}.pattern: Invalid value: "(": must be a valid regular expression, but isn't: error parsing regexp: missing closing ): \`(\``,
      ],
    ],
    [{ type: 'object', anyOf: [{ type: 'object' }] }, [`${path}.anyOf[0].type: Forbidden: must be empty to be structural`]],
    [{}, [`${path}.type: Required value: must not be empty for specified object fields`]],
  ])('CRD with %j', (f, lines) => {
    expect(problemsOf('apiextensions.k8s.io', 'v1', 'CustomResourceDefinition', crd(f))).toEqual(lines);
  });

  test.each([
    [
      'policy',
      'PodDisruptionBudget',
      { spec: { minAvailable: '101%' } },
      ['spec.minAvailable: Invalid value: "101%": must not be greater than 100%'],
    ],
    [
      'scheduling.k8s.io',
      'PriorityClass',
      { value: 2_000_000_000 },
      ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000'],
    ],
    [
      'rbac.authorization.k8s.io',
      'Role',
      { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] },
      ['rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs'],
    ],
    [
      'networking.k8s.io',
      'NetworkPolicy',
      { spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.1/8' } }] }] } },
      ['spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length'],
    ],
    [
      'networking.k8s.io',
      'ServiceCIDR',
      { spec: { cidrs: ['FD00::0/120'] } },
      ['spec.cidrs[0]: Invalid value: "FD00::0/120": must be in canonical form ("fd00::/120")'],
    ],
    [
      'discovery.k8s.io',
      'EndpointSlice',
      { addressType: 'IPv4', endpoints: [{ addresses: ['192.0.2.01'] }] },
      ['endpoints[0].addresses[0]: Invalid value: "192.0.2.01": must not have leading 0s'],
    ],
  ])('%s %s', (group, name, object, lines) => {
    expect(problemsOf(group, 'v1', name, object)).toEqual(lines);
  });
});
