import { expect, test } from 'vitest';
import { knownTypes } from './known-types.ts';
import { typeWarnings } from './type-check.ts';

const widgets = {
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } } },
        },
      },
    ],
  },
} as any;
const known = knownTypes([widgets]);
const about = (group: string, resources: string[]) => ({
  resourceRules: [{ apiGroups: [group], apiVersions: ['v1'], operations: ['*'], resources }],
});

test('each kind has its say, in order', () => {
  const spec = {
    matchConstraints: about('apps', ['replicasets', 'deployments', 'deployments/status', '*']),
    validations: [
      { expression: "object.spec.replicas > 'x'" },
      { expression: 'object.spec.zzz == 1', messageExpression: "'x' + object.nope" },
      { expression: 'has(object.spec.replicas) && object.metadata.creationTimestamp < timestamp("2030-01-01T00:00:00Z")' },
    ],
  };
  const overload =
    "ERROR: <input>:1:22: found no matching overload for '_>_' applied to '(int, string)'\n | object.spec.replicas > 'x'\n | .....................^\n";
  const warnings = typeWarnings(spec, known);
  expect(warnings.map(({ fieldRef }) => fieldRef)).toEqual([
    'spec.validations[0].expression',
    'spec.validations[1].expression',
    'spec.validations[1].messageExpression',
  ]);
  expect(warnings[0]!.warning).toBe(`apps/v1, Kind=Deployment: ${overload}\napps/v1, Kind=ReplicaSet: ${overload}`);
});

test('custom kinds and variables are typed; wildcards are not checked', () => {
  const validations = [{ expression: "variables.size == 'x' && object.metadata.labels.a == 'b'" }];
  const variables = [{ name: 'size', expression: 'object.spec.size' }];
  expect(typeWarnings({ matchConstraints: about('example.com', ['widgets']), variables, validations }, known)).toEqual([
    {
      fieldRef: 'spec.validations[0].expression',
      warning: expect.stringContaining(
        "example.com/v1, Kind=Widget: ERROR: <input>:1:16: found no matching overload for '_==_' applied to '(int, string)'",
      ),
    },
  ]);
  expect(typeWarnings({ matchConstraints: about('*', ['widgets']), validations }, known)).toEqual([]);
});

test('fields of every kind in a schema that contains itself', () => {
  const spec = {
    matchConstraints: about('apiextensions.k8s.io', ['customresourcedefinitions']),
    validations: [{ expression: 'object.spec.versions.all(v, v.schema.openAPIV3Schema.properties.all(k, k != "x"))' }],
  };
  expect(typeWarnings(spec, known)).toEqual([]);
});
