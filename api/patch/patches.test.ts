// The forms of PATCH: properties, and tables for what the RFCs leave open.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { schemaOf } from '../gen/index.ts';
import { deepFreeze } from '../meta/index.ts';
import { jsonPatch, mergePatch, strategicMergePatch } from './index.ts';

const json = fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }) as fc.Arbitrary<Record<string, any>>;

/** Whether a null stands in an object, however deep: a merge patch cannot set one. */
const hasNull = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && !Array.isArray(value) && Object.values(value as object).some(hasNull));

describe('merge patch', () => {
  test('is repeatable, and leaves what it got alone', () => {
    fc.assert(
      fc.property(json, json, (current, patch) => {
        const once = mergePatch(deepFreeze(current), deepFreeze(patch));
        expect(mergePatch(once, patch)).toEqual(once);
      }),
    );
  });

  test('of nothing takes the patch', () => {
    fc.assert(
      fc.property(
        json.filter((value) => !hasNull(value)),
        (patch) => {
          expect(mergePatch({}, patch)).toEqual(patch);
        },
      ),
    );
  });

  test('null removes, lists are replaced, __proto__ is a key', () => {
    expect(mergePatch({ a: 1, b: [1], c: { d: 1 } }, { a: null, b: [2], c: { e: 2 } })).toEqual({ b: [2], c: { d: 1, e: 2 } });
    const patched = mergePatch({}, JSON.parse('{"__proto__":{"x":1}}'));
    expect(Object.keys(patched)).toEqual(['__proto__']);
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  test.each([[[]], ['x'], [null]])('%j is no patch', (patch) => {
    expect(() => mergePatch({}, patch)).toThrow();
  });
});

describe('JSON patch', () => {
  test('adding and removing a key gives the object back', () => {
    fc.assert(
      fc.property(json, fc.jsonValue(), (current, value) => {
        const path = '/new~1key';
        const changed = jsonPatch(deepFreeze(current), [
          { op: 'add', path, value },
          { op: 'remove', path },
        ]);
        expect(changed).toEqual(current);
      }),
    );
  });

  test.each([
    [[{ op: 'replace', path: '/none', value: 1 }], { a: [1, 2], none: 1 }],
    [[{ op: 'add', path: '/a/-', value: 3 }], { a: [1, 2, 3] }],
    [[{ op: 'remove', path: '/a/-1' }], { a: [1] }],
    [[{ op: 'copy', from: '/a/0', path: '/b' }], { a: [1, 2], b: 1 }],
    [[{ op: 'move', from: '/a/0', path: '/b' }], { a: [2], b: 1 }],
    [[{ op: 'test', path: '/none', value: null }], { a: [1, 2] }],
  ])('%j', (patch, result) => {
    expect(jsonPatch({ a: [1, 2] }, patch)).toEqual(result);
  });

  test.each([
    [[{ op: 'remove', path: '/none' }], "error in remove for path: '/none': Unable to remove nonexistent key: none: missing value"],
    [[{ op: 'test', path: '/a', value: [1] }], 'testing value /a failed: test failed'],
    [[{ op: 'add', path: '/x/y', value: 1 }], 'add operation does not apply: doc is missing path: "/x/y": missing value'],
    [[{ op: 'add', path: '/a/5', value: 1 }], "error in add for path: '/a/5': Unable to access invalid index: 5: invalid index referenced"],
    [[{ op: 'replace', path: '/a/5', value: 1 }], 'replace operation does not apply: doc is missing key: /a/5: missing value'],
    [[{ op: 'move', from: '/x/y', path: '/a' }], 'move operation does not apply: doc is missing from path: /x/y: missing value'],
    [[{ op: 'copy', from: '/a/0', path: '/x/y' }], 'copy operation does not apply: doc is missing destination path: /x/y: missing value'],
    [[{ op: 'nope', path: '/a' }], 'Unexpected kind: nope'],
    [[{ op: 'remove', path: '' }], 'remove operation does not apply: doc is missing path: "": missing value'],
    [[{ op: 'replace', path: '', value: 3 }], 'replace operation value must be object or array: %!w(<nil>)'],
    [[null], 'Unexpected kind: '],
  ])('%j does not fit: clients are told that much only', (patch, why) => {
    const message = 'the server rejected our request due to an error in our request';
    expect(() => jsonPatch({ a: [1, 2] }, patch)).toThrow(expect.objectContaining({ code: 422, message, why }));
  });
});

test('a JSON patch may replace the whole document, and go on in the new one', () => {
  const patch = [
    { op: 'replace', path: '', value: { b: 1 } },
    { op: 'add', path: '/c', value: 2 },
  ];
  expect(jsonPatch({ a: 1 }, patch)).toEqual({ b: 1, c: 2 });
});

describe('strategic merge patch', () => {
  const schema = schemaOf({ group: '', version: 'v1', kind: 'Pod' })!;
  const pod = deepFreeze({
    metadata: { finalizers: ['a', 'b'] },
    spec: {
      containers: [
        { name: 'a', image: 'a:1', args: ['x'], env: [{ name: 'E', value: '1' }] },
        { name: 'b', image: 'b:1' },
      ],
    },
  });
  const containers = (patch: unknown): any => (strategicMergePatch(pod, { spec: { containers: patch } }, schema) as any).spec.containers;

  test('lists with a key are merged by it, others replaced', () => {
    expect(containers([{ name: 'a', args: ['y'], env: [{ name: 'F', value: '2' }] }])).toEqual([
      {
        name: 'a',
        image: 'a:1',
        args: ['y'],
        env: [
          { name: 'F', value: '2' },
          { name: 'E', value: '1' },
        ],
      },
      { name: 'b', image: 'b:1' },
    ]);
  });

  test('directives', () => {
    expect(containers([{ name: 'a', $patch: 'delete' }])).toEqual([{ name: 'b', image: 'b:1' }]);
    expect(containers([{ $patch: 'replace' }, { name: 'c' }])).toEqual([{ name: 'c' }]);
    const primitive = strategicMergePatch(pod, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } }, schema);
    expect(primitive.metadata.finalizers).toEqual(['b']);
    const ordered: any = strategicMergePatch(
      pod,
      { spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'c' }, { name: 'a' }], containers: [{ name: 'c', image: 'c' }] } },
      schema,
    );
    expect(ordered.spec.containers.map((container: any) => container.name)).toEqual(['b', 'c', 'a']);
  });

  test('an element without its key is refused', () => {
    expect(() => containers([{ image: 'x' }])).toThrow('does not contain declared merge key: name');
  });

  test('patching with nothing changes nothing', () => {
    expect(strategicMergePatch(pod, {}, schema)).toEqual(pod);
  });
});
