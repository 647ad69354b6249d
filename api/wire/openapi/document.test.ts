// What clients look for in OpenAPI documents.
import { expect, test } from 'vitest';
import { kinds } from '../../kinds/index.ts';
import { openApiDocument, openApiHashes, openApiIndex } from './document.ts';
import { swaggerJson, swaggerPieces } from './swagger.ts';
import { swaggerProtobuf } from './swagger-protobuf.ts';

const all = { kinds };
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
const withThing = {
  kinds: [thing],
  custom: () => ({ name: 'com.example.v1.Thing', schema: { properties: { spec: { type: 'object', nullable: true } } } }),
};

test('the index names each document, with a hash that changes when it would', () => {
  const { paths } = openApiIndex(openApiHashes(all)) as any;
  expect(paths['api/v1'].serverRelativeURL).toMatch(/^\/openapi\/v3\/api\/v1\?hash=[0-9A-F]{128}$/);
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(['api', 'apis', 'apis/apps', 'apis/apps/v1', 'version']));
  const before = openApiHashes(withThing);
  const after = openApiHashes({ ...withThing, custom: () => ({ name: 'com.example.v1.Thing', schema: {} }) });
  expect(after.get('apis/example.com/v1')).not.toBe(before.get('apis/example.com/v1'));
  expect(after.get('version')).toBe(before.get('version'));
  expect(openApiHashes(withThing, 'other').get('version')).not.toBe(before.get('version'));
});

test('a patch operation tells the kind and that fieldValidation is known', () => {
  const document = openApiDocument('apis/apps/v1', all) as any;
  const { patch, parameters } = document.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'];
  expect(patch['x-kubernetes-group-version-kind']).toEqual({ group: 'apps', version: 'v1', kind: 'Deployment' });
  expect(patch.operationId).toBe('patchAppsV1NamespacedDeployment');
  expect(patch.tags).toEqual(['apps_v1']);
  expect(document.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale'].get.operationId).toBe(
    'readAppsV1NamespacedDeploymentScale',
  );
  expect(patch.parameters.map((one: any) => one.name)).toEqual(['dryRun', 'fieldManager', 'fieldValidation', 'force']);
  expect(parameters.map((one: any) => one.name)).toEqual(['name', 'namespace', 'pretty']);
});

test('what all operations of a path share stands beside them', () => {
  const { paths } = openApiDocument('api/v1', all) as any;
  const eviction = paths['/api/v1/namespaces/{namespace}/pods/{name}/eviction'];
  expect(eviction.parameters.map((one: any) => one.name)).toEqual([
    'dryRun',
    'fieldManager',
    'fieldValidation',
    'name',
    'namespace',
    'pretty',
  ]);
  expect(eviction.post.parameters).toBeUndefined();
  expect(eviction.post.description).toBe('create eviction of a Pod');
  expect(paths['/api/v1/namespaces/{namespace}/configmaps'].delete.operationId).toBe('deleteCoreV1CollectionNamespacedConfigMap');
});

test.each([
  ['rbac.authorization.k8s.io', 'listRbacAuthorizationV1ClusterRole', 'rbacAuthorization_v1', 'clusterroles'],
  ['apiextensions.k8s.io', 'listApiextensionsV1CustomResourceDefinition', 'apiextensions_v1', 'customresourcedefinitions'],
])('operations of %s are named %s', (group, id, tag, plural) => {
  const { get } = (openApiDocument(`apis/${group}/v1`, all) as any).paths[`/apis/${group}/v1/${plural}`];
  expect(get).toMatchObject({ operationId: id, tags: [tag] });
});

test('schemas carry kinds, patch keys, defaults and texts', () => {
  const descriptions = (name: string) =>
    name === 'io.k8s.api.core.v1.ServicePort'
      ? { text: 'A port.', fields: { port: 'Its number.', protocol: 'How.', targetPort: 'Where.' }, enums: { protocol: ['TCP', 'UDP'] } }
      : undefined;
  const { schemas } = (openApiDocument('api/v1', { kinds, descriptions }) as any).components;
  expect(schemas['io.k8s.api.core.v1.PodSpec'].properties.containers).toMatchObject({
    'x-kubernetes-patch-merge-key': 'name',
    'x-kubernetes-patch-strategy': 'merge',
  });
  expect(schemas['io.k8s.api.core.v1.ServicePort']).toMatchObject({
    description: 'A port.',
    properties: {
      port: { type: 'integer', format: 'int32', default: 0, description: 'Its number.' },
      protocol: { type: 'string', default: 'TCP', enum: ['TCP', 'UDP'] },
      targetPort: { allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.util.intstr.IntOrString' }], description: 'Where.' },
    },
  });
  expect(schemas['io.k8s.api.core.v1.Pod']['x-kubernetes-group-version-kind']).toEqual([{ group: '', version: 'v1', kind: 'Pod' }]);
});

test('every document has resolvable references', () => {
  for (const place of openApiHashes(all).keys()) {
    const document = openApiDocument(place, all) as any;
    for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g))
      expect(document.components.schemas[name!], `${place} ${name}`).toBeDefined();
  }
  for (const place of ['apis/nope/v1', 'apis/nope', 'version/x', 'apis/apps/v1/x', 'nope', ''])
    expect(openApiDocument(place, all)).toBeUndefined();
});

test('a custom resource brings its own schema', () => {
  const document = openApiDocument('apis/example.com/v1', withThing) as any;
  expect(document.components.schemas['com.example.v1.Thing'].properties.spec).toEqual({ type: 'object', nullable: true });
  const patch = document.paths['/apis/example.com/v1/namespaces/{namespace}/things/{name}'].patch;
  expect(Object.keys(patch.requestBody.content)).not.toContain('application/strategic-merge-patch+json');
  expect(patch.operationId).toBe('patchExampleComV1NamespacedThing');
});

const swagger = (source: Parameters<typeof swaggerPieces>[0]) => JSON.parse([...swaggerJson(swaggerPieces(source, 'v1'))].join('')) as any;

test('version 2 has the same definitions in its own words', () => {
  const document = swagger(all);
  const operation = document.paths['/api/v1/namespaces/{namespace}/configmaps/{name}'].patch;
  expect(operation.consumes).toEqual([
    'application/json-patch+json',
    'application/merge-patch+json',
    'application/strategic-merge-patch+json',
    'application/apply-patch+yaml',
  ]);
  expect(operation.parameters[0]).toMatchObject({ name: 'body', in: 'body', required: true });
  const { definitions } = document;
  expect(definitions['io.k8s.api.core.v1.ServicePort'].properties.targetPort).toEqual({
    $ref: '#/definitions/io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  });
  expect(definitions['io.k8s.apimachinery.pkg.util.intstr.IntOrString']).toEqual({ type: 'string', format: 'int-or-string' });
  expect(definitions['io.k8s.apimachinery.pkg.api.resource.Quantity']).toEqual({ type: 'string' });
  for (const [, name] of JSON.stringify(document).matchAll(/"#\/definitions\/([^"]+)"/g)) expect(definitions[name!], name).toBeDefined();
  expect(JSON.stringify(document)).not.toContain('#/components');
  const custom = swagger(withThing);
  expect(custom.definitions['com.example.v1.Thing'].properties.spec).toEqual({});
});

test('version 2 as protobuf: the numbers of gnostic', () => {
  const bytes = Buffer.concat([
    ...swaggerProtobuf([
      { rest: { swagger: '2.0', info: { title: 'K', version: 'v1' } } },
      { definitions: { A: { type: 'string', 'x-k': 1 } } },
    ]),
  ]);
  expect(bytes.toString('hex')).toBe(
    [
      '0a03322e30', // swagger = 1
      '12070a014b12027631', // info = 2 { title = 1, version = 2 }
      '4a1f0a1d0a01411218', // definitions = 9 { named = 1 { name = 1: A, value = 2
      'b201080a06737472696e67', // type = 22 { value = 1: string }
      'fa010a0a03782d6b1203120131', // vendor extension = 31 { name = 1: x-k, value = 2 { yaml = 2: 1 } }
    ].join(''),
  );
});

test('v2 says of a custom kind that keeps unknown fields that it is an object', () => {
  const schema = {
    type: 'object',
    description: 'A thing.',
    'x-kubernetes-preserve-unknown-fields': true,
    properties: { a: { type: 'string' } },
  };
  const source = { kinds: [thing], custom: () => ({ name: 'com.example.v1.Thing', schema }) };
  const { definitions } = swagger(source);
  const kind = { group: 'example.com', version: 'v1', kind: 'Thing' };
  expect(definitions['com.example.v1.Thing']).toEqual({ type: 'object', 'x-kubernetes-group-version-kind': [kind] });
});
