import { expect, test } from 'vitest';
import type { StatefulSet } from '../../../api/gen/types/apps.v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../../api/gen/types/core.v1.ts';
import type { OwnerReference } from '../../../api/meta/index.ts';
import { isStaleFor, judgeClaim } from './claim-owners.ts';

const setOf = (whenDeleted: string, whenScaled: string): StatefulSet =>
  ({ metadata: { name: 's', uid: 's1' }, spec: { persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } } }) as StatefulSet;
const pod: Pod = { metadata: { name: 's-0', uid: 'p1' } };
const claimOf = (...ownerReferences: OwnerReference[]): PersistentVolumeClaim => ({ metadata: { name: 'd-s-0', ownerReferences } });
const controls = { controller: true, blockOwnerDeletion: true };
const bySet: OwnerReference = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 's', uid: 's1', ...controls };
const byPod: OwnerReference = { apiVersion: 'v1', kind: 'Pod', name: 's-0', uid: 'p1', ...controls };
const byMap: OwnerReference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'm', uid: 'm1' };

test.each<[string, [whenDeleted: string, whenScaled: string], OwnerReference[], here: unknown, away: unknown]>([
  ['nothing to do', ['Retain', 'Retain'], [], undefined, undefined],
  ['no policy any more', ['Retain', 'Retain'], [bySet, byMap], [byMap], [byMap]],
  ['goes with the set', ['Delete', 'Retain'], [], [bySet], [bySet]],
  ['goes with its pod', ['Retain', 'Delete'], [], undefined, [byPod]],
  ['goes with either', ['Delete', 'Delete'], [byMap, bySet], undefined, [byMap, byPod]],
  ['its pod is wanted again', ['Delete', 'Delete'], [byPod], [bySet], undefined],
  ['owned, but not controlled', ['Delete', 'Retain'], [{ ...bySet, controller: false }], [bySet], [bySet]],
  ['a set of that name before', ['Delete', 'Delete'], [{ ...bySet, uid: 's0' }], undefined, undefined],
  ['a pod of that name before', ['Delete', 'Delete'], [{ ...byPod, uid: 'p0' }], undefined, undefined],
])('%s', (_, policy, present, here, away) => {
  const set = setOf(...policy);
  expect(judgeClaim(claimOf(...present), set, pod, false)).toEqual({ conflict: false, ...(here ? { owners: here } : {}) });
  expect(judgeClaim(claimOf(...present), set, pod, true)).toEqual({ conflict: false, ...(away ? { owners: away } : {}) });
});

test('another controller keeps its claim', () => {
  const other = { ...byMap, controller: true };
  expect(judgeClaim(claimOf(other), setOf('Delete', 'Delete'), pod, true)).toEqual({ conflict: true });
  expect(judgeClaim(claimOf(byPod, other), setOf('Delete', 'Delete'), pod, true)).toEqual({ conflict: true, owners: [other] });
  expect(judgeClaim(claimOf(other), setOf('Retain', 'Retain'), pod, true)).toEqual({ conflict: false });
});

test('a claim that goes with an earlier pod is not for the next one', () => {
  expect(isStaleFor(claimOf(byPod), setOf('Retain', 'Delete'), 's-0')).toBe(true);
  expect(isStaleFor(claimOf(byPod), setOf('Retain', 'Retain'), 's-0')).toBe(false);
  expect(isStaleFor(claimOf(bySet), setOf('Delete', 'Delete'), 's-0')).toBe(false);
});
