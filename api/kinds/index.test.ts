// The table of kinds is whole: every kind has a schema, every name leads to it.
import { expect, test } from 'vitest';
import { schemaOf } from '../gen/index.ts';
import { kindByGvk, kindFor, kinds } from './index.ts';

test('every kind has a schema and is found by its names', () => {
  for (const kind of kinds) {
    expect(schemaOf(kind), kind.kind).toBeDefined();
    expect(kindFor(kind.group, kind.version, kind.plural)).toBe(kind);
    expect(kindByGvk(kind.group, kind.version, kind.kind)).toBe(kind);
    for (const sub of kind.subresources) if (sub.responseKind) expect(schemaOf(sub.responseKind), sub.name).toBeDefined();
  }
});

test('a group takes part with all of its kinds', () => {
  expect(kindFor('apps', 'v1', 'deployments')).toMatchObject({
    kind: 'Deployment',
    namespaced: true,
    shortNames: ['deploy'],
    categories: ['all'],
  });
  expect(kindFor('', 'v1', 'bindings')?.virtual).toBe(true);
  expect(kindFor('apps', 'v1beta1', 'deployments')).toBeUndefined();
});
