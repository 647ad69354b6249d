import { expect, test } from 'vitest';
import { conditionsOf, type Remaining } from './conditions.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const nothing: Remaining = { resources: new Map(), finalizers: new Map(), failures: [], undiscovered: new Map() };
const told = (remaining: Partial<Remaining>) =>
  conditionsOf([], { ...nothing, ...remaining }, NOW)
    .filter(({ status }) => status === 'True')
    .map(({ type, reason, message }) => `${type} ${reason}: ${message}`);

test.each<[string, Partial<Remaining>, string[]]>([
  ['nothing is left', {}, []],
  [
    'extension servers that are not there',
    {
      undiscovered: new Map([
        ['b.io/v1', 'stale GroupVersion discovery: b.io/v1'],
        ['a.io/v1', 'no'],
      ]),
    },
    [
      'NamespaceDeletionDiscoveryFailure DiscoveryFailed: Discovery failed for some groups, 2 failing: unable to retrieve the complete list of server APIs: a.io/v1: no, b.io/v1: stale GroupVersion discovery: b.io/v1',
    ],
  ],
  [
    'objects with finalizers',
    { resources: new Map([['pods.', 2]]), finalizers: new Map([['x/y', 2]]) },
    [
      'NamespaceContentRemaining SomeResourcesRemain: Some resources are remaining: pods. has 2 resource instances',
      'NamespaceFinalizersRemaining SomeFinalizersRemain: Some content in the namespace has finalizers remaining: x/y in 2 resource instances',
    ],
  ],
  [
    'what cannot be deleted',
    { failures: ['b', 'a'] },
    ['NamespaceDeletionContentFailure ContentDeletionFailed: Failed to delete all resource types, 2 remaining: a, b'],
  ],
])('%s', (_, remaining, expected) => {
  expect(told(remaining)).toEqual(expected);
});

test('the time of a condition stays while it says the same', () => {
  const before = conditionsOf([], nothing, NOW);
  expect(conditionsOf(before, nothing, NOW + 60_000)).toEqual(before);
});
