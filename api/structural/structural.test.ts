// Schemas at work: pruning, defaults, validation, ratcheting, lists, embedded resources, paths.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deepCopy } from '../meta/index.ts';
import {
  Correlation,
  dropNulls,
  fieldPath,
  fillDefaults,
  type JsonSchema,
  prune,
  validateEmbedded,
  validateListTypes,
  validateValue,
} from './index.ts';

const root = (spec: JsonSchema): JsonSchema => ({ type: 'object', properties: { spec } });
const object = (properties: Record<string, JsonSchema>, more: JsonSchema = {}): JsonSchema => ({ type: 'object', properties, ...more });
const list = (items: JsonSchema, more: JsonSchema = {}): JsonSchema => ({ type: 'array', items, ...more });
const TEXT: JsonSchema = { type: 'string' };
const preserve: JsonSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const embedded: JsonSchema = { ...preserve, 'x-kubernetes-embedded-resource': true };
const messages = (problems: readonly { field: string; message: string }[]): string[] =>
  problems.map(({ field, message }) => `${field}: ${message}`);

describe('pruning', () => {
  test.each<[string, JsonSchema, Record<string, unknown>, Record<string, unknown>, string[]]>([
    ['unknown fields go', object({ a: TEXT }), { a: '1', b: 2 }, { a: '1' }, ['spec.b']],
    ['preserved ones stay', object({}, preserve), { b: 2 }, { b: 2 }, []],
    [
      'known ones below preserved ones are pruned',
      object({ k: object({}) }, preserve),
      { k: { x: 1 }, y: 2 },
      { k: {}, y: 2 },
      ['spec.k.x'],
    ],
    ['in lists', object({ l: list(object({ v: TEXT })) }), { l: [{ v: '1', u: 2 }] }, { l: [{ v: '1' }] }, ['spec.l[0].u']],
    [
      'in maps',
      object({ m: { type: 'object', additionalProperties: object({ v: {} }) } }),
      { m: { k: { v: 1, u: 2 } } },
      { m: { k: { v: 1 } } },
      ['spec.m.k.u'],
    ],
    [
      'what a map of anything holds is not known',
      object({ m: { type: 'object', additionalProperties: true } }),
      { m: { k: { u: 1 } } },
      { m: { k: {} } },
      ['spec.m.k.u'],
    ],
    ['names of Object.prototype are no fields', object({}), { constructor: 1 }, {}, ['spec.constructor']],
    [
      'metadata of an embedded resource stays',
      object({ e: { ...object({}), 'x-kubernetes-embedded-resource': true } }),
      { e: { kind: 'A', metadata: { x: 1 }, y: 1 } },
      { e: { kind: 'A', metadata: { x: 1 } } },
      ['spec.e.y'],
    ],
  ])('%s', (_, schema, before, after, unknown) => {
    const value = { apiVersion: 'x/v1', kind: 'X', metadata: {}, spec: before };
    expect(prune(value, root(schema))).toEqual(unknown);
    expect(value.spec).toEqual(after);
  });

  test('a key __proto__ is a key as any other', () => {
    const value = JSON.parse('{"spec":{"__proto__":{"x":1}}}') as Record<string, unknown>;
    expect(prune(value, root(object({})))).toEqual(['spec.__proto__']);
    expect(JSON.stringify(value)).toBe('{"spec":{}}');
  });
});

describe('defaults', () => {
  test('fill absent fields and nulls, deeply, and leave what is there', () => {
    const schema = object({
      a: { type: 'string', default: 'A' },
      n: { type: 'string', nullable: true, default: 'N' },
      o: object({ x: { type: 'integer', default: 7 } }),
      l: list(object({ k: { default: 'd' } })),
      m: { type: 'object', additionalProperties: { type: 'integer', default: 3 } },
    });
    const value = { a: null, n: null, o: {}, l: [{}, { k: 'mine' }], m: { x: null } };
    fillDefaults(value, schema);
    expect(value).toEqual({ a: 'A', n: null, o: { x: 7 }, l: [{ k: 'd' }, { k: 'mine' }], m: { x: 3 } });
  });

  test('are copies', () => {
    const schema = object({ o: { type: 'object', default: { x: 1 } } });
    const value: Record<string, any> = {};
    fillDefaults(value, schema);
    value['o'].x = 2;
    expect(schema.properties!['o']!.default).toEqual({ x: 1 });
  });

  test('nulls that may not be are dropped from maps, not from lists', () => {
    const schema = object({ a: TEXT, d: { ...TEXT, default: 'x' }, n: { ...TEXT, nullable: true }, l: list(TEXT) });
    const value = { a: null, d: null, n: null, l: [null], free: null };
    dropNulls(value, schema);
    expect(value).toEqual({ d: null, n: null, l: [null], free: null });
  });
});

describe('validation', () => {
  test.each<[JsonSchema, unknown, string[]]>([
    [{ type: 'object' }, [], ['f: Invalid value: "array":  in body must be of type object: "array"']],
    [TEXT, null, ['f: Invalid value: "null":  in body must be of type string: "null"']],
    [{ ...TEXT, nullable: true }, null, []],
    [{ type: 'integer', minimum: 1 }, 0, ['f: Invalid value: 0:  in body should be greater than or equal to 1']],
    [{ type: 'integer', maximum: 5, exclusiveMaximum: true }, 5, ['f: Invalid value: 5:  in body should be less than 5']],
    [{ type: 'integer', multipleOf: 3 }, 7, ['f: Invalid value: 7:  in body should be a multiple of 3']],
    [{ type: 'number', multipleOf: 0.5 }, 1.25, ['f: Invalid value: 1.25:  in body should be a multiple of 0.5']],
    [{ type: 'integer', format: 'int32' }, 2 ** 31, ['f: Invalid value: "": Checked value must be of type integer with format int32 in ']],
    [{ type: 'integer' }, 2n ** 60n, []],
    [
      { type: 'integer' },
      1.5,
      [
        'f: Invalid value: "number":  in body must be of type integer: "number"',
        'f: Invalid value: "": Checked value must be of type integer (default format) in ',
      ],
    ],
    [
      { type: 'integer' },
      2 ** 60,
      [
        'f: Invalid value: "number":  in body must be of type integer: "number"',
        'f: Invalid value: "": Checked value must be of type integer (default format) in ',
      ],
    ],
    [{ type: 'integer', maximum: 9 }, 2n ** 60n, [`f: Invalid value: ${2n ** 60n}:  in body should be less than or equal to 9`]],
    [{ type: 'number' }, 3, []],
    [{ ...TEXT, enum: ['a', 'b'] }, 'c', ['f: Unsupported value: "c": supported values: "a", "b"']],
    [{ ...TEXT, maxLength: 2 }, 'abc', ['f: Too long: may not be more than 2 bytes']],
    [{ ...TEXT, maxLength: 2 }, '😀é', []],
    [{ ...TEXT, minLength: 2 }, '😀', ['f: Invalid value: "😀":  in body should be at least 2 chars long']],
    [{ ...TEXT, pattern: '^[a-z]+$' }, '1', ['f: Invalid value: "1":  in body should match \'^[a-z]+$\'']],
    [{ ...TEXT, format: 'date' }, '2021-02-30', ['f: Invalid value: "2021-02-30":  in body must be of type date: "2021-02-30"']],
    [{ ...TEXT, format: 'nonsense' }, 'x', []],
    [object({}, { required: ['x'] }), {}, ['f.x: Required value']],
    [object({}, { minProperties: 1 }), {}, ['f: Invalid value: 0:  in body should have at least 1 properties']],
    [object({}, { maxProperties: 1 }), { a: 1, b: 2 }, ['f: Too many: 2: must have at most 1 item']],
    [{ type: 'object', additionalProperties: false }, { a: 1 }, ['f: Invalid value: "a": .a in body is a forbidden property']],
    [object({ a: list(TEXT) }), { a: ['x', 1] }, ['f.a[1]: Invalid value: "integer": a[1] in body must be of type string: "integer"']],
    [list({}, { minItems: 1 }), [], ['f: Invalid value: 0:  in body should have at least 1 items']],
    [list({}, { maxItems: 1 }), [1, 2], ['f: Too many: 2: must have at most 1 item']],
    [list({}, { uniqueItems: true }), [{ a: 1 }, { a: 1 }], ['f: Invalid value: "":  in body shouldn\'t contain duplicates']],
    [{ 'x-kubernetes-int-or-string': true }, '5%', []],
    [{ 'x-kubernetes-int-or-string': true }, true, ['f: Invalid value: "boolean":  in body must be of type integer,string: "boolean"']],
    [{ ...TEXT, not: { enum: ['a'] } }, 'a', ['f: Invalid value: "": "" must not validate the schema (not)']],
    [
      { ...TEXT, oneOf: [{ minLength: 1 }, { pattern: '^a' }] },
      'ab',
      ['f: Invalid value: "": "" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
    ],
    [
      { ...TEXT, anyOf: [{ pattern: '^a' }, { pattern: '^b' }] },
      'c',
      ['f: Invalid value: "": "" must validate at least one schema (anyOf)', 'f: Invalid value: "c":  in body should match \'^a\''],
    ],
    [
      { ...TEXT, allOf: [{ pattern: '^a' }, { minLength: 1 }] },
      'c',
      ['f: Invalid value: "c":  in body should match \'^a\'', 'f: Invalid value: "": "" must validate all the schemas (allOf)'],
    ],
  ])('%j against %j', (schema, value, found) => {
    expect(messages(validateValue(value, schema, { path: 'f' }))).toEqual(found);
  });

  test('findings of a whole object name the fields, and the root as Go does', () => {
    const schema = { ...root(object({ m: { type: 'object', additionalProperties: TEXT } })), minProperties: 5, required: ['z'] };
    expect(messages(validateValue({ spec: { m: { k: 1 } } }, schema))).toEqual([
      '<nil>: Invalid value: 1:  in body should have at least 5 properties',
      'spec.m.k: Invalid value: "integer": spec.m.k in body must be of type string: "integer"',
      'z: Required value',
    ]);
  });
});

describe('what an update did not touch may stay', () => {
  const schema = root(
    object({
      a: { ...TEXT, maxLength: 1 },
      b: { ...TEXT, maxLength: 1 },
      m: list(object({ k: TEXT, v: { type: 'integer', maximum: 1 } }), {
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
      }),
      l: list({ type: 'integer', maximum: 1 }),
    }),
  );
  test.each<[object, object, string[]]>([
    [{ a: 'old', b: '1' }, { a: 'old', b: '2' }, []],
    [{ a: 'old' }, { a: 'new' }, ['spec.a']],
    [{ a: 'old' }, { a: 'old', b: 'new' }, ['spec.b']],
    [
      { m: [{ k: 'x', v: 5 }] },
      {
        m: [
          { k: 'y', v: 1 },
          { k: 'x', v: 5 },
        ],
      },
      [],
    ],
    [{ m: [{ k: 'x', v: 5 }] }, { m: [{ k: 'x', v: 6 }] }, ['spec.m[0].v']],
    [{ l: [5] }, { l: [5], a: '1' }, []],
    [{ l: [5] }, { l: [5, 1] }, ['spec.l[0]']],
  ])('%j to %j', (old, value, fields) => {
    const correlation = new Correlation({ spec: value }, { spec: old }, schema);
    expect(validateValue({ spec: value }, schema, { correlation }).map(({ field }) => field)).toEqual(fields);
  });
});

test.each<[JsonSchema, unknown, string[]]>([
  [list(TEXT, { 'x-kubernetes-list-type': 'set' }), ['a', 'b', 'a', 'a'], ['l[2]: Duplicate value: "a"']],
  [
    list(object({}), { 'x-kubernetes-list-type': 'set' }),
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
    ['l[1]: Duplicate value: {"b":2,"a":1}'],
  ],
  [
    list(object({}), { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] }),
    [{ k: 1 }, {}, { k: 1, v: 2 }, {}],
    ['l[2]: Duplicate value: {"k":1}', 'l[3]: Duplicate value: {}'],
  ],
  [
    list(object({}), { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] }),
    [1],
    ['l[0]: Invalid value: 1: must be an object for an array of list-type map'],
  ],
  [list({}), ['a', 'a'], []],
])('list %#', (schema, value, found) => {
  expect(messages(validateListTypes({ l: value }, object({ l: schema })))).toEqual(found);
});

test('embedded resources have names as any', () => {
  const problems = validateEmbedded(
    { e: { apiVersion: 'a/b/c', kind: 'No Kind', metadata: { name: 'a/b', labels: { '-': '1' } } }, f: {} },
    object({ e: embedded, f: embedded }),
  );
  expect(problems.map(({ field }) => field)).toEqual([
    'e.apiVersion',
    'e.kind',
    'e.metadata.name',
    'e.metadata.labels',
    'f.apiVersion',
    'f.kind',
  ]);
});

describe('paths of rules and selectable fields', () => {
  const schema = object({ a: object({ 'x.y': TEXT }), m: { type: 'object', additionalProperties: TEXT }, l: list(TEXT) });
  test.each<[string, string]>([
    ['.a', 'a'],
    [".a['x.y']", 'a.x.y'],
    [".m['k']", 'm[k]'],
    ['.m.k', 'm[k]'],
    ['.b', 'does not refer to a valid field'],
    ['.l[0]', 'expected single quoted string but got 0'],
    ['.l.x', 'does not refer to a valid field'],
    ['a', 'expected [ or . but got: a'],
    ['.', 'unexpected end of JSON path'],
    [".a['x.y'", 'unexpected end of JSON path'],
  ])('%s', (text, found) => {
    const path = fieldPath(text, schema);
    expect('why' in path ? path.why : path.path).toBe(found);
  });
});

describe('for all schemas and values', () => {
  const leaf = fc.constantFrom<JsonSchema>(
    TEXT,
    { ...TEXT, default: 'd' },
    { ...TEXT, nullable: true, default: 'n', maxLength: 2, pattern: '^[a-c]*$' },
    { type: 'integer', default: 1, minimum: 0 },
    { type: 'boolean' },
    { 'x-kubernetes-int-or-string': true },
    { ...preserve, default: { x: 1 } },
    embedded,
  );
  const keys = fc.constantFrom('a', 'b', 'c', 'constructor', '__proto__');
  const { schema } = fc.letrec<{ schema: JsonSchema }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.dictionary(keys, tie('schema'), { maxKeys: 3 }).map((properties): JsonSchema => ({ type: 'object', properties })),
      tie('schema').map((items) => list(items)),
      tie('schema').map((additionalProperties): JsonSchema => ({ type: 'object', additionalProperties })),
    ),
  }));
  const { json } = fc.letrec<{ json: unknown }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, 0, -1, 1.5, 2n ** 62n, '', 'abc'),
      fc.array(tie('json'), { maxLength: 3 }),
      fc.dictionary(keys, tie('json'), { maxKeys: 4 }),
    ),
  }));
  const shaped = (value: unknown, one: JsonSchema): unknown => {
    const copy = { spec: deepCopy(value) };
    prune(copy, root(one));
    dropNulls(copy, root(one));
    fillDefaults(copy, root(one));
    return copy;
  };

  test('shaping twice is shaping once, where defaults are pruned', () => {
    fc.assert(
      fc.property(schema, json, (one, value) => {
        const once = shaped(value, one) as { spec: unknown };
        expect(shaped(once.spec, one)).toEqual(once);
      }),
    );
  });

  test('validation always answers', () => {
    fc.assert(
      fc.property(schema, json, (one, value) => {
        const whole = { spec: value };
        const problems = validateValue(whole, root(one));
        for (const { field, message } of problems) expect([typeof field, typeof message]).toEqual(['string', 'string']);
        validateListTypes(whole, root(one));
        validateEmbedded(whole, root(one));
      }),
    );
  });
});
