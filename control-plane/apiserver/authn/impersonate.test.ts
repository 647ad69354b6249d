import { describe, expect, test } from 'vitest';
import type { Authorizer } from '../authz/index.ts';
import type { ApiRequest, UserInfo } from '../request.ts';
import { impersonateStage } from './impersonate.ts';

/** Each right: verb, group/resource[/sub-resource], name; `*` for any name. */
type Right = readonly [verb: string, resource: string, name: string];

const authorizerOf = (rights: readonly Right[]): Authorizer => ({
  authorize({ verb, group, resource, subresource, name, user }) {
    const about = subresource === '' ? `${group}/${resource}` : `${group}/${resource}/${subresource}`;
    const holds = ([v, r, n]: Right) => v === verb && r === about && (n === '*' || n === name);
    return { allowed: user.groups.includes('system:masters') || rights.some(holds), reason: '' };
  },
  rulesFor: () => [],
});

const AGENT: UserInfo = {
  name: 'system:serviceaccount:kube-system:agent',
  groups: [],
  extra: { 'authentication.kubernetes.io/node-name': ['n1'] },
};
const X: UserInfo = { name: 'x', groups: [] };
const MASTER: UserInfo = { name: 'm', groups: ['system:masters'] };

async function actAs(
  lines: readonly (readonly [string, string])[],
  user: UserInfo,
  rights: readonly Right[] = [],
  stage = impersonateStage(authorizerOf(rights)),
): Promise<ApiRequest> {
  const headers: Record<string, string> = {};
  for (const [name, value] of lines) headers[name.toLowerCase()] = value;
  const info = { isResource: true, verb: 'list', resource: 'pods', group: '', version: 'v1', namespace: 'n', name: '', subresource: '' };
  const request = { headers, rawHeaders: lines.flat(), query: new URLSearchParams(), user, info } as unknown as ApiRequest;
  await stage.handle(request, async () => ({ status: 200 }));
  return request;
}

const JANE = [['Impersonate-User', 'jane']] as const;
const ALL = 'authentication.k8s.io';

describe('who it is then', () => {
  test.each<[string, readonly (readonly [string, string])[], object]>([
    ['a user', JANE, { name: 'jane', groups: ['system:authenticated'] }],
    [
      'lines of one header, commas inside a value',
      [...JANE, ['Impersonate-Group', 'cn=dev,dc=org'], ['Impersonate-Group', 'ops'], ['Impersonate-Uid', '7']],
      { name: 'jane', uid: '7', groups: ['cn=dev,dc=org', 'ops', 'system:authenticated'] },
    ],
    [
      'keys that are escaped',
      [...JANE, ['Impersonate-Extra-A.b%2fc', 'v, w'], ['impersonate-extra-a.b%2Fc', 'x']],
      { name: 'jane', groups: ['system:authenticated'], extra: { 'a.b/c': ['v, w', 'x'] } },
    ],
    ['UTF-8', [['Impersonate-User', Buffer.from('jürgen 日').toString('latin1')]], { name: 'jürgen 日', groups: ['system:authenticated'] }],
    ['bytes that are none', [['Impersonate-User', 'j\xfcrgen']], { name: 'j\xfcrgen', groups: ['system:authenticated'] }],
    [
      'a service account',
      [['Impersonate-User', 'system:serviceaccount:n:x']],
      { name: 'system:serviceaccount:n:x', groups: ['system:serviceaccounts', 'system:serviceaccounts:n', 'system:authenticated'] },
    ],
    ['a node', [['Impersonate-User', 'system:node:n9']], { name: 'system:node:n9', groups: ['system:nodes', 'system:authenticated'] }],
    ['nobody', [['Impersonate-User', 'system:anonymous']], { name: 'system:anonymous', groups: ['system:unauthenticated'] }],
    [
      'a member of the unauthenticated',
      [...JANE, ['Impersonate-Group', 'system:unauthenticated']],
      { name: 'jane', groups: ['system:unauthenticated'] },
    ],
  ])('%s', async (_, lines, user) => {
    expect((await actAs(lines, MASTER)).user).toEqual(user);
  });

  test('no header, nobody else', async () => {
    expect((await actAs([['Accept', '*/*']], X)).user).toBe(X);
  });
});

describe('what allows it', () => {
  const list = (mode: string): Right => [`impersonate-on:${mode}:list`, '/pods', '*'];
  const may = (mode: string, resource: string, name: string): Right => [`impersonate:${mode}`, `${ALL}/${resource}`, name];
  const NODE = [['Impersonate-User', 'system:node:n1']] as const;
  const ACCOUNT = [['Impersonate-User', 'system:serviceaccount:n:x']] as const;
  const groups = ['a', 'b', 'c', 'd'].map((group) => ['Impersonate-Group', group] as const);

  test.each<[string, readonly (readonly [string, string])[], UserInfo, Right[], string | undefined]>([
    ['the old verb, for every action', JANE, X, [['impersonate', '/users', 'jane']], undefined],
    ['a user for one action', JANE, X, [list('user-info'), may('user-info', 'users', 'jane')], 'impersonate:user-info'],
    ['the node of the asker', NODE, AGENT, [list('associated-node'), may('associated-node', 'nodes', '*')], 'impersonate:associated-node'],
    ['any node', NODE, X, [list('arbitrary-node'), may('arbitrary-node', 'nodes', 'n1')], 'impersonate:arbitrary-node'],
    ['an account', ACCOUNT, X, [list('serviceaccount'), may('serviceaccount', 'serviceaccounts', 'x')], 'impersonate:serviceaccount'],
    [
      'many groups as all',
      [...JANE, ...groups],
      X,
      [list('user-info'), may('user-info', 'users', 'jane'), may('user-info', 'groups', '*')],
      'impersonate:user-info',
    ],
    [
      'the masters, by the old verb alone',
      [...JANE, ['Impersonate-Group', 'system:masters']],
      X,
      [
        list('user-info'),
        may('user-info', 'users', '*'),
        may('user-info', 'groups', '*'),
        ['impersonate', '/users', '*'],
        ['impersonate', '/groups', '*'],
      ],
      undefined,
    ],
  ])('%s', async (_, lines, user, rights, constraint) => {
    const request = await actAs(lines, user, rights);
    expect(request.user).not.toBe(user);
    expect(request.impersonationConstraint).toBe(constraint);
  });

  test('what an asker did last is tried first: whoever acts as nodes with their groups gets none added', async () => {
    const rights: Right[] = [
      list('arbitrary-node'),
      may('arbitrary-node', 'nodes', '*'),
      ['impersonate', '/users', '*'],
      ['impersonate', '/groups', '*'],
    ];
    const stage = impersonateStage(authorizerOf(rights));
    const groupsAfter = async (lines: readonly (readonly [string, string])[], user = X) =>
      (await actAs(lines, user, rights, stage)).user?.groups;
    expect(await groupsAfter(NODE)).toEqual(['system:nodes', 'system:authenticated']);
    expect(await groupsAfter([...NODE, ['Impersonate-Group', 'g']])).toEqual(['g', 'system:authenticated']);
    expect(await groupsAfter(NODE)).toEqual(['system:authenticated']);
    expect(await groupsAfter(NODE, { ...X, name: 'y' })).toEqual(['system:nodes', 'system:authenticated']);
  });

  const scope = 'in API group "" in the namespace "n"';
  test.each<[string, readonly (readonly [string, string])[], UserInfo, Right[], string]>([
    ['nothing', JANE, X, [], `pods is forbidden: User "x" cannot impersonate-on:user-info:list resource "pods" ${scope}`],
    [
      'the action without the user',
      JANE,
      X,
      [list('user-info')],
      'users.authentication.k8s.io "jane" is forbidden: User "x" cannot impersonate:user-info resource "users" in API group "authentication.k8s.io" at the cluster scope',
    ],
    [
      'the user without the uid',
      [...JANE, ['Impersonate-Uid', '7']],
      X,
      [['impersonate', '/users', 'jane'], list('user-info'), may('user-info', 'users', 'jane')],
      'uids.authentication.k8s.io "7" is forbidden: User "x" cannot impersonate:user-info resource "uids"',
    ],
    [
      'the node of somebody else',
      [['Impersonate-User', 'system:node:n2']],
      AGENT,
      [list('associated-node'), may('associated-node', 'nodes', '*')],
      `pods is forbidden: User "${AGENT.name}" cannot impersonate-on:arbitrary-node:list resource "pods" ${scope}`,
    ],
    [
      'a node with groups, which only the old verb knows',
      [...NODE, ['Impersonate-Group', 'system:nodes']],
      X,
      [list('arbitrary-node'), may('arbitrary-node', 'nodes', '*')],
      'users "system:node:n1" is forbidden: User "x" cannot impersonate resource "users" in API group "" at the cluster scope',
    ],
    [
      'the masters for one action',
      [...JANE, ['Impersonate-Group', 'system:masters']],
      X,
      [list('user-info'), may('user-info', 'users', '*'), may('user-info', 'groups', '*')],
      'impersonating the system:masters group is not allowed',
    ],
    [
      'a key without a domain',
      [...JANE, ['Impersonate-Extra-scopes', 'x']],
      X,
      [list('user-info'), may('user-info', 'users', '*')],
      'impersonating an invalid key in extra is not allowed: extra.key: Invalid value: "scopes": must be a domain-prefixed path (such as "acme.io/foo")',
    ],
  ])('not enough: %s', async (_, lines, user, rights, message) => {
    await expect(actAs(lines, user, rights)).rejects.toMatchObject({ code: 403, message: expect.stringContaining(message) });
  });

  test.each([
    ['Impersonate-Group', 'g', 'Groups:[]string{"g"}, Extra:map[string][]string(nil)'],
    ['Impersonate-Extra-scopes', 'x', 'Groups:[]string(nil), Extra:map[string][]string{"scopes":[]string{"x"}}'],
  ])('%s without a user is a bad request', async (header, value, text) => {
    await expect(actAs([[header, value]], MASTER)).rejects.toMatchObject({
      code: 400,
      message: `requested &user.DefaultInfo{Name:"", UID:"", ${text}} without impersonating a user name`,
    });
  });
});
