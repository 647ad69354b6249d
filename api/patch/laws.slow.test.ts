// Laws that each form of PATCH keeps, whatever the objects: a patch made from a difference leads from one to the other.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { schemaOf } from '../gen/index.ts';
import { deepEqual, deepFreeze, type KubeObject, setKey } from '../meta/index.ts';
import { type FieldNode, pathsOf } from './field-set.ts';
import { apply, type JsonPatchOperation, jsonPatch, mergePatch, strategicMergePatch, trackUpdate } from './index.ts';

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const value = fc.jsonValue({ maxDepth: 3 });
const object = fc.dictionary(fc.oneof(fc.constantFrom('a', 'b', 'a/b', '~', '__proto__', '0', '-'), fc.string({ maxLength: 3 })), value, {
  maxKeys: 5,
}) as fc.Arbitrary<Json>;
const withoutNulls = object.map((one) => strip(one) as Json);

function strip(one: unknown): unknown {
  if (!isObject(one)) return one;
  const kept: Json = {};
  for (const key of Object.keys(one)) if (one[key] !== null) setKey(kept, key, strip(one[key]));
  return kept;
}

describe('JSON patch (RFC 6902)', () => {
  const escaped = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

  /** Operations from `a` to `b`; lists grow and shrink at their end. */
  function difference(a: unknown, b: unknown, path: string): JsonPatchOperation[] {
    if (deepEqual(a, b)) return [{ op: 'test', path, value: b }];
    if (isObject(a) && isObject(b)) {
      const at = (key: string): string => `${path}/${escaped(key)}`;
      const gone = Object.keys(a).filter((key) => !Object.hasOwn(b, key));
      return [
        ...gone.map((key): JsonPatchOperation => ({ op: 'remove', path: at(key) })),
        ...Object.keys(b).flatMap((key): JsonPatchOperation[] =>
          Object.hasOwn(a, key) ? difference(a[key], b[key], at(key)) : [{ op: 'add', path: at(key), value: b[key] }],
        ),
      ];
    }
    if (Array.isArray(a) && Array.isArray(b)) {
      const common = Math.min(a.length, b.length);
      return [
        ...a.slice(common).map((): JsonPatchOperation => ({ op: 'remove', path: `${path}/${common}` })),
        ...b.slice(0, common).flatMap((item, i) => difference(a[i], item, `${path}/${i}`)),
        ...b.slice(common).map((item): JsonPatchOperation => ({ op: 'add', path: `${path}/-`, value: item })),
      ];
    }
    return [{ op: 'replace', path, value: b }];
  }

  test('a difference leads from one object to the other, and back', () => {
    fc.assert(
      fc.property(object, object, (a, b) => {
        deepFreeze(a);
        // The root itself is no place for operations: upstream takes none there.
        const forth = difference({ root: a }, { root: b }, '');
        const there = jsonPatch(
          { root: a },
          forth.filter(({ path }) => path !== ''),
        );
        expect(there).toEqual({ root: b });
        const back = difference(there, { root: a }, '');
        expect(
          jsonPatch(
            there,
            back.filter(({ path }) => path !== ''),
          ),
        ).toEqual({ root: a });
      }),
    );
  });

  test('a move is a copy and the removal of its source', () => {
    fc.assert(
      fc.property(object, value, (rest, moved) => {
        const start = { rest, moved };
        const copied = jsonPatch(start, [
          { op: 'copy', from: '/moved', path: '/new' },
          { op: 'remove', path: '/moved' },
        ]);
        expect(jsonPatch(start, [{ op: 'move', from: '/moved', path: '/new' }])).toEqual(copied);
      }),
    );
  });

  test('a test that fails lets nothing happen', () => {
    fc.assert(
      fc.property(object, value, value, (rest, is, other) => {
        fc.pre(!deepEqual(is, other));
        const start = deepFreeze({ rest, is });
        expect(() =>
          jsonPatch(start, [
            { op: 'remove', path: '/rest' },
            { op: 'test', path: '/is', value: other },
          ]),
        ).toThrow('the server rejected our request due to an error in our request');
      }),
    );
  });
});

describe('merge patch (RFC 7396)', () => {
  /** What has to be merged into `a` for `b`. */
  function difference(a: Json, b: Json): Json {
    const patch: Json = {};
    for (const key of Object.keys(a)) if (!Object.hasOwn(b, key)) setKey(patch, key, null);
    for (const key of Object.keys(b)) {
      const [before, now] = [Object.hasOwn(a, key) ? a[key] : undefined, b[key]];
      if (isObject(before) && isObject(now)) setKey(patch, key, difference(before, now));
      else if (!deepEqual(before, now)) setKey(patch, key, now);
    }
    return patch;
  }

  /** One patch for two, one after the other. */
  function composed(first: Json, second: Json): Json {
    const both: Json = {};
    for (const key of Object.keys(first)) setKey(both, key, first[key]);
    for (const key of Object.keys(second)) {
      const [one, two] = [Object.hasOwn(first, key) ? first[key] : undefined, second[key]];
      setKey(both, key, isObject(one) && isObject(two) ? composed(one, two) : two);
    }
    return both;
  }

  test('a difference leads from one object to the other', () => {
    fc.assert(
      fc.property(withoutNulls, withoutNulls, (a, b) => {
        expect(mergePatch(deepFreeze(a), deepFreeze(difference(a, b)))).toEqual(b);
      }),
    );
  });

  test('two patches after each other are one', () => {
    // A key that the first patch makes no object and the second an object would lose the first's removals: left out.
    const clash = (one: unknown, two: unknown): boolean =>
      isObject(two) &&
      (isObject(one) ? Object.keys(two).some((key) => clash(Object.hasOwn(one, key) ? one[key] : undefined, two[key])) : one !== undefined);
    fc.assert(
      fc.property(withoutNulls, object, object, (start, one, two) => {
        fc.pre(!clash(one, two));
        expect(mergePatch(mergePatch(start, one), two)).toEqual(mergePatch(start, composed(one, two)));
      }),
    );
  });

  test.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])("the RFC's example %j + %j", (start, patch, result) => {
    expect(mergePatch(start, patch)).toEqual(result);
  });
});

describe('strategic merge patch', () => {
  const pods = schemaOf({ group: '', version: 'v1', kind: 'Pod' })!;
  const mergeKeys: Record<string, string> = { containers: 'name', env: 'name', ports: 'containerPort', volumeMounts: 'mountPath' };
  const primitiveSets = new Set(['finalizers']);

  const unique = <T>(item: fc.Arbitrary<T>, selector: (one: T) => unknown) => fc.uniqueArray(item, { selector, maxLength: 4 });
  const word = fc.constantFrom('a', 'b', 'c', 'd');
  const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
  const container = fc.record({
    name: word,
    image: word,
    env: maybe(unique(fc.record({ name: word, value: maybe(word) }), ({ name }) => name)),
    ports: maybe(
      unique(
        fc.record({ containerPort: fc.constantFrom(1, 2, 3), protocol: fc.constant('TCP'), name: maybe(word) }),
        ({ containerPort }) => containerPort,
      ),
    ),
    volumeMounts: maybe(unique(fc.record({ mountPath: word, name: word }), ({ mountPath }) => mountPath)),
    args: maybe(fc.array(word, { maxLength: 3 })),
  });
  const pod = fc
    .record({
      apiVersion: fc.constant('v1'),
      kind: fc.constant('Pod'),
      metadata: fc.record({
        name: fc.constant('p'),
        labels: maybe(fc.dictionary(word, word)),
        finalizers: maybe(unique(word, (one) => one)),
      }),
      spec: fc.record({
        containers: unique(container, ({ name }) => name),
        nodeSelector: maybe(fc.dictionary(word, word)),
        tolerations: maybe(fc.array(fc.record({ key: word }), { maxLength: 2 })),
      }),
    })
    .map((one) => JSON.parse(JSON.stringify(one)) as Json);

  /** As kubectl makes a patch out of two versions of an object. */
  function difference(a: Json, b: Json): Json {
    const patch: Json = {};
    for (const key of Object.keys(a)) if (!Object.hasOwn(b, key)) patch[key] = null;
    for (const [key, now] of Object.entries(b)) {
      const before = a[key];
      if (deepEqual(before, now)) continue;
      if (isObject(before) && isObject(now)) patch[key] = difference(before, now);
      else if (Array.isArray(before) && Array.isArray(now) && mergeKeys[key]) Object.assign(patch, keyed(key, mergeKeys[key], before, now));
      else if (Array.isArray(before) && Array.isArray(now) && primitiveSets.has(key)) {
        patch[`$setElementOrder/${key}`] = now;
        patch[`$deleteFromPrimitiveList/${key}`] = before.filter((one) => !now.includes(one));
        patch[key] = now.filter((one) => !before.includes(one));
      } else patch[key] = now;
    }
    return patch;
  }

  function keyed(field: string, mergeKey: string, before: Json[], now: Json[]): Json {
    const gone = before.filter((one) => !now.some((other) => other[mergeKey] === one[mergeKey]));
    const changed = now.flatMap((one) => {
      const old = before.find((other) => other[mergeKey] === one[mergeKey]);
      if (old && deepEqual(old, one)) return [];
      return [old ? { ...difference(old, one), [mergeKey]: one[mergeKey] } : one];
    });
    return {
      [`$setElementOrder/${field}`]: now.map((one) => ({ [mergeKey]: one[mergeKey] })),
      [field]: [...changed, ...gone.map((one) => ({ $patch: 'delete', [mergeKey]: one[mergeKey] }))],
    };
  }

  test('a difference with directives leads from one object to the other', () => {
    fc.assert(
      fc.property(pod, pod, (a, b) => {
        expect(strategicMergePatch(deepFreeze(a), deepFreeze(difference(a, b)), pods)).toEqual(b);
      }),
      { numRuns: 500 },
    );
  });

  test('an object as its own patch changes nothing', () => {
    fc.assert(
      fc.property(pod, (one) => {
        expect(strategicMergePatch(one, one, pods)).toEqual(one);
      }),
    );
  });

  test('$patch: replace leaves what the patch says', () => {
    fc.assert(
      fc.property(pod, pod, (a, b) => {
        expect(strategicMergePatch(a, { spec: { $patch: 'replace', ...(b['spec'] as Json) } }, pods)['spec']).toEqual(b['spec']);
      }),
    );
  });

  test('$retainKeys leaves no other keys', () => {
    fc.assert(
      fc.property(pod, (one) => {
        const { spec } = strategicMergePatch(one, { spec: { $retainKeys: ['containers'] } }, pods) as { spec: Json };
        expect(spec).toEqual({ containers: (one['spec'] as Json)['containers'] });
      }),
    );
  });
});

describe('server-side apply', () => {
  const services = schemaOf({ group: '', version: 'v1', kind: 'Service' })!;
  const word = fc.constantFrom('a', 'b', 'c', 'd');
  /** A map by key, a list by keys of which one has a default, an atomic list. */
  const wish = fc.record({
    annotations: fc.dictionary(word, word, { maxKeys: 3 }),
    ports: fc.uniqueArray(fc.record({ port: fc.constantFrom(1, 2, 3), name: word }), { selector: ({ port }) => port, maxLength: 3 }),
  });
  interface Wish {
    annotations: Record<string, string>;
    ports: { port: number; name: string }[];
  }

  const service = ({ annotations, ports }: Wish): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 's', ...(Object.keys(annotations).length ? { annotations } : {}) },
    spec: ports.length ? { ports: ports.map((port) => ({ ...port, protocol: 'TCP' })) } : {},
  });
  let second = 0;
  const applyAs = (live: KubeObject | undefined, wanted: Wish, manager: string, force = true): Promise<KubeObject> =>
    apply({
      live,
      applied: service(wanted),
      manager,
      force,
      apiVersion: 'v1',
      schema: services,
      nowRfc3339: new Date(++second * 1000).toISOString().replace('.000Z', 'Z'),
    }).then(({ object }) => object);
  /** Without owners' times, elements in one order. */
  const content = ({ metadata, spec = {} }: KubeObject): Json => ({
    annotations: metadata.annotations ?? {},
    ports: [...(((spec as Json)['ports'] as { port: number }[] | undefined) ?? [])].sort((a, b) => a.port - b.port),
  });
  const owned = (live: KubeObject): Set<string> =>
    new Set((live.metadata.managedFields ?? []).flatMap(({ fieldsV1 }) => pathsOf(fieldsV1 as FieldNode)));
  const fields = (live: KubeObject): string[] => {
    const spec = (live['spec'] ?? {}) as Json;
    return [
      ...Object.keys(live.metadata.annotations ?? {}).map((key) => `.metadata.annotations.${key}`),
      ...((spec['ports'] ?? []) as { port: number; name?: string }[])
        .filter(({ name }) => name !== undefined)
        .map(({ port }) => `.spec.ports[port=${port},protocol="TCP"].name`),
    ];
  };
  const step = fc.tuple(fc.constantFrom('x', 'y', 'z'), wish);

  test('whatever was applied: each field has an owner, and what is owned is there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        let live: KubeObject | undefined;
        for (const [manager, wanted] of steps) live = await applyAs(live, wanted, manager);
        const present = new Set(fields(live!));
        for (const field of present) expect(owned(live!)).toContain(field);
        for (const field of owned(live!)) if (/annotations\.|\.name$/.test(field)) expect(present).toContain(field);
      }),
    );
  });

  test('applying again what was applied changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
        let live: KubeObject | undefined;
        for (const [manager, wanted] of steps) live = await applyAs(live, wanted, manager);
        const [manager, wanted] = steps.at(-1)!;
        expect(await applyAs(live, wanted, manager)).toEqual(live);
      }),
    );
  });

  test('what the only manager drops goes away', async () => {
    await fc.assert(
      fc.asyncProperty(wish, wish, async (first, last) => {
        const live = await applyAs(await applyAs(undefined, first, 'x'), last, 'x');
        expect(content(live)).toEqual(content(service(last)));
      }),
    );
  });

  /** Each manager has keys of its own, so nobody is in another's way. */
  const apart = fc.tuple(wish, wish, wish).map((wishes) =>
    wishes.map((one, at) => ({
      annotations: Object.fromEntries(Object.entries(one.annotations).map(([key, text]) => [`${key}${at}`, text])),
      ports: one.ports.map(({ port, name }) => ({ port: port + 10 * at, name })),
    })),
  );

  test('managers that do not meet: the order is of no matter, and there are no conflicts', async () => {
    await fc.assert(
      fc.asyncProperty(apart, fc.shuffledSubarray([0, 1, 2], { minLength: 3 }), async (wishes, order) => {
        let live: KubeObject | undefined;
        let other: KubeObject | undefined;
        for (const at of [0, 1, 2]) live = await applyAs(live, wishes[at]!, `m${at}`, false);
        for (const at of order) other = await applyAs(other, wishes[at]!, `m${at}`, false);
        expect(content(other!)).toEqual(content(live!));
        expect(owned(other!)).toEqual(owned(live!));
      }),
    );
  });

  test('a manager that drops all leaves the others as they were', async () => {
    await fc.assert(
      fc.asyncProperty(apart, async (wishes) => {
        const alone = await applyAs(undefined, wishes[0]!, 'm0', false);
        const both = await applyAs(alone, wishes[1]!, 'm1', false);
        expect(content(await applyAs(both, { annotations: {}, ports: [] }, 'm1', false))).toEqual(content(alone));
      }),
    );
  });

  test('the same wish is shared without a conflict, another value is one', async () => {
    await fc.assert(
      fc.asyncProperty(wish, word, async (wanted, key) => {
        const live = await applyAs(undefined, { ...wanted, annotations: { ...wanted.annotations, [key]: 'mine' } }, 'x', false);
        expect(content(await applyAs(live, { annotations: { [key]: 'mine' }, ports: [] }, 'y', false))).toEqual(content(live));
        await expect(applyAs(live, { annotations: { [key]: 'yours' }, ports: [] }, 'y', false)).rejects.toThrow(
          `Apply failed with 1 conflict: conflict with "x": .metadata.annotations.${key}`,
        );
      }),
    );
  });

  test('an update takes over what it changes, and no more', async () => {
    await fc.assert(
      fc.asyncProperty(wish, wish, async (first, next) => {
        const live = await applyAs(undefined, first, 'x');
        const { annotations: _, ...metadata } = live.metadata;
        const updated: KubeObject = { ...service(next), metadata: { ...metadata, ...service(next).metadata } };
        const managedFields = await trackUpdate({
          old: live,
          new: updated,
          manager: 'u',
          apiVersion: 'v1',
          schema: services,
          now: '2030-01-01T00:00:00Z',
        });
        const after: KubeObject = { ...updated, metadata: { ...updated.metadata, ...(managedFields ? { managedFields } : {}) } };
        for (const field of fields(after)) expect(owned(after)).toContain(field);
        const ofUpdate = managedFields?.find(({ manager }) => manager === 'u');
        const same = (field: string): boolean => fields(live).includes(field) && deepEqual(valueAt(live, field), valueAt(after, field));
        for (const field of ofUpdate ? pathsOf(ofUpdate.fieldsV1 as FieldNode) : [])
          if (/annotations\.|\.name$/.test(field)) expect(same(field)).toBe(false);
      }),
    );
  });

  function valueAt(live: KubeObject, field: string): unknown {
    const spec = live['spec'] as { ports?: { port: number; name: string }[] };
    const key = /^\.metadata\.annotations\.(.*)$/.exec(field)?.[1];
    if (key !== undefined) return live.metadata.annotations?.[key];
    const port = Number(/port=(\d+)/.exec(field)![1]);
    return spec.ports?.find((one) => one.port === port)?.name;
  }
});
