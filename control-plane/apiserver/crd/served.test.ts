// Pure parts of served kinds: the order of versions, paths, columns, what a status settles to.
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import { columnsOf } from './columns.ts';
import { pathGetter } from './jsonpath.ts';
import { validateScaleSpec, validateScaleStatus } from './scale.ts';
import { compareVersions } from './served.ts';
import { statusOf } from './spec.ts';
import { settledStatus } from './status.ts';

const VALUE = {
  spec: {
    a: 'x',
    l: [
      { t: 'a', n: 1 },
      { t: 'b', n: 2 },
    ],
    m: { 'a.b/c': 'dotted' },
  },
};

test.each<[string, unknown[]]>([
  ['.spec.a', ['x']],
  ['.spec.l[0].n', [1]],
  ['.spec.l[-1].n', [2]],
  ['.spec.l[5].n', []],
  ['.spec.l[0:1].t', ['a']],
  ['.spec.l[*].n', [1, 2]],
  ['.spec.l[?(@.t=="b")].n', [2]],
  ['.spec.l[?(@.n>1)].t', ['b']],
  ['.spec.l[?(@.none)].t', []],
  ['..n', [1, 2]],
  ['.spec.m.a\\.b/c', ['dotted']],
  [".spec.m['a.b/c']", ['dotted']],
  ['.spec.none.at.all', []],
  ['.spec.constructor', []],
  ['.spec[', []],
])('path %s', (path, found) => {
  expect(pathGetter(path)(VALUE)).toEqual(found);
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

test.each<[string, unknown, unknown]>([
  ['string', 5, '5'],
  ['string', { a: 1 }, '{"a":1}'],
  ['string', null, '<no value>'],
  ['integer', 1.9, 1],
  ['integer', 'x', null],
  ['number', 2n ** 60n, 2 ** 60],
  ['boolean', true, true],
  ['date', '2020-01-01T00:00:00Z', '10s'],
  ['date', 'soon', '<invalid>'],
  ['date', 5, null],
])('a column of type %s shows %j as %j', (type, value, shown) => {
  const column = columnsOf([{ name: 'X', type, jsonPath: '.v' }])[1]!;
  expect(column.of({ metadata: {}, v: value } as unknown as KubeObject, Date.parse('2020-01-01T00:00:10Z'))).toBe(shown);
});

test('a scale needs whole numbers that are not below 0', () => {
  const paths = { specReplicasPath: '.spec.n', statusReplicasPath: '.status.n', labelSelectorPath: '.status.s' };
  const texts = (object: object): string[] =>
    [...validateScaleSpec(object as KubeObject, paths), ...validateScaleStatus(object as KubeObject, paths)].map(
      ({ field, message }) => `${field} ${message}`,
    );
  expect(texts({ spec: { n: 3 }, status: { n: 0, s: 'a=b' } })).toEqual([]);
  expect(texts({})).toEqual([]);
  expect(texts({ spec: { n: -1 }, status: { n: 2 ** 31 } })).toEqual([
    '.spec.n Invalid value: -1: should be a non-negative integer',
    '.status.n Invalid value: 2147483648: should be less than or equal to 2147483647',
  ]);
  expect(texts({ spec: { n: '3' }, status: { s: 1 } })).toEqual([
    '.spec.n Invalid value: 0: .spec.n accessor error: 3 is of the type string, expected int64',
    '.status.s Invalid value: "": .status.s accessor error: 1 is of the type int64, expected string',
  ]);
});

describe('names of a definition beside others of its group', () => {
  const crd = (plural: string, more: object = {}, group = 'g.example.com'): KubeObject => {
    const kind = plural[0]!.toUpperCase() + plural.slice(1, -1);
    const names = { plural, singular: plural.slice(0, -1), kind, listKind: `${kind}List`, ...more };
    const spec = { group, names, versions: [{ name: 'v1', served: true, storage: true }] };
    return { metadata: { name: `${plural}.${group}` }, spec } as KubeObject;
  };
  const settled = (one: KubeObject): KubeObject => ({ ...one, status: settledStatus(one, [], 't0') });
  const conditions = (one: KubeObject, others: KubeObject[]) =>
    Object.fromEntries(settledStatus(one, others, 't1').conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));

  test('alone all are accepted', () => {
    expect(conditions(crd('widgets'), [])).toEqual({ NamesAccepted: 'True NoConflicts', Established: 'True InitialNamesAccepted' });
  });

  test.each<[string, object, string]>([
    ['a kind', { kind: 'Gadget' }, 'KindConflict'],
    ['a list kind', { listKind: 'GadgetList' }, 'ListKindConflict'],
    ['a singular', { singular: 'gadgets' }, 'SingularConflict'],
    ['a short name', { shortNames: ['free', 'gadget'] }, 'ShortNamesConflict'],
  ])('%s that is taken', (_, names, reason) => {
    const one = crd('widgets', names);
    expect(conditions(one, [settled(crd('gadgets'))])).toEqual({ NamesAccepted: `False ${reason}`, Established: 'False NotAccepted' });
  });

  test('what is free is accepted in spite of a conflict', () => {
    const { acceptedNames } = settledStatus(crd('widgets', { kind: 'Gadget' }), [settled(crd('gadgets'))], 't1');
    expect(acceptedNames).toEqual({ plural: 'widgets', singular: 'widget', kind: '', listKind: 'WidgetList' });
  });

  test('an established one stays so, and keeps the time of its conditions', () => {
    const one = settled(crd('widgets'));
    (one['spec'] as { names: { shortNames?: string[] } }).names.shortNames = ['gadget'];
    const status = settledStatus(one, [settled(crd('gadgets'))], 't1');
    expect(status.conditions.map(({ type, status, lastTransitionTime }) => [type, status, lastTransitionTime])).toEqual([
      ['NamesAccepted', 'False', 't1'],
      ['Established', 'True', 't0'],
    ]);
  });

  test('a webhook without a usable authority is not established', () => {
    const one = crd('widgets');
    const clientConfig = { url: 'https://x', caBundle: Buffer.from('no').toString('base64') };
    one['spec'] = { ...one['spec'], conversion: { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } } };
    expect(conditions(one, [])).toMatchObject({ Established: 'False InvalidCABundle' });
  });

  test.each<[Record<string, string>, string]>([
    [{}, 'False MissingAnnotation'],
    [{ 'api-approved.kubernetes.io': 'unapproved, a test' }, 'False UnapprovedAnnotation'],
    [{ 'api-approved.kubernetes.io': 'https://example.com/1' }, 'True ApprovedAnnotation'],
    [{ 'api-approved.kubernetes.io': 'yes' }, 'False InvalidAnnotation'],
  ])('a group of the community with %j', (annotations, shown) => {
    const one = crd('widgets', {}, 'x.k8s.io');
    one.metadata.annotations = annotations;
    expect(conditions(one, [])).toMatchObject({ KubernetesAPIApprovalPolicyConformant: shown });
  });

  test('lists of a status that nobody wrote may be null', () => {
    expect(statusOf({ metadata: {}, status: { conditions: null, storedVersions: null } } as unknown as KubeObject)).toEqual({
      conditions: [],
      storedVersions: [],
    });
  });
});
