import { expect, test } from 'vitest';
import type { PolicyRule, Question } from './authorizer.ts';
import { ruleAllows, ruleText, uncovered } from './rules.ts';

const ask = (text: string): Question => {
  const [verb = '', target = '', name = ''] = text.split(' ');
  const isResource = !target.startsWith('/');
  const [group = '', path = ''] = isResource ? target.split(':') : ['', ''];
  const [resource = '', subresource = ''] = path.split('/');
  return {
    user: { name: 'u', groups: [] },
    verb,
    group,
    version: 'v1',
    resource,
    subresource,
    namespace: 'n',
    name,
    path: isResource ? '' : target,
    isResource,
  };
};
const rule = (verbs: string, groups: string, resources: string, names?: string): PolicyRule => ({
  verbs: verbs.split(' '),
  apiGroups: groups.split(' '),
  resources: resources.split(' '),
  ...(names ? { resourceNames: names.split(' ') } : {}),
});
const urls = (verbs: string, paths: string): PolicyRule => ({ verbs: verbs.split(' '), nonResourceURLs: paths.split(' ') });

test.each<[string, PolicyRule, string, boolean]>([
  ['verb and resource', rule('get', '', 'pods'), 'get :pods x', true],
  ['another verb', rule('get', '', 'pods'), 'list :pods', false],
  ['another group', rule('get', '', 'pods'), 'get apps:pods', false],
  ['sub-resources are named', rule('get', '', 'pods'), 'get :pods/log x', false],
  ['a named sub-resource', rule('get', '', 'pods/log'), 'get :pods/log x', true],
  ['any resource has all sub-resources', rule('*', '*', '*'), 'get apps:deployments/scale x', true],
  ['one sub-resource of all', rule('get', '*', '*/scale'), 'get apps:deployments/scale x', true],
  ['not the resource itself', rule('get', '*', '*/scale'), 'get apps:deployments x', false],
  ['a named object', rule('get', '', 'pods', 'x y'), 'get :pods x', true],
  ['another object', rule('get', '', 'pods', 'x y'), 'get :pods z', false],
  ['names do not allow lists', rule('list', '', 'pods', 'x'), 'list :pods', false],
  ['a path', urls('get', '/healthz'), 'get /healthz', true],
  ['below a path', urls('get', '/api/*'), 'get /api/v1', true],
  ['not the path above', urls('get', '/api/*'), 'get /api', false],
  ['resource rules allow no paths', rule('*', '*', '*'), 'get /metrics', false],
])('%s', (_, policy, question, allowed) => {
  expect(ruleAllows(policy, ask(question))).toBe(allowed);
});

test.each<[string, PolicyRule[], PolicyRule[], string[]]>([
  ['the same', [rule('get', '', 'pods')], [rule('get', '', 'pods')], []],
  ['less', [rule('get list', '', 'pods secrets')], [rule('get', '', 'secrets')], []],
  [
    'a missing verb',
    [rule('get', '', 'pods')],
    [rule('get delete', '', 'pods')],
    ['{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}'],
  ],
  ['verbs stay together', [], [rule('get list', '', 'pods')], ['{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}']],
  ['everything', [rule('get', '', 'pods')], [rule('*', '*', '*')], ['{APIGroups:["*"], Resources:["*"], Verbs:["*"]}']],
  ['all names by some', [rule('get', '', 'pods', 'x')], [rule('get', '', 'pods')], ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}']],
  ['some names by all', [rule('get', '', 'pods')], [rule('get', '', 'pods', 'x')], []],
  [
    'one name more',
    [rule('get', '', 'pods', 'x')],
    [rule('get', '', 'pods', 'x y')],
    ['{APIGroups:[""], Resources:["pods"], ResourceNames:["y"], Verbs:["get"]}'],
  ],
  ['joined from two', [rule('get', '', 'pods'), rule('list', '', 'pods')], [rule('get list', '', 'pods')], []],
  ['paths', [urls('get', '/a/*')], [urls('get', '/a/b /c')], ['{NonResourceURLs:["/c"], Verbs:["get"]}']],
])('uncovered: %s', (_, owned, wanted, texts) => {
  expect(uncovered(owned, wanted).map(ruleText)).toEqual(texts);
});
