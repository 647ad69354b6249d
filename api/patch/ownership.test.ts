// Who owns which field: apply, updates, sets of paths.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { schemaOf } from '../gen/index.ts';
import { deepEqual, type KubeObject, type StatusError } from '../meta/index.ts';
import { difference, type FieldNode, inOrder, intersection, pathsOf, setOfPaths, union } from './field-set.ts';
import { apply, type Convert, trackUpdate } from './index.ts';

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

  test('are written by name, whatever the order of the object; those in order stay the very same', async () => {
    const paths = [['b', 'z'], ['b', 'a'], ['a'], ['b']];
    const unordered = setOfPaths(paths);
    const ordered = inOrder(unordered);
    expect(JSON.stringify(ordered)).toBe('{"f:a":{},"f:b":{".":{},"f:a":{},"f:z":{}}}');
    expect(ordered).toEqual(unordered);
    expect(inOrder(ordered)).toBe(ordered);
    const made = await trackUpdate({
      old: undefined,
      new: configMap({ z: '1', a: '2' }),
      manager: 'm',
      apiVersion: 'v1',
      schema,
      now: now(0),
    });
    expect(JSON.stringify(made![0]!.fieldsV1)).toBe('{"f:data":{".":{},"f:a":{},"f:z":{}}}');
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
  test('removes what the manager drops and nobody else owns', async () => {
    const first = (await applyAs(undefined, { a: '1', b: '2' }, 'x')).object;
    const shared = (await applyAs(first, { b: '2' }, 'y')).object;
    expect((await applyAs(shared, {}, 'x')).object['data']).toEqual({ b: '2' });
  });

  test('names each conflict, and force takes over', async () => {
    const live = (await applyAs(undefined, { a: '1' }, 'x')).object;
    try {
      await applyAs(live, { a: '2' }, 'y');
      expect.unreachable();
    } catch (error) {
      const status = (error as StatusError).toStatus();
      expect(status.message).toBe('Apply failed with 1 conflict: conflict with "x": .data.a');
      expect(status.details?.causes).toEqual([{ reason: 'FieldManagerConflict', message: 'conflict with "x"', field: '.data.a' }]);
    }
    const taken = (await applyAs(live, { a: '2' }, 'y', true)).object;
    expect(taken['data']).toEqual({ a: '2' });
    expect(taken.metadata.managedFields?.map(({ manager }) => manager)).toEqual(['y']);
  });

  test('the same again changes nothing', async () => {
    const keys = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'));
    await fc.assert(
      fc.asyncProperty(keys, keys, async (first, second) => {
        const live = (await applyAs((await applyAs(undefined, first, 'x')).object, second, 'y', true, 1)).object;
        const again = await applyAs(live, second, 'y', false, 2);
        expect(again.changed).toBe(false);
        expect(deepEqual(again.object, live)).toBe(true);
      }),
    );
  });

  test('unknown fields are refused', async () => {
    const applied = { ...configMap({}), nope: 1 };
    const refused = () => apply({ live: undefined, applied, manager: 'x', force: false, apiVersion: 'v1', schema, nowRfc3339: now(0) });
    await expect(refused()).rejects.toThrow('.nope: field not declared in schema');
  });
});

describe('updates', () => {
  const track = (old: KubeObject | undefined, next: KubeObject, manager: string, second = 0) =>
    trackUpdate({ old, new: next, manager, apiVersion: 'v1', schema, now: now(second) });

  test('a change moves ownership; no change moves nothing', async () => {
    const created = configMap({ a: '1', b: '1' }, await track(undefined, configMap({ a: '1', b: '1' }), 'x'));
    expect(await track(created, configMap({ a: '1', b: '1' }), 'y', 1)).toEqual(created.metadata.managedFields);
    const entries = (await track(created, configMap({ a: '1', b: '2' }), 'y', 1))!;
    expect(entries.map(({ manager, fieldsV1 }) => [manager, fieldsV1])).toEqual([
      ['x', { 'f:data': { '.': {}, 'f:a': {} } }],
      ['y', { 'f:data': { 'f:b': {} } }],
    ]);
  });

  test.each([
    [{ y: 1, z: { q: 1 } }, null, {}],
    [{ y: 1 }, 3, {}],
    [{ y: 1 }, [1], {}],
    [3, { y: { z: 1 } }, { '.': {}, 'f:y': { '.': {}, 'f:z': {} } }],
    [null, { y: 1 }, { '.': {}, 'f:y': {} }],
    [{ y: 1 }, {}, {}],
  ])('of a value that nobody declared, from %j to %j, its owner has %j', async (from, to, owned) => {
    const object = (x: unknown): KubeObject => ({ apiVersion: 'a.b/v1', kind: 'X', metadata: { name: 'o' }, x });
    const change = (old: KubeObject | undefined, next: KubeObject) =>
      trackUpdate({ old, new: next, manager: 'm', apiVersion: 'a.b/v1', schema: undefined, now: now(0) });
    const before = object(from);
    before.metadata.managedFields = (await change(undefined, before))!;
    const [entry] = (await change(before, object(to)))!;
    expect((entry!.fieldsV1 as Record<string, unknown>)['f:x']).toEqual(owned);
  });

  test('many managers are folded into one', async () => {
    let object = configMap({}, await track(undefined, configMap({ k: '0' }), 'm0'));
    object['data'] = { k: '0' };
    for (let i = 1; i < 15; i++) {
      const next = configMap({ ...object['data'], [`k${i}`]: '1' });
      object = { ...next, metadata: { ...next.metadata, managedFields: (await track(object, next, `m${i}`, i))! } };
    }
    expect(object.metadata.managedFields).toHaveLength(10);
    expect(object.metadata.managedFields!.some(({ manager }) => manager === 'ancient-changes')).toBe(true);
  });

  test('structs that always stand in an object are not owned, lists by key are', async () => {
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
    const entries = (await trackUpdate({
      old: undefined,
      new: deployment,
      manager: 'x',
      apiVersion: 'apps/v1',
      schema: deployments,
      now: now(0),
    }))!;
    expect(entries[0]!.fieldsV1).toEqual({
      'f:spec': {
        'f:selector': {},
        'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {} } },
        'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"c"}': { '.': {}, 'f:name': {}, 'f:resources': {} } } } },
      },
    });
  });
});

test('JSON of any form is one value: defaults in the schema of a definition', async () => {
  const schemas = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition' };
  const properties = { a: { type: 'string', default: 'x' }, b: { type: 'array', default: [1] }, c: { type: 'object', default: { d: 1 } } };
  const applied = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'x' },
    spec: { versions: [{ name: 'v1', schema: { openAPIV3Schema: { type: 'object', properties } } }] },
  } as unknown as KubeObject;
  const options = { live: undefined, applied, manager: 'a', force: false, subresource: '', apiVersion: 'apiextensions.k8s.io/v1' };
  const { object } = await apply({ ...options, schema: schemaOf(schemas)!, nowRfc3339: now(1) });
  expect(object['spec'].versions[0].schema.openAPIV3Schema.properties).toEqual(properties);
});

describe('versions of one kind', () => {
  /** v2 has the data under another name, and knows no v0. */
  const convert: Convert = async (object, apiVersion) => {
    if (apiVersion === 'v0') return undefined;
    const { data, words, ...rest } = object as KubeObject & { data?: unknown; words?: unknown };
    const content = data ?? words;
    const named = content === undefined ? {} : { [apiVersion === 'v2' ? 'words' : 'data']: content };
    return { object: { ...rest, apiVersion, ...named } as KubeObject, schema: undefined };
  };
  const applied = (apiVersion: string, content: Record<string, string>) =>
    ({ apiVersion, kind: 'T', metadata: { name: 't' }, [apiVersion === 'v2' ? 'words' : 'data']: content }) as KubeObject;
  const applyIn = async (
    live: KubeObject | undefined,
    apiVersion: string,
    content: Record<string, string>,
    manager: string,
    force = false,
  ) => {
    const shown = live && (await convert(live, apiVersion))!.object;
    const request = { live: shown, applied: applied(apiVersion, content), manager, force, apiVersion, schema: undefined, convert };
    return (await apply({ ...request, nowRfc3339: now(1) })).object;
  };
  /** By manager: the version and the members of the data. */
  const owners = ({ metadata }: { metadata: KubeObject['metadata'] }) =>
    (metadata.managedFields ?? [])
      .map(({ manager, apiVersion, fieldsV1 }) => [
        manager,
        apiVersion,
        pathsOf(fieldsV1 as FieldNode).filter((path) => /\..*\./.test(path)),
      ])
      .sort(([a], [b]) => (a! < b! ? -1 : 1));

  test('a field that another owns in his version conflicts under its name there', async () => {
    const live = await applyIn(undefined, 'v1', { a: '1' }, 'x');
    await expect(applyIn(live, 'v2', { a: '2' }, 'y')).rejects.toThrow('Apply failed with 1 conflict: conflict with "x": .data.a');
    expect(owners(await applyIn(live, 'v2', { a: '2' }, 'y', true))).toEqual([
      ['x', 'v1', []],
      ['y', 'v2', ['.words.a']],
    ]);
    expect(owners(await applyIn(live, 'v2', { a: '1' }, 'y'))).toEqual([
      ['x', 'v1', ['.data.a']],
      ['y', 'v2', ['.words.a']],
    ]);
  });

  test('who goes on in another version removes what he dropped, and keeps one entry', async () => {
    const live = await applyIn(undefined, 'v1', { a: '1', b: '2' }, 'x');
    const next = await applyIn(live, 'v2', { b: '2' }, 'x');
    expect([next['words'], owners(next)]).toEqual([{ b: '2' }, [['x', 'v2', ['.words.b']]]]);
  });

  test('what another owns in his version is not removed', async () => {
    const first = await applyIn(undefined, 'v1', { a: '1', b: '2' }, 'x');
    const shared = await applyIn(first, 'v2', { b: '2' }, 'y');
    const left = await applyIn(shared, 'v1', { c: '3' }, 'x');
    expect(left['data']).toEqual({ b: '2', c: '3' });
    expect(owners(left)).toEqual([
      ['x', 'v1', ['.data.c']],
      ['y', 'v2', ['.words.b']],
    ]);
  });

  test('an update takes what it changes from owners in other versions; those of versions that are gone own nothing', async () => {
    const live = await applyIn(undefined, 'v1', { a: '1', b: '2' }, 'x');
    const lost = { ...live.metadata.managedFields![0]!, manager: 'lost', apiVersion: 'v0' };
    const { object: old } = (await convert(
      { ...live, metadata: { ...live.metadata, managedFields: [...live.metadata.managedFields!, lost] } },
      'v2',
    ))!;
    const next = { ...old, words: { a: '9', b: '2' } };
    const managedFields = await trackUpdate({ old, new: next, manager: 'u', apiVersion: 'v2', schema: undefined, now: now(2), convert });
    expect(owners({ metadata: { managedFields: managedFields! } })).toEqual([
      ['u', 'v2', ['.words.a']],
      ['x', 'v1', ['.data.b']],
    ]);
  });
});
