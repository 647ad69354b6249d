// What the server makes of writes: preconditions, what may be left out, what it owns, numbers and times as they are kept.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { kinds } from '../../../api/kinds/index.ts';
import { encodeProtobuf, PROTOBUF } from '../../../api/wire/index.ts';
import { startTestServer, type TestServer } from '../testing.ts';

let world: TestServer;
beforeAll(async () => {
  world = await startTestServer();
});
afterAll(() => world.close());

interface Answer {
  status: number;
  warnings: string;
  text: string;
  json: any;
}

async function call(
  method: string,
  url: string,
  body?: object | string | Uint8Array,
  type = 'application/json',
  accept = '',
): Promise<Answer> {
  const answer = await world.client.request(method, url, {
    ...(body === undefined ? {} : { body: body as object }),
    headers: { 'content-type': type, ...(accept ? { accept } : {}) },
  });
  const text = Buffer.from(answer.body).toString();
  return {
    status: answer.status,
    warnings: String(answer.headers['warning'] ?? ''),
    text,
    json: text.startsWith('{') ? JSON.parse(text) : undefined,
  };
}

const MERGE = 'application/merge-patch+json';
const core = '/api/v1/namespaces/w';
const apps = '/apis/apps/v1/namespaces/w';
const configMap = (name: string, rest: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...rest });
const deployment = (name: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas: 1,
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
});
const pod = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }] } });
const modified = 'the object has been modified; please apply your changes to the latest version and try again';

describe('preconditions', () => {
  test.each([
    ['the object', ''],
    ['its status', '/status'],
    ['its scale', '/scale'],
  ])('a PUT of %s with a stale version is 409', async (_, subresource) => {
    const url = `${apps}/deployments/stale${subresource.replace('/', '-')}`;
    const { json: made } = await call('POST', `${apps}/deployments`, deployment(`stale${subresource.replace('/', '-')}`));
    const { json: body } = await call('GET', `${url}${subresource}`);
    await call('PATCH', url, { metadata: { labels: { x: 'y' } } }, MERGE);
    const { status, json } = await call('PUT', `${url}${subresource}`, body);
    expect({ status, reason: json.reason, message: json.message }).toEqual({
      status: 409,
      reason: 'Conflict',
      message: `Operation cannot be fulfilled on deployments.apps "${made.metadata.name}": ${modified}`,
    });
  });

  test('a version or uid in a patch is a precondition', async () => {
    const { json: made } = await call('POST', `${core}/configmaps`, configMap('patched'));
    const url = `${core}/configmaps/patched`;
    const { resourceVersion } = made.metadata;
    expect((await call('PATCH', url, { metadata: { resourceVersion }, data: { a: '1' } }, MERGE)).status).toBe(200);
    expect((await call('PATCH', url, { metadata: { resourceVersion }, data: { a: '2' } }, MERGE)).status).toBe(409);
    expect((await call('PATCH', url, { metadata: { uid: 'x' } }, MERGE)).status).toBe(422);
    expect((await call('PUT', url, configMap('patched', { metadata: { name: 'patched', uid: 'x' } }))).status).toBe(409);
    expect((await call('DELETE', url, { preconditions: { uid: 'x' } })).status).toBe(409);
    expect((await call('DELETE', url, { preconditions: { resourceVersion } })).status).toBe(409);
    expect((await call('DELETE', url, { preconditions: { uid: made.metadata.uid } })).status).toBe(200);
  });

  test('kinds that must say which version they replace', () => {
    const strict = kinds.filter(({ unconditionalUpdate, verbs }) => unconditionalUpdate === false && verbs.includes('update'));
    expect([...new Set(strict.map(({ group, kind }) => `${group}/${kind}`))].sort()).toEqual(
      expect.arrayContaining([
        'coordination.k8s.io/Lease',
        'node.k8s.io/RuntimeClass',
        'policy/PodDisruptionBudget',
        'storage.k8s.io/CSIDriver',
        'storage.k8s.io/CSINode',
        'storage.k8s.io/CSIStorageCapacity',
        'storage.k8s.io/VolumeAttachment',
      ]),
    );
  });

  test('a Lease without a version is 422, a ConfigMap takes it', async () => {
    const leases = '/apis/coordination.k8s.io/v1/namespaces/w/leases';
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' }, spec: {} };
    await call('POST', leases, lease);
    const refused = await call('PUT', `${leases}/l`, lease);
    expect(refused.status).toBe(422);
    expect(refused.json.details.causes).toEqual([
      { field: 'metadata.resourceVersion', message: 'Invalid value: 0: must be specified for an update', reason: 'FieldValueInvalid' },
    ]);
    await call('POST', `${core}/configmaps`, configMap('free'));
    expect((await call('PUT', `${core}/configmaps/free`, configMap('free', { data: { a: 'b' } }))).status).toBe(200);
  });
});

describe('what the server owns', () => {
  test('generation counts changes of the spec, status changes none', async () => {
    const url = `${apps}/deployments/counted`;
    const first = await call('POST', `${apps}/deployments`, deployment('counted'));
    expect(first.json.metadata.generation).toBe(1);
    expect((await call('PATCH', url, { metadata: { labels: { x: 'y' } } }, MERGE)).json.metadata.generation).toBe(1);
    expect((await call('PATCH', url, { spec: { replicas: 2 } }, MERGE)).json.metadata.generation).toBe(2);
    expect((await call('PATCH', `${url}/status`, { status: { replicas: 2 } }, MERGE)).json.metadata.generation).toBe(2);
  });

  test('main writes leave status alone and status writes the spec; annotations sent to /status are kept', async () => {
    const { json: made } = await call('POST', `${apps}/deployments`, { ...deployment('isolated'), status: { replicas: 9 } });
    expect(made.status.replicas).toBeUndefined();
    const url = `${apps}/deployments/isolated`;
    expect((await call('PATCH', url, { status: { replicas: 9 } }, MERGE)).json.status.replicas).toBeUndefined();
    const { json } = await call(
      'PATCH',
      `${url}/status`,
      { metadata: { annotations: { k: 'v' } }, spec: { replicas: 7 }, status: { replicas: 3 } },
      MERGE,
    );
    expect(json).toMatchObject({ metadata: { annotations: { k: 'v' } }, spec: { replicas: 1 }, status: { replicas: 3 } });
  });

  test('a create may not bring a version; names, uid and times are the server’s', async () => {
    const made = await call('POST', `${core}/configmaps`, {
      ...configMap('owned'),
      metadata: {
        name: 'owned',
        uid: 'mine',
        creationTimestamp: '2001-01-01T00:00:00Z',
        deletionTimestamp: '2001-01-01T00:00:00Z',
        selfLink: '/x',
      },
    });
    expect(made.status).toBe(201);
    expect(made.json.metadata.uid).not.toBe('mine');
    expect(made.json.metadata.creationTimestamp).not.toMatch(/^2001/);
    expect(made.json.metadata).not.toHaveProperty('deletionTimestamp');
    expect(made.json.metadata).not.toHaveProperty('selfLink');
    const refused = await call('POST', `${core}/configmaps`, configMap('x', { metadata: { name: 'x', resourceVersion: '5' } }));
    expect(refused).toMatchObject({ status: 500, json: { message: 'resourceVersion should not be set on objects to be created' } });
  });

  test('all that is wrong is told at once', async () => {
    const { status, json } = await call('POST', `${core}/configmaps`, {
      ...configMap('Bad_'),
      metadata: { name: 'Bad_', labels: { 'a b': 'c' } },
      data: { '..': 'x' },
    });
    expect(status).toBe(422);
    expect(json.details.causes.map(({ field }: { field: string }) => field)).toEqual(['metadata.name', 'metadata.labels', 'data[..]']);
  });

  test('generated names have the prefix and five of the letters that make no words', async () => {
    const { json } = await call('POST', `${core}/configmaps`, { ...configMap(''), metadata: { generateName: `${'g'.repeat(70)}-` } });
    expect(json.metadata.name).toMatch(/^g{58}[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });
});

describe('dryRun', () => {
  test.each([
    ['POST', `${core}/configmaps`, configMap('dry-new'), 'application/json', 201],
    ['PUT', `${core}/configmaps/dry`, configMap('dry', { data: { a: '2' } }), 'application/json', 200],
    ['PATCH', `${core}/configmaps/dry`, { data: { a: '3' } }, MERGE, 200],
    ['PATCH', `${core}/configmaps/dry`, configMap('dry', { data: { b: '3' } }), 'application/apply-patch+yaml', 200],
    ['DELETE', `${core}/configmaps/dry`, undefined, 'application/json', 200],
    ['DELETE', `${core}/configmaps?fieldSelector=metadata.name%3Ddry`, undefined, 'application/json', 200],
  ])('%s %s stores nothing', async (method, url, body, type, status) => {
    await call('POST', `${core}/configmaps`, configMap('dry', { data: { a: '1' } }));
    const { json: before } = await call('GET', `${core}/configmaps/dry`);
    const answer = await call(method, `${url}${url.includes('?') ? '&' : '?'}dryRun=All&fieldManager=m`, body, type);
    expect(answer.status).toBe(status);
    expect((await call('GET', `${core}/configmaps/dry`)).json).toEqual(before);
    expect((await call('GET', `${core}/configmaps/dry-new`)).status).toBe(404);
  });

  test('a replica count is tried too, and an unknown value is 422', async () => {
    await call('POST', `${apps}/deployments`, deployment('dry'));
    const scaled = await call('PATCH', `${apps}/deployments/dry/scale?dryRun=All`, { spec: { replicas: 5 } }, MERGE);
    expect(scaled.json.spec.replicas).toBe(5);
    expect((await call('GET', `${apps}/deployments/dry/scale`)).json.spec.replicas).toBe(1);
    expect((await call('POST', `${core}/configmaps?dryRun=Some`, configMap('x'))).status).toBe(422);
  });
});

describe('fieldValidation', () => {
  const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"strict","nope":1},"data":{"a":"1","a":"2"}}';
  test.each([
    ['Strict', 400, ''],
    ['Warn', 201, '299 - "unknown field \\"metadata.nope\\"", 299 - "duplicate field \\"data.a\\""'],
    ['', 201, '299 - "unknown field \\"metadata.nope\\"", 299 - "duplicate field \\"data.a\\""'],
    ['Ignore', 201, ''],
    ['Some', 422, ''],
  ])('%j is %i', async (mode, status, warnings) => {
    const answer = await call('POST', `${core}/configmaps?dryRun=All${mode ? `&fieldValidation=${mode}` : ''}`, body);
    expect({ status: answer.status, warnings: answer.warnings }).toEqual({ status, warnings });
    if (mode === 'Strict')
      expect(answer.json.message).toBe(
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "metadata.nope", duplicate field "data.a"',
      );
  });
});

describe('values as they are kept', () => {
  const big = '9007199254740993';
  /** A ConfigMap keeps the generation that it is sent: an int64 that nobody looks at. */
  const withBig = (name: string, generation = big) =>
    `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}","generation":${generation}}}`;
  const kept = async (name: string) => /"generation":(-?\d+)/.exec((await call('GET', `${core}/configmaps/${name}`)).text)?.[1];

  test.each(['9223372036854775807', big, '9007199254740992', '9007199254740991'])('int64 %s by JSON', async (number) => {
    await call('POST', `${core}/configmaps`, withBig(`json-${number}`, number));
    expect(await kept(`json-${number}`)).toBe(number);
  });

  test('by YAML, protobuf, and each patch', async () => {
    const url = `${core}/configmaps`;
    await call('POST', url, stringify({ ...configMap('yaml'), metadata: { name: 'yaml', generation: BigInt(big) } }), 'application/yaml');
    expect(await kept('yaml')).toBe(big);
    const object = { ...configMap('proto'), metadata: { name: 'proto', generation: BigInt(big) } };
    await call('POST', url, encodeProtobuf(object)!, PROTOBUF);
    expect(await kept('proto')).toBe(big);
    for (const [type, patch] of [
      [MERGE, `{"metadata":{"generation":${big}}}`],
      ['application/strategic-merge-patch+json', `{"metadata":{"generation":${big}}}`],
      [
        'application/json-patch+json',
        `[{"op":"add","path":"/metadata/generation","value":${big}},{"op":"test","path":"/metadata/generation","value":${big}}]`,
      ],
    ] as const) {
      const name = `patched-${type.slice(12, 16)}`;
      await call('POST', url, configMap(name));
      const answer = await call('PATCH', `${url}/${name}?dryRun=All`, patch, type);
      expect(answer.status, answer.text).toBe(200);
    }
    const answer = await call('GET', `${url}/proto`, undefined, 'application/json', 'application/yaml');
    expect(answer.text).toContain(`generation: ${big}`);
    const list = await call('GET', `${url}?fieldSelector=metadata.name%3Dproto`);
    expect(list.text).toContain(`"generation":${big}`);
  });

  test.each([
    [
      '9223372036854775808',
      'json: cannot unmarshal number 9223372036854775808 into Go struct field ObjectMeta.metadata.generation of type int64',
    ],
    ['1.0', 'json: cannot unmarshal number 1.0 into Go struct field ObjectMeta.metadata.generation of type int64'],
    ['1e3', 'json: cannot unmarshal number 1e3 into Go struct field ObjectMeta.metadata.generation of type int64'],
    ['"1"', 'json: cannot unmarshal string into Go struct field ObjectMeta.metadata.generation of type int64'],
  ])('an int64 field refuses %s', async (number, why) => {
    const { status, json } = await call('POST', `${core}/configmaps`, withBig('refused', number));
    expect(status).toBe(400);
    expect(json.message).toContain(why);
  });

  test('quantities are canonical and exact', async () => {
    const limits = { cpu: '1000m', memory: '1024Mi', 'ephemeral-storage': '0.5', 'example.com/x': '12345678901234567890' };
    const { json } = await call('POST', `${core}/pods?dryRun=All`, {
      ...pod('q'),
      spec: { containers: [{ name: 'c', image: 'i', resources: { limits } }] },
    });
    expect(json.spec.containers[0].resources.limits).toEqual({
      cpu: '1',
      memory: '1Gi',
      'ephemeral-storage': '500m',
      'example.com/x': '12345678901234567890',
    });
  });

  test('times have whole seconds in UTC, times of leases six digits', async () => {
    const leases = '/apis/coordination.k8s.io/v1/namespaces/w/leases?dryRun=All';
    const lease = (renewTime: string) => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 't', creationTimestamp: null },
      spec: { renewTime },
    });
    expect((await call('POST', leases, lease('2030-01-02T03:04:05.000006+01:00'))).json.spec.renewTime).toBe('2030-01-02T02:04:05.000006Z');
    expect((await call('POST', leases, lease('2030-01-02T03:04:05Z'))).status).toBe(400);
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e' },
      involvedObject: { namespace: 'w' },
      firstTimestamp: '2030-01-02T03:04:05.999+01:00',
    };
    expect((await call('POST', `${core}/events?dryRun=All`, event)).json.firstTimestamp).toBe('2030-01-02T02:04:05Z');
  });

  test('keys that are JavaScript’s own are keys as any other; markup is escaped as Go does it', async () => {
    const body =
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"keys","annotations":{"constructor":"<a&b>"}},"data":{"__proto__":"p","toString":"t"}}';
    const { text } = await call('POST', `${core}/configmaps`, body);
    expect(text).toContain('"annotations":{"constructor":"\\u003ca\\u0026b\\u003e"}');
    expect(text).toContain('"data":{"__proto__":"p","toString":"t"}');
    const { text: patched } = await call('PATCH', `${core}/configmaps/keys`, '{"data":{"__proto__":null}}', MERGE);
    expect(patched).toContain('"data":{"toString":"t"}');
  });
});

describe('warnings', () => {
  test('of kinds and of fields that are on their way out', async () => {
    const endpoints = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'e' } };
    const { warnings } = await call('POST', `${core}/endpoints?dryRun=All`, endpoints);
    expect(warnings).toBe('299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"');
    expect((await call('GET', '/api/v1/componentstatuses')).warnings).toBe('299 - "v1 ComponentStatus is deprecated in v1.19+"');
    expect((await call('PUT', '/api/v1/componentstatuses/x', {})).warnings).toBe('');
  });

  test('a refused update has errors alone', async () => {
    await call('POST', `${core}/secrets`, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } });
    const { status, warnings } = await call('PUT', `${core}/secrets/s`, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      type: 'kubernetes.io/tls',
      data: {},
    });
    expect({ status, warnings }).toEqual({ status: 422, warnings: '' });
  });
});

test('a grace period beyond all time marks the pod for 292 years', async () => {
  const nodeName = 'nowhere';
  await call('POST', `${core}/pods`, { ...pod('patient'), spec: { ...pod('patient').spec, nodeName } });
  const { status, json, text } = await call('DELETE', `${core}/pods/patient`, '{"gracePeriodSeconds":9007199254740993}');
  expect(status, text).toBe(200);
  expect(json.metadata.deletionTimestamp).toMatch(/^2[23]\d\d-/);
  expect(text).toContain('"deletionGracePeriodSeconds":9007199254740993');
  expect((await call('DELETE', `${core}/pods/patient`, { gracePeriodSeconds: 5 })).json.metadata.deletionGracePeriodSeconds).toBe(5);
});

describe('empty lists', () => {
  const ingress = (spec: object) => ({ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'empty' }, spec });
  const ingresses = '/apis/networking.k8s.io/v1/namespaces/w/ingresses';
  const defaultBackend = { service: { name: 's', port: { number: 1 } } };

  test.each([
    [
      'always shown: null once stored',
      '/apis/storage.k8s.io/v1/csinodes',
      'CSINode',
      { spec: { drivers: [] } },
      { spec: { drivers: null } },
    ],
    ['of a dry run too', '/apis/storage.k8s.io/v1/csinodes?dryRun=All', 'CSINode', { spec: { drivers: [] } }, { spec: { drivers: null } }],
    ['left out', ingresses, 'Ingress', { spec: { rules: [], defaultBackend } }, { spec: { defaultBackend } }],
  ])('%s', async (_, url, kind, content, wanted) => {
    const apiVersion = url.split('/').slice(2, 4).join('/');
    const name = `empty-${url.length}`;
    const { json, status } = await call('POST', url, { apiVersion, kind, metadata: { name }, ...content });
    expect([status, { spec: json.spec }]).toEqual([201, wanted]);
    if (!url.includes('?')) expect((await call('GET', `${url}/${name}`)).json.spec).toEqual(wanted.spec);
  });

  test('a text tells them from none', async () => {
    const text = (shown: string) => `spec: Invalid value: ${shown}: either \`defaultBackend\` or \`rules\` must be specified`;
    expect((await call('POST', ingresses, ingress({ rules: [] }))).json.message).toContain(text('[]'));
    expect((await call('POST', ingresses, ingress({}))).json.message).toContain(text('null'));
  });

  test('a definition of custom kinds, stored as JSON, keeps those that are always shown', async () => {
    const url = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All';
    const names = { plural: 'empties', kind: 'Empty', shortNames: [] };
    const schema = { openAPIV3Schema: { type: 'object' } };
    const spec = { group: 'e.io', scope: 'Namespaced', names, versions: [{ name: 'v1', served: true, storage: true, schema }] };
    const body = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'empties.e.io' }, spec };
    const { status, json } = await call('POST', url, body);
    expect([status, json.status?.storedVersions, json.spec.names.shortNames]).toEqual([201, ['v1'], undefined]);
  });
});

describe('autoscaling in both versions', () => {
  const APPLY = 'application/apply-patch+yaml';
  const url = (version: string, manager: string) =>
    `/apis/autoscaling/${version}/namespaces/w/horizontalpodautoscalers/both?fieldManager=${manager}`;
  const scaler = (version: string, spec: object) => ({
    apiVersion: `autoscaling/${version}`,
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'both' },
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, maxReplicas: 3, ...spec },
  });
  const cpu = (averageUtilization: number) => [
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } },
  ];
  const apply = (version: string, manager: string, spec: object) => call('PATCH', url(version, manager), scaler(version, spec), APPLY);

  test('what one applied in v1 conflicts with what another applies in v2, under its name in v1', async () => {
    expect((await apply('v1', 'x', { targetCPUUtilizationPercentage: 50 })).status).toBe(201);
    const refused = await apply('v2', 'y', { metrics: cpu(60) });
    expect([refused.status, refused.json.message]).toEqual([
      409,
      'Apply failed with 1 conflict: conflict with "x": .spec.targetCPUUtilizationPercentage',
    ]);
    expect((await apply('v2', 'y', { metrics: cpu(50) })).status).toBe(200);
    // Both want it: one who drops it leaves it to the other.
    const dropped = await apply('v1', 'x', {});
    expect([dropped.status, dropped.json.spec.targetCPUUtilizationPercentage]).toEqual([200, 50]);
    const owners = dropped.json.metadata.managedFields.map((one: Record<string, string>) => [one['manager'], one['apiVersion']]);
    expect(owners.sort()).toEqual([
      ['x', 'autoscaling/v1'],
      ['y', 'autoscaling/v2'],
    ]);
  });

  test('who goes on in another version has one entry there', async () => {
    const { status, json } = await apply('v2', 'x', { metrics: cpu(50), minReplicas: 2 });
    expect(status).toBe(200);
    expect(json.metadata.managedFields.filter(({ manager }: { manager: string }) => manager === 'x')).toMatchObject([
      { operation: 'Apply', apiVersion: 'autoscaling/v2' },
    ]);
    expect((await apply('v2', 'x', { metrics: cpu(50) })).json.spec.minReplicas).toBe(1); // the default again
  });
});

describe('from client-side to server-side apply, as kubectl goes', () => {
  const LAST = 'kubectl.kubernetes.io/last-applied-configuration';
  const url = `${core}/configmaps/moved`;
  const JSON_PATCH = 'application/json-patch+json';
  /** What kubectl sends: the fields of its client-side entry become those that it applies, unless another wrote meanwhile. */
  const upgrade = (managedFields: object[], resourceVersion: string) => [
    { op: 'replace', path: '/metadata/managedFields', value: managedFields },
    { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
  ];

  test('what it applied before is its own afterwards: a dropped field goes away, and the annotation follows', async () => {
    const body = configMap('moved', { data: { a: '1', b: '2' } });
    const annotations = { [LAST]: `${JSON.stringify(body)}\n` };
    const created = { ...body, metadata: { ...body.metadata, annotations } };
    const { json: made } = await call('POST', `${core}/configmaps?fieldManager=kubectl-client-side-apply`, created);
    const [entry] = made.metadata.managedFields;
    // The annotation gets an owner of its own first, so that it outlives what follows.
    const keeper = { ...configMap('moved'), metadata: { name: 'moved', annotations } };
    const { json: kept } = await call('PATCH', `${url}?fieldManager=kubectl-last-applied`, keeper, 'application/apply-patch+yaml');
    const [annotated] = kept.metadata.managedFields.filter(({ manager }: any) => manager === 'kubectl-last-applied');
    const applied = [{ ...entry, manager: 'kubectl', operation: 'Apply' }, annotated];

    const stale = await call('PATCH', url, upgrade(applied, '1'), JSON_PATCH);
    expect([stale.status, stale.json.reason, stale.json.message]).toEqual([409, 'Conflict', expect.stringContaining(modified)]);
    const refused = await call(
      'PATCH',
      url,
      [{ op: 'test', path: '/metadata/resourceVersion', value: '1' }, ...upgrade(applied, '')],
      JSON_PATCH,
    );
    expect(refused.status).toBe(422);
    const moved = await call('PATCH', url, upgrade(applied, kept.metadata.resourceVersion), JSON_PATCH);
    expect(moved.json.metadata.managedFields).toContainEqual(
      expect.objectContaining({ manager: 'kubectl', operation: 'Apply', fieldsV1: entry.fieldsV1 }),
    );

    const wanted = configMap('moved', { data: { a: '3' } });
    const { status, json } = await call('PATCH', `${url}?fieldManager=kubectl`, wanted, 'application/apply-patch+yaml');
    expect([status, json.data]).toEqual([200, { a: '3' }]);
    expect(JSON.parse(json.metadata.annotations[LAST])).toMatchObject({ data: { a: '3' } });
    expect(json.metadata.managedFields.map(({ manager }: any) => manager).sort()).toEqual(['kubectl', 'kubectl-last-applied']);
  });

  test('before the entry is moved, fields as last applied are taken without force, others are conflicts', async () => {
    const last = configMap('taken', { data: { a: '1', b: '2' } });
    const created = { ...last, metadata: { ...last.metadata, annotations: { [LAST]: JSON.stringify(last) } } };
    await call('POST', `${core}/configmaps?fieldManager=kubectl-client-side-apply`, created);
    const apply = (data: object, manager: string) =>
      call('PATCH', `${core}/configmaps/taken?fieldManager=${manager}`, configMap('taken', { data }), 'application/apply-patch+yaml');
    expect((await apply({ a: '9' }, 'someone')).status).toBe(409);
    expect((await apply({ a: '9' }, 'kubectl')).status).toBe(200);
    await call('PATCH', `${core}/configmaps/taken?fieldManager=editor`, { data: { b: 'edited' } }, MERGE);
    expect((await apply({ a: '9', b: '3' }, 'kubectl')).json.message).toContain('conflict with "editor" using v1');
  });
});
