// Pure parts of custom resources: pruning, defaults, validation, paths, the order of versions.
import { describe, expect, test } from 'vitest';
import type { JsonSchema } from './json-schema.ts';
import { valuesAt } from './jsonpath.ts';
import { fillDefaults, prune } from './prune.ts';
import { compareVersions } from './served.ts';
import { validateValue } from './validate.ts';

const root = (spec: JsonSchema): JsonSchema => ({ type: 'object', properties: { spec } });
const object = (properties: Record<string, JsonSchema>, more: JsonSchema = {}): JsonSchema => ({ type: 'object', properties, ...more });

describe('pruning', () => {
  test.each<[string, JsonSchema, Record<string, unknown>, Record<string, unknown>, string[]]>([
    ['unknown fields go', object({ a: { type: 'string' } }), { a: '1', b: 2 }, { a: '1' }, ['spec.b']],
    ['preserved ones stay', object({}, { 'x-kubernetes-preserve-unknown-fields': true }), { b: 2 }, { b: 2 }, []],
    [
      'in lists',
      object({ l: { type: 'array', items: object({ v: { type: 'string' } }) } }),
      { l: [{ v: '1', u: 2 }] },
      { l: [{ v: '1' }] },
      ['spec.l[0].u'],
    ],
    [
      'in maps',
      object({ m: { type: 'object', additionalProperties: object({ v: {} }) } }),
      { m: { k: { v: 1, u: 2 } } },
      { m: { k: { v: 1 } } },
      ['spec.m.k.u'],
    ],
    ['names of Object.prototype are no fields', object({}), { constructor: 1 }, {}, ['spec.constructor']],
  ])('%s', (_, schema, before, after, unknown) => {
    const value = { apiVersion: 'x/v1', kind: 'X', metadata: {}, spec: before };
    expect(prune(value, root(schema))).toEqual(unknown);
    expect(value.spec).toEqual(after);
  });
});

test('defaults fill absent fields and nulls, deeply, and leave what is there', () => {
  const schema = object({
    a: { type: 'string', default: 'A' },
    n: { type: 'string', nullable: true, default: 'N' },
    o: object({ x: { type: 'integer', default: 7 } }),
    l: { type: 'array', items: object({ k: { default: 'd' } }) },
  });
  const value = { a: null, n: null, o: {}, l: [{}, { k: 'mine' }] };
  fillDefaults(value, schema);
  expect(value).toEqual({ a: 'A', n: null, o: { x: 7 }, l: [{ k: 'd' }, { k: 'mine' }] });
});

test.each<[JsonSchema, unknown, string[]]>([
  [{ type: 'object' }, [], ['Invalid value: "array": f in body must be of type object: "array"']],
  [{ type: 'integer', minimum: 1 }, 0, ['Invalid value: 0: f in body should be greater than or equal to 1']],
  [{ type: 'string', enum: ['a', 'b'] }, 'c', ['Unsupported value: "c": supported values: "a", "b"']],
  [{ type: 'string', maxLength: 2 }, 'abc', ['Too long: may not be more than 2 bytes']],
  [{ type: 'string', pattern: '^[a-z]+$' }, '1', ['Invalid value: "1": f in body should match \'^[a-z]+$\'']],
  [{ type: 'object', required: ['x'] }, {}, ['Required value']],
  [{ type: 'array', items: {}, 'x-kubernetes-list-type': 'set' }, ['a', 'a'], ['Duplicate value: "a"']],
  [{ 'x-kubernetes-int-or-string': true }, '5%', []],
  [{ type: 'string', nullable: true }, null, []],
  [{ type: 'number' }, 3, []],
])('%j against %j', (schema, value, messages) => {
  expect(validateValue(value, schema, 'f').map((problem) => problem.message)).toEqual(messages);
});

test.each<[string, unknown[]]>([
  ['.spec.a', ['x']],
  ['.spec.l[0].n', [1]],
  ['.spec.l[*].n', [1, 2]],
  ['.spec.l[?(@.t=="b")].n', [2]],
  ['.spec.m.a\\.b/c', ['dotted']],
  [".spec.m['a.b/c']", ['dotted']],
  ['.spec.none.at.all', []],
  ['.spec[', []],
])('path %s', (path, found) => {
  const value = {
    spec: {
      a: 'x',
      l: [
        { t: 'a', n: 1 },
        { t: 'b', n: 2 },
      ],
      m: { 'a.b/c': 'dotted' },
    },
  };
  expect(valuesAt(value, path)).toEqual(found);
});

test('versions by stability and number', () => {
  expect(['foo', 'v1beta1', 'v1', 'v10', 'v2alpha1', 'v2', 'v11beta2'].sort(compareVersions)).toEqual([
    'v10',
    'v2',
    'v1',
    'v11beta2',
    'v1beta1',
    'v2alpha1',
    'foo',
  ]);
});
