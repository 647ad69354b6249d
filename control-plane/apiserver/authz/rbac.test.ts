import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import { fakeReader } from '../fake-reader.ts';
import type { Attributes, UserInfo } from '../request.ts';
import type { Question } from './authorizer.ts';
import { bootstrapObjects } from './bootstrap.ts';
import { escalationPlugin } from './escalation.ts';
import { createRbacAuthorizer } from './rbac.ts';
import { refusal } from './refusal.ts';

const V1 = 'rbac.authorization.k8s.io/v1';
const role = (kind: string, name: string, namespace: string, rules: object[], more: object = {}): KubeObject => ({
  apiVersion: V1,
  kind,
  metadata: { name, ...(namespace ? { namespace } : {}) },
  rules,
  ...more,
});
const binding = (kind: string, name: string, namespace: string, ref: string, ...subjects: object[]): KubeObject => ({
  apiVersion: V1,
  kind,
  metadata: { name, ...(namespace ? { namespace } : {}) },
  roleRef: { kind: ref.split('/')[0], name: ref.split('/')[1] },
  subjects,
});
const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups });
const question = (who: UserInfo, verb: string, resource: string, namespace = '', more: Partial<Question> = {}): Question => ({
  user: who,
  verb,
  group: '',
  version: 'v1',
  resource,
  subresource: '',
  namespace,
  name: '',
  path: '',
  isResource: true,
  ...more,
});

const objects = [
  ...bootstrapObjects(),
  role('Role', 'reader', 'a', [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] }]),
  binding('RoleBinding', 'readers', 'a', 'Role/reader', { kind: 'User', name: 'jane' }, { kind: 'ServiceAccount', name: 'robot' }),
  binding('RoleBinding', 'viewers', 'b', 'ClusterRole/view', { kind: 'Group', name: 'dev' }),
  binding('ClusterRoleBinding', 'lost', '', 'ClusterRole/none', { kind: 'User', name: 'jane' }),
];
const authorizer = createRbacAuthorizer(fakeReader(objects));

test.each<[string, Question, boolean, string]>([
  [
    'bound in the namespace',
    question(user('jane'), 'list', 'pods', 'a'),
    true,
    'RBAC: allowed by RoleBinding "readers/a" of Role "reader" to User "jane"',
  ],
  ['not in another', question(user('jane'), 'list', 'pods', 'b'), false, ''],
  ['not for the cluster', question(user('jane'), 'list', 'pods'), false, ''],
  [
    'a service account of the namespace',
    question(user('system:serviceaccount:a:robot'), 'get', 'pods', 'a'),
    true,
    'RBAC: allowed by RoleBinding "readers/a" of Role "reader" to ServiceAccount "robot/a"',
  ],
  ['its namesake elsewhere', question(user('system:serviceaccount:b:robot'), 'get', 'pods', 'a'), false, ''],
  [
    'a cluster role within a namespace',
    question(user('x', 'dev'), 'watch', 'services', 'b'),
    true,
    'RBAC: allowed by RoleBinding "viewers/b" of ClusterRole "view" to Group "dev"',
  ],
  ['view shows no secrets', question(user('x', 'dev'), 'get', 'secrets', 'b'), false, ''],
  ['masters do everything', question(user('x', 'system:masters'), 'delete', 'nodes'), true, ''],
  [
    'anybody sees the version',
    question(user('system:anonymous', 'system:unauthenticated'), 'get', '', '', { isResource: false, path: '/version' }),
    true,
    'RBAC: allowed by ClusterRoleBinding "system:public-info-viewer" of ClusterRole "system:public-info-viewer" to Group "system:unauthenticated"',
  ],
  [
    'but not the kinds',
    question(user('system:anonymous', 'system:unauthenticated'), 'get', '', '', { isResource: false, path: '/apis' }),
    false,
    '',
  ],
])('%s', (_, asked, allowed, reason) => {
  expect(authorizer.authorize(asked)).toEqual({ allowed, reason });
});

test('an aggregated role follows what it selects', () => {
  const aggregate = role('ClusterRole', 'all', '', [], { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: 'yes' } }] } });
  const part = role('ClusterRole', 'part', '', [{ verbs: ['get'], apiGroups: ['x.io'], resources: ['foos'] }]);
  part.metadata.labels = { part: 'yes' };
  const { authorize } = createRbacAuthorizer(
    fakeReader([aggregate, part, binding('ClusterRoleBinding', 'b', '', 'ClusterRole/all', { kind: 'User', name: 'u' })]),
  );
  expect(authorize(question(user('u'), 'get', 'foos', '', { group: 'x.io' })).allowed).toBe(true);
});

test.each<[Partial<Question>, string, object]>([
  [
    { verb: 'list', namespace: 'b' },
    'pods is forbidden: User "u" cannot list resource "pods" in API group "" in the namespace "b"',
    { kind: 'pods' },
  ],
  [
    { verb: 'get', name: 'x', subresource: 'log', namespace: 'b' },
    'pods "x" is forbidden: User "u" cannot get resource "pods/log" in API group "" in the namespace "b"',
    { kind: 'pods', name: 'x' },
  ],
  [
    { verb: 'list', resource: 'foos', group: 'x.io' },
    'foos.x.io is forbidden: User "u" cannot list resource "foos" in API group "x.io" at the cluster scope',
    { kind: 'foos', group: 'x.io' },
  ],
  [{ verb: 'get', isResource: false, path: '/api' }, 'forbidden: User "u" cannot get path "/api"', {}],
])('a refusal says who may not do what: %o', (more, message, details) => {
  const error = refusal(question(user('u'), 'get', 'pods', '', more));
  expect({ code: error.code, message: error.message, details: error.details }).toEqual({ code: 403, message, details });
});

describe('nobody grants more than they hold', () => {
  const plugin = escalationPlugin(authorizer, fakeReader(objects));
  const write = async (kind: string, object: KubeObject, who = user('jane', 'system:authenticated')) =>
    plugin.validate!({
      operation: 'CREATE',
      kind: { group: 'rbac.authorization.k8s.io', kind, plural: `${kind.toLowerCase()}s` },
      subresource: '',
      namespace: 'a',
      name: object.metadata.name,
      object,
      user: who,
      dryRun: false,
      warnings: [],
      annotate: () => {},
      options: {},
    } as unknown as Attributes);

  test('what is held may be granted', async () => {
    await write('Role', role('Role', 'ok', 'a', [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }]));
    await write('RoleBinding', binding('RoleBinding', 'ok', 'a', 'Role/reader', { kind: 'User', name: 'x' }));
  });
  test('what is not held is told', async () => {
    const more = role('Role', 'bad', 'a', [{ verbs: ['get', 'delete'], apiGroups: [''], resources: ['pods'] }]);
    await expect(write('Role', more)).rejects.toThrow(
      'roles.rbac.authorization.k8s.io "bad" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}',
    );
    await expect(write('RoleBinding', binding('RoleBinding', 'bad', 'a', 'ClusterRole/edit', { kind: 'User', name: 'x' }))).rejects.toThrow(
      'not currently held',
    );
  });
  test('a binding to nothing is not found', async () => {
    await expect(write('RoleBinding', binding('RoleBinding', 'b', 'a', 'Role/nope', { kind: 'User', name: 'x' }))).rejects.toMatchObject({
      code: 404,
    });
  });
  test('masters are not asked', async () => {
    await write('Role', role('Role', 'r', 'a', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]), user('admin', 'system:masters'));
  });
});

test('a binding that comes later counts at once', () => {
  const held: KubeObject[] = [...bootstrapObjects()];
  const reader = { ...fakeReader(held), version: () => held.length };
  const jane = user('jane');
  const { authorize } = createRbacAuthorizer(reader);
  expect(authorize(question(jane, 'get', 'pods', 'a')).allowed).toBe(false);
  held.push(
    binding('ClusterRoleBinding', 'x', '', 'ClusterRole/view', { kind: 'Group', name: 'other' }, { kind: 'User', name: 'jane' }),
    binding('ClusterRoleBinding', 'y', '', 'ClusterRole/view', { kind: 'ServiceAccount', name: 'robot', namespace: 'n' }),
  );
  expect(authorize(question(jane, 'get', 'pods', 'a'))).toEqual({
    allowed: true,
    reason: 'RBAC: allowed by ClusterRoleBinding "x" of ClusterRole "view" to User "jane"',
  });
  expect(authorize(question(user('system:serviceaccount:n:robot'), 'get', 'pods', 'a')).reason).toBe(
    'RBAC: allowed by ClusterRoleBinding "y" of ClusterRole "view" to ServiceAccount "robot/n"',
  );
  held.splice(-2);
  expect(authorize(question(jane, 'get', 'pods', 'a')).allowed).toBe(false);
});
