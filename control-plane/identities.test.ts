// Every part of the process acts as a user of its own, and the roles that every cluster has name that user.
import { expect, test } from 'vitest';
import { bootstrapObjects } from './apiserver/authz/index.ts';
import { identityOf } from './apiserver/index.ts';
import { controllers } from './controllers/index.ts';

const bound = (name: string): boolean =>
  bootstrapObjects().some(({ subjects = [] }) =>
    (subjects as { kind: string; name: string; namespace?: string }[]).some((subject) =>
      subject.kind === 'ServiceAccount' ? name === `system:serviceaccount:${subject.namespace}:${subject.name}` : name === subject.name,
    ),
  );

test.each(controllers.map(({ name, user }) => [name, user]))('%s acts as %s', (_, user) => {
  const { groups } = identityOf(user);
  expect(groups.includes('system:masters')).toBe(user === 'system:apiserver');
  expect(user === 'system:apiserver' || bound(user)).toBe(true);
});

test('a service account has the groups of its token, others those of a certificate', () => {
  expect(identityOf('system:serviceaccount:kube-system:ttl-controller').groups).toEqual([
    'system:serviceaccounts',
    'system:serviceaccounts:kube-system',
    'system:authenticated',
  ]);
  expect(identityOf('system:kube-scheduler').groups).toEqual(['system:authenticated']);
});
