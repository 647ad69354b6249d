// What kubectl looks for in OpenAPI documents.
import { expect, test } from 'vitest';
import { kinds } from '../../kinds/index.ts';
import { openApiDocument, openApiIndex } from './document.ts';

const all = kinds;

test('the index names each group and version', () => {
  const { paths } = openApiIndex(all) as any;
  expect(paths['api/v1'].serverRelativeURL).toMatch(/^\/openapi\/v3\/api\/v1\?hash=[0-9A-F]{64}$/);
  expect(Object.keys(paths)).toContain('apis/apps/v1');
});

test('a patch operation tells the kind and that fieldValidation is known', () => {
  const document = openApiDocument('apps', 'v1', all) as any;
  const { patch } = document.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'];
  expect(patch['x-kubernetes-group-version-kind']).toEqual({ group: 'apps', version: 'v1', kind: 'Deployment' });
  expect(patch.operationId).toBe('patchAppsV1NamespacedDeployment');
  expect(document.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale'].get.operationId).toBe(
    'readAppsV1NamespacedDeploymentScale',
  );
  expect(patch.parameters.map((one: any) => one.name)).toContain('fieldValidation');
});

test('schemas carry kinds, patch keys and resolvable references', () => {
  const document = openApiDocument('apps', 'v1', all) as any;
  const { schemas } = document.components;
  expect(schemas['io.k8s.api.apps.v1.Deployment']['x-kubernetes-group-version-kind']).toEqual([
    { group: 'apps', version: 'v1', kind: 'Deployment' },
  ]);
  expect(schemas['io.k8s.api.core.v1.PodSpec'].properties.containers).toMatchObject({
    'x-kubernetes-patch-merge-key': 'name',
    'x-kubernetes-patch-strategy': 'merge',
  });
  for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g))
    expect(schemas[name!], name).toBeDefined();
});

test('every group has a document with resolvable references', () => {
  for (const { group, version } of all) {
    const document = openApiDocument(group, version, all) as any;
    for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g))
      expect(document.components.schemas[name!], name).toBeDefined();
  }
  expect(openApiDocument('nope', 'v1', all)).toBeUndefined();
});

test('a custom resource brings its own schema', () => {
  const thing = {
    group: 'example.com',
    version: 'v1',
    kind: 'Thing',
    plural: 'things',
    singular: 'thing',
    namespaced: true,
    shortNames: [],
    categories: [],
    verbs: ['get', 'list', 'patch'],
    subresources: [{ name: 'status', verbs: ['get'] }],
  };
  const document = openApiDocument('example.com', 'v1', [thing], () => ({
    name: 'com.example.v1.Thing',
    schema: { properties: { spec: { type: 'object' } } },
  })) as any;
  expect(document.components.schemas['com.example.v1.Thing'].properties.spec).toEqual({ type: 'object' });
  expect(Object.keys(document.paths['/apis/example.com/v1/namespaces/{namespace}/things/{name}'].patch.requestBody.content)).not.toContain(
    'application/strategic-merge-patch+json',
  );
});
