// Discovery documents of the built-in kinds.
import { expect, test } from 'vitest';
import { kinds } from '../kinds/index.ts';
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList } from './discovery.ts';

test('the plain forms', () => {
  const core = apiResourceList(kinds, '', 'v1') as any;
  const names = core.resources.map((one: any) => one.name);
  expect(names.slice(0, 3)).toEqual(['bindings', 'componentstatuses', 'configmaps']);
  expect(core.resources.find((one: any) => one.name === 'pods/eviction')).toEqual({
    name: 'pods/eviction',
    singularName: '',
    namespaced: true,
    group: 'policy',
    version: 'v1',
    kind: 'Eviction',
    verbs: ['create'],
  });
  expect(apiResourceList(kinds, 'nope', 'v1')).toBeUndefined();
  expect((apiGroupList(kinds) as any).groups.map((one: any) => one.name)[0]).toBe('apiregistration.k8s.io');
  expect(apiGroup(kinds, 'autoscaling')).toMatchObject({
    name: 'autoscaling',
    versions: [{ version: 'v2' }, { version: 'v1' }],
    preferredVersion: { groupVersion: 'autoscaling/v2' },
  });
});

test('the aggregated form', () => {
  const legacy = aggregatedDiscovery(kinds, true) as any;
  expect(legacy.items).toHaveLength(1);
  const pods = legacy.items[0].versions[0].resources.find((one: any) => one.resource === 'pods');
  expect(pods).toMatchObject({ scope: 'Namespaced', singularResource: 'pod', responseKind: { group: '', version: '', kind: 'Pod' } });
  expect((aggregatedDiscovery(kinds, false) as any).items[0].metadata.name).toBe('apiregistration.k8s.io');
});
