// Who owns which field: apply, updates, sets of paths.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { schemaOf } from '../gen/index.ts';
import { deepEqual, type KubeObject, type StatusError } from '../meta/index.ts';
import { difference, intersection, pathsOf, setOfPaths, union } from './field-set.ts';
import { apply, trackUpdate } from './index.ts';

const schema = schemaOf({ group: '', version: 'v1', kind: 'ConfigMap' })!;
const deployments = schemaOf({ group: 'apps', version: 'v1', kind: 'Deployment' })!;
const now = (seconds: number): string => `2030-01-01T00:00:${String(seconds).padStart(2, '0')}Z`;

describe('sets of paths', () => {
  const set = fc
    .array(fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }), { maxLength: 8 })
    .map((paths) => setOfPaths(paths));
  const members = (node: Parameters<typeof pathsOf>[0]): Set<string> => new Set(pathsOf(node));

  test('behave as sets of their members', () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        expect(members(union(a, b))).toEqual(members(a).union(members(b)));
        expect(members(intersection(a, b))).toEqual(members(a).intersection(members(b)));
        expect(members(difference(a, b))).toEqual(members(a).difference(members(b)));
      }),
    );
  });
});

const configMap = (data: Record<string, string>, managedFields?: unknown): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'c', ...(managedFields ? { managedFields: managedFields as never } : {}) },
  data,
});

const applyAs = (live: KubeObject | undefined, data: Record<string, string>, manager: string, force = false, second = 0) =>
  apply({ live, applied: configMap(data), manager, force, apiVersion: 'v1', schema, nowRfc3339: now(second) });

describe('apply', () => {
  test('removes what the manager drops and nobody else owns', () => {
    const first = applyAs(undefined, { a: '1', b: '2' }, 'x').object;
    const shared = applyAs(first, { b: '2' }, 'y').object;
    expect(applyAs(shared, {}, 'x').object['data']).toEqual({ b: '2' });
  });

  test('names each conflict, and force takes over', () => {
    const live = applyAs(undefined, { a: '1' }, 'x').object;
    try {
      applyAs(live, { a: '2' }, 'y');
      expect.unreachable();
    } catch (error) {
      const status = (error as StatusError).toStatus();
      expect(status.message).toBe('Apply failed with 1 conflict: conflict with "x": .data.a');
      expect(status.details?.causes).toEqual([{ reason: 'FieldManagerConflict', message: 'conflict with "x"', field: '.data.a' }]);
    }
    const taken = applyAs(live, { a: '2' }, 'y', true).object;
    expect(taken['data']).toEqual({ a: '2' });
    expect(taken.metadata.managedFields?.map(({ manager }) => manager)).toEqual(['y']);
  });

  test('the same again changes nothing', () => {
    const keys = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'));
    fc.assert(
      fc.property(keys, keys, (first, second) => {
        const live = applyAs(applyAs(undefined, first, 'x').object, second, 'y', true, 1).object;
        const again = applyAs(live, second, 'y', false, 2);
        expect(again.changed).toBe(false);
        expect(deepEqual(again.object, live)).toBe(true);
      }),
    );
  });

  test('unknown fields are refused', () => {
    const applied = { ...configMap({}), nope: 1 };
    const refused = () => apply({ live: undefined, applied, manager: 'x', force: false, apiVersion: 'v1', schema, nowRfc3339: now(0) });
    expect(refused).toThrow('.nope: field not declared in schema');
  });
});

describe('updates', () => {
  const track = (old: KubeObject | undefined, next: KubeObject, manager: string, second = 0) =>
    trackUpdate({ old, new: next, manager, apiVersion: 'v1', schema, now: now(second) });

  test('a change moves ownership; no change moves nothing', () => {
    const created = configMap({ a: '1', b: '1' }, track(undefined, configMap({ a: '1', b: '1' }), 'x'));
    expect(track(created, configMap({ a: '1', b: '1' }), 'y', 1)).toEqual(created.metadata.managedFields);
    const entries = track(created, configMap({ a: '1', b: '2' }), 'y', 1)!;
    expect(entries.map(({ manager, fieldsV1 }) => [manager, fieldsV1])).toEqual([
      ['x', { 'f:data': { '.': {}, 'f:a': {} } }],
      ['y', { 'f:data': { 'f:b': {} } }],
    ]);
  });

  test('many managers are folded into one', () => {
    let object = configMap({}, track(undefined, configMap({ k: '0' }), 'm0'));
    object['data'] = { k: '0' };
    for (let i = 1; i < 15; i++) {
      const next = configMap({ ...object['data'], [`k${i}`]: '1' });
      object = { ...next, metadata: { ...next.metadata, managedFields: track(object, next, `m${i}`, i)! } };
    }
    expect(object.metadata.managedFields).toHaveLength(10);
    expect(object.metadata.managedFields!.some(({ manager }) => manager === 'ancient-changes')).toBe(true);
  });

  test('structs that always stand in an object are not owned, lists by key are', () => {
    const deployment: KubeObject = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd' },
      spec: {
        selector: {},
        strategy: { rollingUpdate: { maxSurge: 1 } },
        template: { spec: { containers: [{ name: 'c', resources: {} }] } },
      },
    };
    const entries = trackUpdate({
      old: undefined,
      new: deployment,
      manager: 'x',
      apiVersion: 'apps/v1',
      schema: deployments,
      now: now(0),
    })!;
    expect(entries[0]!.fieldsV1).toEqual({
      'f:spec': {
        'f:selector': {},
        'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {} } },
        'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"c"}': { '.': {}, 'f:name': {}, 'f:resources': {} } } } },
      },
    });
  });
});

test('JSON of any form is one value: defaults in the schema of a definition', () => {
  const schemas = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition' };
  const properties = { a: { type: 'string', default: 'x' }, b: { type: 'array', default: [1] }, c: { type: 'object', default: { d: 1 } } };
  const applied = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'x' },
    spec: { versions: [{ name: 'v1', schema: { openAPIV3Schema: { type: 'object', properties } } }] },
  } as unknown as KubeObject;
  const options = { live: undefined, applied, manager: 'a', force: false, subresource: '', apiVersion: 'apiextensions.k8s.io/v1' };
  const { object } = apply({ ...options, schema: schemaOf(schemas)!, nowRfc3339: now(1) });
  expect(object['spec'].versions[0].schema.openAPIV3Schema.properties).toEqual(properties);
});
