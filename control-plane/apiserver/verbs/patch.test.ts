// What a PATCH that does not fit is told, as a Kubernetes 1.36 API server tells it: for built-in kinds, custom ones and Scales.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RESOURCES } from '../../../kit/client/index.ts';
import { waitFor } from '../../../kit/run/index.ts';
import { startTestServer, type TestServer } from '../testing.ts';

const custom = '/apis/a.io/v1/namespaces/default/things/t';
const map = '/api/v1/namespaces/default/configmaps/m';
const lease = '/apis/coordination.k8s.io/v1/namespaces/default/leases/l';

const types = { json: 'json-patch+json', merge: 'merge-patch+json', strategic: 'strategic-merge-patch+json', apply: 'apply-patch+yaml' };

let world: TestServer;
const call = async (method: string, url: string, body: object | string, type = 'application/json') => {
  const answer = await world.client.request(method, url, { body: body as object, headers: { 'content-type': type } });
  return {
    code: answer.status,
    warning: String(answer.headers['warning'] ?? ''),
    json: JSON.parse(Buffer.from(answer.body).toString()) as any,
  };
};
const patch = (type: keyof typeof types, url: string, body: object | string) => call('PATCH', url, body, `application/${types[type]}`);

beforeAll(async () => {
  world = await startTestServer();
  const spec = {
    type: 'object',
    properties: { n: { type: 'integer' }, list: { type: 'array', items: { type: 'string' } } },
    'x-kubernetes-preserve-unknown-fields': true,
  };
  const openAPIV3Schema = { type: 'object', properties: { spec } };
  await world.client.create(RESOURCES.customresourcedefinitions, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.a.io' },
    spec: {
      group: 'a.io',
      scope: 'Namespaced',
      names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  });
  const thing = { apiVersion: 'a.io/v1', kind: 'Thing', metadata: { name: 't' }, spec: { n: 1 } };
  await waitFor({ what: 'a custom object', timeoutMs: 20_000 }, async () => (await call('POST', custom.slice(0, -2), thing)).code === 201);
  expect((await call('POST', map.slice(0, -2), { metadata: { name: 'm' } })).code).toBe(201);
  expect((await call('POST', lease.slice(0, -2), { metadata: { name: 'l' }, spec: {} })).code).toBe(201);
});
afterAll(() => world.close());

const noVersion = 'metadata.resourceVersion: Invalid value: 0: must be specified for an update';
const number = (text: string) => `cannot unmarshal number ${text} into Go`;

describe('what does not fit', () => {
  test.each([
    ['merge', custom, { kind: null }, 422, "Object 'Kind' is missing in '{"],
    ['merge', custom, { apiVersion: null }, 500, "Object 'apiVersion' is missing in 'object has no apiVersion field'"],
    ['merge', custom, { metadata: { resourceVersion: null } }, 422, noVersion],
    ['merge', custom, { metadata: { resourceVersion: 'x' } }, 500, 'strconv.ParseUint: parsing "x": invalid syntax'],
    ['merge', custom, { metadata: { labels: { a: 1 } } }, 422, 'patch: Invalid value: "{\\"apiVersion\\":\\"a.io/v1\\",\\"kind\\":'],
    ['json', custom, [{ op: 'replace', path: '', value: [] }], 422, "couldn't get version/kind; json parse error"],
    ['json', custom, [null], 422, 'the server rejected our request due to an error in our request'],
    ['merge', custom, '{"spec":{"n":1e400}}', 400, `error decoding patch: json: ${number('1e400')} value of type float64`],
    ['json', custom, '[{"op":"add","path":"/x","value":1e400}]', 400, `${number('1e400')} struct field jsonPatchOp.value of type float64`],
    ['merge', custom.slice(0, -2), {}, 400, 'name must be provided'],
    ['merge', lease, { metadata: { resourceVersion: null } }, 422, noVersion],
    ['merge', map, { metadata: { resourceVersion: null } }, 200, ''],
    ['merge', map, { kind: 'X' }, 422, 'no kind "X" is registered for version "v1"'],
    ['merge', map, { kind: 'Pod' }, 422, 'converting (v1.Pod) to (core.ConfigMap): unknown conversion'],
    ['strategic', map, { kind: 'Pod', apiVersion: 'x/v2' }, 200, ''],
    ['strategic', map, '{"data":{"a":1e400}}', 400, `json: ${number('1e400')} value of type float64`],
  ] as const)('%s of %s with %j is %i', async (type, url, body, code, text) => {
    const answer = await patch(type, url, body);
    expect(answer.code).toBe(code);
    expect(String(answer.json.message ?? '')).toContain(text);
  });

  test('nulls that were applied are validated, those of other patches are dropped', async () => {
    const applied = (spec: object) => ({ apiVersion: 'a.io/v1', kind: 'Thing', metadata: { name: 't' }, spec });
    const answer = await patch('apply', `${custom}?fieldManager=m`, applied({ list: null }));
    expect(answer).toMatchObject({ code: 422, json: { details: { causes: [{ field: 'spec.list' }] } } });
    const added = await patch('json', custom, [{ op: 'add', path: '/spec/list', value: null }]);
    expect([added.code, Object.hasOwn(added.json.spec, 'list')]).toEqual([200, false]);
  });
});

test('what the patch repeats and what its result does not know is told together', async () => {
  const body = '{"zz":1,"data":{"k":"1","k":"2"},"metadata":{"nope":1}}';
  const all = ['duplicate field "data.k"', 'unknown field "metadata.nope"', 'unknown field "zz"'];
  for (const type of ['merge', 'strategic'] as const) {
    const warned = await patch(type, `${map}?dryRun=All`, body);
    expect([warned.code, warned.warning]).toEqual([200, all.map((text) => `299 - ${JSON.stringify(text)}`).join(', ')]);
    const refused = await patch(type, `${map}?fieldValidation=Strict`, body);
    expect(refused).toMatchObject({ code: 422 });
    expect(refused.json.message).toContain(`: strict decoding error: ${all.join(', ')}`);
  }
});
