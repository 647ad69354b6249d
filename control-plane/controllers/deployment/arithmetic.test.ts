import { describe, expect, test } from 'vitest';
import type { Deployment, ReplicaSet } from '../../../api/gen/types/apps.v1.ts';
import { fenceposts, newSetReplicas, proportionalSizes, shrinkOldSets } from './arithmetic.ts';

const deployment = (replicas: number, maxSurge: number | string, maxUnavailable: number | string): Deployment => ({
  metadata: { name: 'd' },
  spec: { replicas, selector: {}, template: {} as never, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } } },
});
const set = (name: string, replicas: number, availableReplicas = replicas, maximum?: number): ReplicaSet => ({
  metadata: {
    name,
    creationTimestamp: `2026-01-01T00:00:0${name.length}Z`,
    annotations: maximum ? { 'deployment.kubernetes.io/max-replicas': String(maximum) } : {},
  },
  spec: { replicas, selector: {} },
  status: { replicas, availableReplicas },
});
const sizes = (resizes: { set: ReplicaSet; replicas: number }[]) =>
  Object.fromEntries(resizes.map(({ set: { metadata }, replicas }) => [metadata.name, replicas]));

test.each([
  [10, '25%', '25%', { surge: 3, unavailable: 2 }],
  [2, 0, 0, { surge: 0, unavailable: 1 }],
  [4, 0, '10%', { surge: 0, unavailable: 1 }],
  [3, '100%', '100%', { surge: 3, unavailable: 3 }],
])('%i replicas with surge %s and unavailable %s', (replicas, surge, unavailable, expected) => {
  expect(fenceposts(deployment(replicas, surge, unavailable))).toEqual(expected);
});

test.each([
  ['the first set gets all', deployment(3, 1, 0), [], 0, 3],
  ['the surge is the room beside the old pods', deployment(3, 1, 0), [set('o', 3)], 0, 1],
  ['no room, no growth', deployment(3, 1, 0), [set('o', 3), set('nn', 1)], 1, 1],
  ['never more than wanted', deployment(3, 5, 0), [set('o', 1), set('nn', 2)], 2, 3],
])('%s', (_, wanted, all, now, expected) => {
  expect(newSetReplicas(wanted, all, now)).toBe(expected);
});

describe('old sets shrink', () => {
  test.each<[string, Deployment, ReplicaSet, ReplicaSet[], Record<string, number>]>([
    ['not while the new pods are not available', deployment(3, 1, 0), set('new', 1, 0), [set('o', 3)], {}],
    ['by one for each new pod', deployment(3, 1, 0), set('new', 1), [set('o', 3)], { o: 2 }],
    ['at once as far as unavailability allows', deployment(4, 0, 2), set('new', 0), [set('o', 4)], { o: 2 }],
    ['unhealthy pods first', deployment(3, 1, 1), set('new', 1, 0), [set('o', 2), set('oo', 1, 0)], { oo: 0 }],
    ['the oldest set first', deployment(4, 2, 0), set('new', 2), [set('oo', 2), set('o', 2)], { o: 0 }],
  ])('%s', (_, wanted, newSet, old, expected) => {
    expect(sizes(shrinkOldSets(wanted, newSet, old))).toEqual(expected);
  });
});

test('scaling in mid-rollout gives each set its share, the rest to the largest', () => {
  // 10 with surge 3 were 8 + 5; scaled to 15 they share 18.
  const grown = proportionalSizes(deployment(15, 3, 2), [set('o', 8, 8, 13), set('nn', 5, 0, 13)]);
  expect(sizes(grown)).toEqual({ o: 11, nn: 7 });
  const shrunk = proportionalSizes(deployment(5, 3, 2), [set('o', 8, 8, 13), set('nn', 5, 0, 13)]);
  expect(sizes(shrunk)).toEqual({ o: 5, nn: 3 });
  expect(sizes(proportionalSizes(deployment(0, 3, 2), [set('o', 8, 8, 13), set('nn', 5, 0, 13)]))).toEqual({ o: 0, nn: 0 });
});
