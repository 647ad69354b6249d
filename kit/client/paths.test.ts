import { expect, test } from 'vitest';
import { listQuery, pathOf, watchQuery, writeQuery } from './paths.ts';
import { RESOURCES } from './resources.ts';

test.each([
  [pathOf(RESOURCES.pods, undefined), '/api/v1/pods'],
  [pathOf(RESOURCES.pods, 'a', 'b', 'binding'), '/api/v1/namespaces/a/pods/b/binding'],
  [pathOf(RESOURCES.deployments, 'a'), '/apis/apps/v1/namespaces/a/deployments'],
  [pathOf(RESOURCES.nodes, 'ignored', 'n'), '/api/v1/nodes/n'],
  [pathOf(RESOURCES.clusterroles, undefined, 'a b/c'), '/apis/rbac.authorization.k8s.io/v1/clusterroles/a%20b%2Fc'],
])('%s', (made, expected) => {
  expect(made).toBe(expected);
});

test('queries leave out what is not said', () => {
  expect(listQuery({})).toBe('');
  expect(listQuery({ labelSelector: 'a=b', limit: 5 })).toBe('?labelSelector=a%3Db&limit=5');
  expect(watchQuery({ resourceVersion: '7', allowWatchBookmarks: true })).toBe('?watch=true&resourceVersion=7&allowWatchBookmarks=true');
  expect(writeQuery({ dryRun: true, force: false, fieldManager: 'me' })).toBe('?fieldManager=me&dryRun=All');
});
