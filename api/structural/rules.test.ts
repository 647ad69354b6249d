// CEL rules at work: where they run, what they say, what an update forgives, when they stop.
import { describe, expect, test } from 'vitest';
import { Correlation } from './correlation.ts';
import { SchemaRules } from './rules.ts';
import type { JsonSchema, ValidationRule } from './schema.ts';

const text = (...rules: ValidationRule[]): JsonSchema => ({ type: 'string', 'x-kubernetes-validations': rules });
const spec = (properties: Record<string, JsonSchema>, ...rules: ValidationRule[]): JsonSchema => ({
  type: 'object',
  properties: { spec: { type: 'object', properties, 'x-kubernetes-validations': rules } },
});
const found = (schema: JsonSchema, value: unknown, old?: unknown) => {
  const correlation = old === undefined ? undefined : new Correlation({ spec: value }, { spec: old }, schema);
  const { problems, warnings } = new SchemaRules(schema, true).check({ spec: value }, old === undefined ? undefined : { spec: old }, {
    correlation,
  });
  return { problems: problems.map(({ field, message }) => `${field}: ${message}`), warnings };
};
const isA: ValidationRule = { rule: "self == 'a'" };

describe('a rule that fails', () => {
  test.each<[string, JsonSchema, object, string[]]>([
    ['shows its text', spec({ t: text(isA) }), { t: 'b' }, ['spec.t: Invalid value: "b": failed rule: self == \'a\'']],
    ['shows its message', spec({ t: text({ ...isA, message: 'only a' }) }), { t: 'b' }, ['spec.t: Invalid value: "b": only a']],
    [
      'makes its message',
      spec({ t: text({ ...isA, message: 'x', messageExpression: "'not ' + self" }) }),
      { t: 'b' },
      ['spec.t: Invalid value: "b": not b'],
    ],
    [
      'falls back to its message',
      spec({ t: text({ ...isA, message: 'x', messageExpression: "' '" }) }),
      { t: 'b' },
      ['spec.t: Invalid value: "b": x'],
    ],
    [
      'blames another field',
      spec({ t: { type: 'string' } }, { rule: 'has(self.t)', fieldPath: '.t', reason: 'FieldValueRequired', message: 'm' }),
      {},
      ['spec.t: Required value: m'],
    ],
    ['does not print objects', spec({}, { rule: 'false', message: 'm' }), {}, ['spec: Invalid value: m']],
    ['may call it a duplicate', spec({ t: text({ ...isA, reason: 'FieldValueDuplicate' }) }), { t: 'b' }, ['spec.t: Duplicate value: "b"']],
    [
      'tells its error',
      spec({ t: { type: 'string' } }, { rule: "self.t == 'a'" }),
      {},
      ['spec: Invalid value: "object": no such key: t evaluating rule: self.t == \'a\''],
    ],
    [
      'runs for items',
      spec({ l: { type: 'array', items: text(isA) } }),
      { l: ['a', 'b'] },
      ['spec.l[1]: Invalid value: "b": failed rule: self == \'a\''],
    ],
    [
      'runs for values',
      spec({ m: { type: 'object', additionalProperties: text(isA) } }),
      { m: { k: 'b' } },
      ['spec.m[k]: Invalid value: "b": failed rule: self == \'a\''],
    ],
    ['does not run for null', spec({ t: { ...text(isA), nullable: true } }), { t: null }, []],
  ])('%s', (_, schema, value, problems) => {
    expect(found(schema, value).problems).toEqual(problems);
  });
});

describe('on an update', () => {
  const frozen: ValidationRule = { rule: 'self == oldSelf', message: 'immutable' };
  const keyed = (items: JsonSchema): JsonSchema => ({
    type: 'array',
    items,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['k'],
  });

  test('what was wrong and is unchanged is a warning', () => {
    const schema = spec({ t: text(isA), u: { type: 'string' } });
    expect(found(schema, { t: 'b', u: '2' }, { t: 'b', u: '1' })).toEqual({
      problems: [],
      warnings: ['spec.t: Invalid value: "b": failed rule: self == \'a\''],
    });
    expect(found(schema, { t: 'c' }, { t: 'b' }).problems).toHaveLength(1);
  });

  test('rules about changes run where there was something', () => {
    const schema = spec({ t: text(frozen) });
    expect(found(schema, { t: 'b' }, { t: 'a' }).problems).toEqual(['spec.t: Invalid value: "b": immutable']);
    expect(found(schema, { t: 'b' }, {}).problems).toEqual([]);
    expect(found(schema, { t: 'b' }).problems).toEqual([]);
  });

  test('an optional old value is always there', () => {
    const schema = spec({ t: text({ rule: "oldSelf.hasValue() || self == 'first'", optionalOldSelf: true, message: 'm' }) });
    expect(found(schema, { t: 'x' }).problems).toEqual(['spec.t: Invalid value: "x": m']);
    expect(found(schema, { t: 'first' }).problems).toEqual([]);
    expect(found(schema, { t: 'x' }, { t: 'first' }).problems).toEqual([]);
  });

  test('items of a map are found by their key', () => {
    const item: JsonSchema = { type: 'object', properties: { k: { type: 'string' }, v: text(frozen) } };
    const schema = spec({ l: keyed(item) });
    const old = {
      l: [
        { k: 'x', v: '1' },
        { k: 'y', v: '2' },
      ],
    };
    expect(
      found(
        schema,
        {
          l: [
            { k: 'y', v: '2' },
            { k: 'x', v: '3' },
          ],
        },
        old,
      ).problems,
    ).toEqual(['spec.l[1].v: Invalid value: "3": immutable']);
  });
});

test('rules of the root see names, kind and apiVersion', () => {
  const schema: JsonSchema = {
    type: 'object',
    'x-kubernetes-validations': [{ rule: "self.metadata.name == self.kind + '-' + self.apiVersion" }],
  };
  const check = (name: string) =>
    new SchemaRules(schema, true).check({ apiVersion: 'v', kind: 'K', metadata: { name } }, undefined).problems;
  expect(check('K-v')).toEqual([]);
  expect(check('x')).toHaveLength(1);
});

test('when the budget is used up nothing runs any more', () => {
  const schema = spec({ l: { type: 'array', items: text({ rule: 'self.size() > 0' }) } });
  const { problems, remaining } = new SchemaRules(schema, true).check({ spec: { l: ['a', 'b', 'c', ''] } }, undefined, { budget: 5 });
  expect(remaining).toBeLessThan(0);
  expect(problems.map(({ message }) => message)).toEqual([
    'Invalid value: "string": validation failed due to running out of cost budget, no further validation rules will be run',
  ]);
});
