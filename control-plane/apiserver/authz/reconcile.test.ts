import { expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import { bootstrapObjects } from './bootstrap.ts';
import { reconciled } from './reconcile.ts';

const all = bootstrapObjects();
const named = (kind: string, name: string): KubeObject =>
  structuredClone(all.find((one) => one.kind === kind && one.metadata.name === name)!);

test('what is as it should be is not written', () => {
  for (const object of all) expect(reconciled(object, object), object.metadata.name!).toBeUndefined();
});

test('missing rules come back, added ones stay', () => {
  const wanted = named('ClusterRole', 'system:node-proxier');
  const own = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };
  const present = { ...wanted, rules: [...(wanted['rules'] as object[]).slice(1), own] };
  const next = reconciled(present, wanted)!;
  expect(next['rules']).toContainEqual(own);
  expect(reconciled(next, wanted)).toBeUndefined();
  const wide = { ...wanted, rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] };
  expect(reconciled(wide, wanted)).toBeUndefined();
});

test('missing subjects come back, added ones stay; another role is somebody else’s wish', () => {
  const wanted = named('ClusterRoleBinding', 'system:discovery');
  const own = { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'jane' };
  expect(reconciled({ ...wanted, subjects: [own] }, wanted)!['subjects']).toEqual([own, ...(wanted['subjects'] as object[])]);
  expect(reconciled({ ...wanted, subjects: [], roleRef: { name: 'view' } }, wanted)).toBeUndefined();
});

test('labels come back; an annotation says hands off', () => {
  const wanted = named('ClusterRole', 'view');
  const bare = { ...wanted, metadata: { ...wanted.metadata, labels: { mine: 'x' } } };
  expect(reconciled(bare, wanted)!.metadata.labels).toEqual({ mine: 'x', ...wanted.metadata.labels });
  const off = { ...bare, metadata: { ...bare.metadata, annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } } };
  expect(reconciled(off, wanted)).toBeUndefined();
});

test('every controller has its role, bound to its account', () => {
  const roles = all.filter(({ kind, metadata }) => kind === 'ClusterRole' && metadata.name!.startsWith('system:controller:'));
  expect(roles.length).toBeGreaterThan(30);
  for (const { metadata } of roles) {
    const binding = named('ClusterRoleBinding', metadata.name!);
    expect(binding['subjects']).toEqual([
      { kind: 'ServiceAccount', name: metadata.name!.replace('system:controller:', ''), namespace: 'kube-system' },
    ]);
  }
  const names = all.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
  expect(new Set(names).size).toBe(names.length);
});
