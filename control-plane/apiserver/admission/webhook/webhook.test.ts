import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { apiVersionOf, type KubeObject } from '../../../../api/meta/index.ts';
import { type Client, RESOURCES, type Resource } from '../../../../kit/client/index.ts';
import { waitFor } from '../../../../kit/run/index.ts';
import { openStore, type Store } from '../../../store/index.ts';
import type { Authorizer } from '../../authz/index.ts';
import { type ApiServer, createApiServer } from '../../index.ts';
import type { ApiRequest } from '../../request.ts';
import { openDoors } from '../../testing.ts';
import { type Asked, type Reply, startWebhook, type TestWebhook } from '../../webhook/testing.ts';
import { mutatingWebhooks, validatingWebhooks } from './index.ts';

const {
  configmaps: CONFIGMAPS,
  mutatingwebhookconfigurations: MUTATING,
  validatingwebhookconfigurations: VALIDATING,
  horizontalpodautoscalers: AUTOSCALERS,
} = RESOURCES;

/** May do nothing but get pods. */
const nobody: Authorizer = {
  authorize: ({ verb, resource }) => ({ allowed: verb === 'get' && resource === 'pods', reason: '' }),
} as Authorizer;

let store: Store;
let api: ApiServer;
let client: Client;
const cleanup: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  store = await openStore({ driver: 'memory' });
  api = createApiServer({
    store,
    serviceCIDR: '10.0.0.0/16',
    security: (services) => openDoors([mutatingWebhooks(services, nobody), validatingWebhooks(services, nobody)]),
  });
  await api.start();
  client = api.client({ name: 'anna', uid: 'u1', groups: ['g'], extra: { team: ['blue'] } }, 'test');
});
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});
afterAll(async () => {
  await api.close();
  await store.close();
});

const allow = ({ body }: Asked, more: object = {}): Reply => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid: body.request.uid, allowed: true, ...more },
});
const patch = (asked: Asked, ...operations: object[]): Reply =>
  allow(asked, { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') });

async function webhook(reply: (asked: Asked) => Reply): Promise<TestWebhook> {
  const made = await startWebhook(reply);
  cleanup.push(() => made[Symbol.asyncDispose]());
  return made;
}

const hook = (to: { url: string; caBundle?: string }, more: object = {}): object => ({
  name: 'a.example.com',
  clientConfig: { url: `${to.url}/x`, caBundle: to.caBundle },
  rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE', 'DELETE'], resources: ['configmaps'] }],
  admissionReviewVersions: ['v1'],
  sideEffects: 'None',
  timeoutSeconds: 5,
  ...more,
});

async function configure(resource: Resource, name: string, ...webhooks: object[]): Promise<void> {
  await client.create(resource, { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { name }, webhooks });
  cleanup.push(() => client.delete(resource, name));
}

let count = 0;
const configMap = (more: object = {}, data: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: `cm-${count++}`, namespace: 'default', ...more },
  data,
});
const create = (object: KubeObject, params = {}) => client.create(CONFIGMAPS, object, params);

describe('a mutating webhook', () => {
  test('is asked with an AdmissionReview and changes the object', async () => {
    const server = await webhook((asked) => patch(asked, { op: 'add', path: '/data/added', value: 'yes' }));
    await configure(MUTATING, 'm', hook(server));
    const made = await create(configMap({}, { a: '1' }), { fieldManager: 'me' });
    expect(made['data']).toEqual({ a: '1', added: 'yes' });
    expect(server.asked[0]!.path).toBe('/x?timeout=5s');
    const { request, ...review } = server.asked[0]!.body;
    expect(review).toEqual({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1' });
    expect(request).toMatchObject({
      kind: { group: '', version: 'v1', kind: 'ConfigMap' },
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
      requestResource: { group: '', version: 'v1', resource: 'configmaps' },
      name: made.metadata.name,
      namespace: 'default',
      operation: 'CREATE',
      userInfo: { username: 'anna', uid: 'u1', groups: ['g'], extra: { team: ['blue'] } },
      object: { apiVersion: 'v1', kind: 'ConfigMap', data: { a: '1' } },
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'me' },
    });
  });

  test('a name is generated afterwards: mutating webhooks do not see it, validating ones do', async () => {
    const server = await webhook((asked) => allow(asked));
    await configure(MUTATING, 'm', hook(server));
    await configure(VALIDATING, 'v', hook(server));
    const made = await create({ ...configMap(), metadata: { generateName: 'gen-', namespace: 'default', uid: 'mine' } });
    const [mutating, validating] = server.asked.map(({ body }) => body.request);
    expect(mutating.name).toBeUndefined();
    expect(mutating.object.metadata).not.toHaveProperty('name');
    expect(mutating.object.metadata).not.toHaveProperty('uid');
    expect(validating).toMatchObject({ name: made.metadata.name, object: { metadata: { uid: made.metadata.uid } } });
  });

  test('unknown fields of its patch are dropped, a wrong type is refused', async () => {
    let value: unknown = { oops: 1 };
    const server = await webhook((asked) =>
      patch(asked, { op: 'add', path: '/unknown', value }, { op: 'add', path: '/immutable', value: true }),
    );
    await configure(MUTATING, 'm', hook(server));
    const made = await create(configMap());
    expect(made).not.toHaveProperty('unknown');
    expect(made['immutable']).toBe(true);
    value = 1;
  });

  test('they run in the order of names, and each sees what came before', async () => {
    const order: string[] = [];
    const server = await webhook((asked) => {
      const at = asked.body.request.object.data?.n ?? '';
      order.push(at);
      return patch(asked, { op: 'add', path: '/data', value: { n: `${at}x` } });
    });
    await configure(MUTATING, 'b', hook(server));
    await configure(MUTATING, 'a', hook(server), hook(server, { name: 'b.example.com' }));
    expect((await create(configMap()))['data']).toEqual({ n: 'xxx' });
    expect(order).toEqual(['', 'x', 'xx']);
  });

  test('IfNeeded is asked again when a later one changed the object', async () => {
    const first = await webhook((asked) => allow(asked));
    const second = await webhook((asked) => patch(asked, { op: 'add', path: '/data', value: { b: '1' } }));
    await configure(MUTATING, 'a', hook(first, { reinvocationPolicy: 'IfNeeded' }), hook(first, { name: 'never.example.com' }));
    await configure(MUTATING, 'b', hook(second, { reinvocationPolicy: 'IfNeeded' }));
    await create(configMap());
    expect(first.asked).toHaveLength(3); // both, then the first again
    expect(first.asked[2]!.body.request.object.data).toEqual({ b: '1' });
    expect(second.asked).toHaveLength(1);
  });

  test('nothing changed: nobody is asked again', async () => {
    const server = await webhook((asked) => patch(asked, { op: 'replace', path: '/data', value: { a: '1' } }));
    await configure(MUTATING, 'a', hook(server, { reinvocationPolicy: 'IfNeeded' }));
    await create(configMap({}, { a: '1' }));
    expect(server.asked).toHaveLength(1);
  });

  test.each([
    [
      'a patch without a type',
      { patch: 'W10=' },
      'received invalid webhook response: webhook returned response.patch but not response.patchType',
    ],
    [
      'a type without a patch',
      { patchType: 'JSONPatch' },
      'received invalid webhook response: webhook returned response.patchType but not response.patch',
    ],
    ['another uid', { uid: 'z' }, 'got "z"'],
  ])('%s is a failure', async (_, more, text) => {
    const server = await webhook((asked) => allow(asked, more));
    await configure(MUTATING, 'm', hook(server));
    await expect(create(configMap())).rejects.toMatchObject({ code: 500, reason: 'InternalError', message: expect.stringContaining(text) });
  });

  test('a patch that does not fit is an internal error', async () => {
    const server = await webhook((asked) => patch(asked, { op: 'remove', path: '/data/none' }));
    await configure(MUTATING, 'm', hook(server));
    await expect(create(configMap())).rejects.toMatchObject({ code: 500 });
  });

  test('a patch on a deletion is refused', async () => {
    const made = await create(configMap());
    const server = await webhook((asked) => patch(asked, { op: 'add', path: '/data', value: {} }));
    await configure(MUTATING, 'm', hook(server));
    await expect(client.delete(CONFIGMAPS, made.metadata.name!, { namespace: 'default' })).rejects.toMatchObject({
      code: 500,
      message: expect.stringContaining(
        'admission webhook "a.example.com" attempted to modify the object, which is not supported for this operation',
      ),
    });
  });
});

describe('a validating webhook', () => {
  const deny = (status: object | undefined) => (asked: Asked) => allow(asked, { allowed: false, ...(status ? { status } : {}) });

  test.each([
    [{ message: 'no way' }, 400, 'admission webhook "a.example.com" denied the request: no way'],
    [{ reason: 'Forbidden', code: 403 }, 403, 'admission webhook "a.example.com" denied the request: Forbidden'],
    [undefined, 400, 'admission webhook "a.example.com" denied the request without explanation'],
    [{ code: 200, message: 'x' }, 400, 'admission webhook "a.example.com" denied the request: x'],
  ])('denies: %j', async (status, code, message) => {
    const server = await webhook(deny(status));
    await configure(VALIDATING, 'v', hook(server));
    await expect(create(configMap())).rejects.toMatchObject({ code, message });
  });

  test('sees what mutating ones made, the old object, and a deletion', async () => {
    const mutating = await webhook((asked) => patch(asked, { op: 'add', path: '/data', value: { b: '1' } }));
    const server = await webhook((asked) => allow(asked));
    await configure(VALIDATING, 'v', hook(server));
    await configure(
      MUTATING,
      'm',
      hook(mutating, { rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['CREATE'], resources: ['*/*'] }] }),
    );
    const made = await create(configMap());
    await client.update(CONFIGMAPS, { ...made, data: { c: '1' } });
    await client.delete(CONFIGMAPS, made.metadata.name!, { namespace: 'default' });
    const [created, updated, deleted] = server.asked.map(({ body }) => body.request);
    expect(created.object.data).toEqual({ b: '1' });
    expect(created.object.metadata.uid).toBe(made.metadata.uid);
    expect(updated).toMatchObject({
      operation: 'UPDATE',
      object: { data: { c: '1' } },
      oldObject: { data: { b: '1' } },
      options: { kind: 'UpdateOptions' },
    });
    expect(deleted).toMatchObject({
      operation: 'DELETE',
      object: null,
      oldObject: { data: { c: '1' } },
      options: { kind: 'DeleteOptions' },
    });
  });

  test('may warn, and may not patch', async () => {
    const server = await webhook((asked) => patch(asked, {}));
    await configure(VALIDATING, 'v', hook(server));
    await expect(create(configMap())).rejects.toThrow('validating webhook may not return response.patch');
  });

  test('in a dry run sees it, and nothing is stored', async () => {
    const server = await webhook((asked) => allow(asked));
    await configure(VALIDATING, 'v', hook(server));
    const object = configMap();
    await create(object, { dryRun: true });
    expect(server.asked[0]!.body.request).toMatchObject({ dryRun: true, options: { dryRun: ['All'] } });
    await expect(client.get(CONFIGMAPS, object.metadata.name!, { namespace: 'default' })).rejects.toMatchObject({ code: 404 });
  });

  test('speaks v1beta1 where that is listed first', async () => {
    const server = await webhook(() => ({ response: { allowed: false, status: { message: 'old' } } }));
    await configure(VALIDATING, 'v', hook(server, { admissionReviewVersions: ['v0', 'v1beta1', 'v1'] }));
    await expect(create(configMap())).rejects.toThrow('denied the request: old');
    expect(server.asked[0]!.body.apiVersion).toBe('admission.k8s.io/v1beta1');
  });
});

describe('failures', () => {
  const failed = (text: string) => `Internal error occurred: failed calling webhook "a.example.com": failed to call webhook: ${text}`;

  test('nobody listens', async () => {
    await configure(VALIDATING, 'v', hook({ url: 'https://127.0.0.1:1' }));
    await expect(create(configMap())).rejects.toMatchObject({
      code: 500,
      message: failed('Post "https://127.0.0.1:1/x?timeout=5s": dial tcp 127.0.0.1:1: connect: connection refused'),
    });
  });

  test('an authority that nobody trusts', async () => {
    const server = await webhook((asked) => allow(asked));
    const other = await webhook(() => undefined);
    await configure(VALIDATING, 'v', hook({ url: server.url, caBundle: other.caBundle }));
    const why = 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
    await expect(create(configMap())).rejects.toThrow(failed(`Post "${server.url}/x?timeout=5s": ${why}`));
  });

  test('an authority that is none', async () => {
    await configure(VALIDATING, 'v', hook({ url: 'https://127.0.0.1:1', caBundle: Buffer.from('nonsense').toString('base64') }));
    const why = 'could not get REST client: unable to load root certificates: unable to parse bytes as PEM block';
    await expect(create(configMap())).rejects.toThrow(`failed calling webhook "a.example.com": ${why}`);
  });

  test('a name that the certificate does not carry', async () => {
    const server = await webhook((asked) => allow(asked));
    await configure(VALIDATING, 'v', hook({ url: `https://localhost:${server.port}`, caBundle: server.caBundle }));
    await expect(create(configMap())).rejects.toThrow('tls: failed to verify certificate: x509: ');
  });

  test('it hangs', async () => {
    const server = await webhook(() => undefined);
    await configure(VALIDATING, 'v', hook(server, { timeoutSeconds: 1 }));
    await expect(create(configMap())).rejects.toThrow(failed(`Post "${server.url}/x?timeout=1s": context deadline exceeded`));
  });

  test.each([
    [{ status: 404, text: 'nope' }, 'the server could not find the requested resource'],
    [{ status: 500, text: 'boom' }, 'an error on the server ("boom") has prevented the request from succeeding'],
    [{ status: 200, text: 'hello' }, "couldn't get version/kind; json parse error:"],
  ])('it answers %j', async (reply, text) => {
    const server = await webhook(() => reply);
    await configure(VALIDATING, 'v', hook(server));
    await expect(create(configMap())).rejects.toThrow(failed(text));
  });

  test('are ignored when the policy says so; a refusal is not', async () => {
    let reply: (asked: Asked) => Reply = () => ({ status: 500, text: '' });
    const server = await webhook((asked) => reply(asked));
    await configure(VALIDATING, 'v', hook(server, { failurePolicy: 'Ignore' }));
    await configure(MUTATING, 'm', hook(server, { failurePolicy: 'Ignore' }));
    await create(configMap());
    expect(server.asked).toHaveLength(2);
    reply = (asked) => allow(asked, { allowed: false });
    await expect(create(configMap())).rejects.toMatchObject({ code: 400 });
  });
});

describe('who is asked', () => {
  test.each<[string, object, boolean]>([
    ['another group', { rules: [{ apiGroups: ['apps'], apiVersions: ['*'], operations: ['*'], resources: ['*'] }] }, false],
    ['everything', { rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] }] }, true],
    ['cluster scope', { rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['*'], scope: 'Cluster' }] }, false],
    ['the namespace by label', { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } } }, true],
    [
      'not that namespace',
      { namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['default'] }] } },
      false,
    ],
    ['the object by label', { objectSelector: { matchLabels: { app: 'x' } } }, true],
    ['not that object', { objectSelector: { matchLabels: { app: 'y' } } }, false],
  ])('%s: %j', async (_, more, asked) => {
    const server = await webhook((one) => allow(one));
    await configure(VALIDATING, 'v', hook(server, more));
    await create(configMap({ labels: { app: 'x' } }));
    expect(server.asked).toHaveLength(asked ? 1 : 0);
  });

  test.each<[string, boolean]>([
    ["object.metadata.labels['app'] == 'x'", true],
    ['object.metadata.name.startsWith("other")', false],
    ['request.operation == "CREATE" && request.userInfo.username == "anna" && !request.dryRun', true],
    ['oldObject == null', true],
    ["authorizer.group('').resource('pods').namespace('default').check('get').allowed()", true],
    ["authorizer.group('').resource('secrets').check('get').allowed()", false],
  ])('a condition: %s', async (expression, asked) => {
    const server = await webhook((one) => allow(one));
    await configure(VALIDATING, 'v', hook(server, { matchConditions: [{ name: 'c', expression }] }));
    await create(configMap({ labels: { app: 'x' } }));
    expect(server.asked).toHaveLength(asked ? 1 : 0);
  });

  test('a condition that fails refuses, unless another is false or failures are ignored', async () => {
    const server = await webhook((asked) => allow(asked));
    const fails = { name: 'err', expression: 'object.zzz == 1' };
    await configure(VALIDATING, 'a', hook(server, { matchConditions: [fails, { name: 'no', expression: 'false' }] }));
    await configure(VALIDATING, 'b', hook(server, { matchConditions: [fails], failurePolicy: 'Ignore' }));
    await create(configMap());
    expect(server.asked).toHaveLength(0);
    await configure(MUTATING, 'c', hook(server, { matchConditions: [fails] }));
    const object = configMap();
    await expect(create(object)).rejects.toMatchObject({
      code: 403,
      message: `configmaps "${object.metadata.name}" is forbidden: expression 'object.zzz == 1' resulted in error: no such key: zzz`,
    });
  });

  test('a condition that does not compile is no configuration', async () => {
    const bad = (expression: string) =>
      configure(VALIDATING, 'v', hook({ url: 'https://x.example' }, { matchConditions: [{ name: 'c', expression }] }));
    await expect(bad('1')).rejects.toMatchObject({
      code: 422,
      message: expect.stringContaining('webhooks[0].matchConditions[0].expression: Invalid value: "1": must evaluate to bool but got int'),
    });
    await expect(bad('x.y')).rejects.toThrow("compilation failed: ERROR: <input>:1:1: undeclared reference to 'x'");
  });

  test('the old object carries the label: removing it is no way around', async () => {
    const made = await create(configMap({ labels: { app: 'x' } }));
    const server = await webhook((asked) => allow(asked));
    await configure(VALIDATING, 'v', hook(server, { objectSelector: { matchLabels: { app: 'x' } } }));
    await client.update(CONFIGMAPS, { ...made, metadata: { ...made.metadata, labels: {} } });
    expect(server.asked).toHaveLength(1);
  });

  test('nobody about webhook configurations', async () => {
    const server = await webhook((asked) => allow(asked, { allowed: false }));
    const all = [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] }];
    await configure(VALIDATING, 'v', hook(server, { rules: all }));
    await configure(MUTATING, 'm', hook(server, { rules: all }));
    expect(server.asked).toHaveLength(0);
  });

  test('an equivalent version is converted, and its patch comes back', async () => {
    const server = await webhook((asked) => patch(asked, { op: 'replace', path: '/spec/maxReplicas', value: 7 }));
    const rules = [{ apiGroups: ['autoscaling'], apiVersions: ['v1'], operations: ['*'], resources: ['horizontalpodautoscalers'] }];
    await configure(MUTATING, 'm', hook(server, { rules }));
    const spec = {
      maxReplicas: 3,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' },
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } }],
    };
    const object = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'h', namespace: 'default' }, spec };
    const made = await client.create(AUTOSCALERS, object);
    expect(server.asked[0]!.body.request).toMatchObject({
      kind: { version: 'v1' },
      resource: { version: 'v1' },
      requestKind: { version: 'v2' },
      object: { apiVersion: 'autoscaling/v1', spec: { maxReplicas: 3, targetCPUUtilizationPercentage: 60 } },
    });
    expect(made).toMatchObject({ apiVersion: 'autoscaling/v2', spec: { ...spec, maxReplicas: 7 } });
  });

  test('a custom resource: pruned after the patch, converted where another version is wanted', async () => {
    const group = 'webhook.example.com';
    const schema = {
      openAPIV3Schema: { type: 'object', properties: { data: { type: 'object', additionalProperties: { type: 'string' } } } },
    };
    const version = (name: string) => ({ name, served: true, storage: name === 'v1', schema });
    const names = { plural: 'notes', singular: 'note', kind: 'Note', listKind: 'NoteList' };
    const spec = { group, scope: 'Namespaced', names, versions: [version('v1'), version('v2')], conversion: { strategy: 'None' } };
    await client.create(RESOURCES.customresourcedefinitions, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `notes.${group}` },
      spec,
    });
    cleanup.push(() => client.delete(RESOURCES.customresourcedefinitions, `notes.${group}`));
    const notes = (v: string): Resource => ({ group, version: v, plural: 'notes', kind: 'Note', namespaced: true });
    await waitFor({ what: 'the kind', timeoutMs: 5000 }, () => client.list(notes('v2')));
    const server = await webhook((asked) =>
      patch(asked, { op: 'add', path: '/data/b', value: '2' }, { op: 'add', path: '/unknown', value: 'x' }),
    );
    const rules = [{ apiGroups: [group], apiVersions: ['v1'], operations: ['*'], resources: ['notes'] }];
    await configure(MUTATING, 'm', hook(server, { rules }));
    const object = { apiVersion: `${group}/v2`, kind: 'Note', metadata: { name: 'n', namespace: 'default' }, data: { a: '1' } };
    const made = await client.create(notes('v2'), object);
    expect(server.asked[0]!.body.request).toMatchObject({
      kind: { version: 'v1' },
      requestKind: { version: 'v2' },
      object: { apiVersion: `${group}/v1` },
    });
    expect(made).toMatchObject({ apiVersion: `${group}/v2`, data: { a: '1', b: '2' } });
    expect(made).not.toHaveProperty('unknown');
  });

  test('an eviction is asked about as an Eviction, and not as a deletion', async () => {
    const pods = RESOURCES.pods;
    const spec = { containers: [{ name: 'c', image: 'i' }] };
    await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec });
    const server = await webhook((asked) => allow(asked));
    await configure(
      VALIDATING,
      'v',
      hook(server, { rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] }] }),
    );
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p', namespace: 'default' } };
    await client.create(pods, body, { name: 'p', subresource: 'eviction' });
    expect(server.asked.map((one) => one.body.request)).toMatchObject([
      {
        operation: 'CREATE',
        subResource: 'eviction',
        kind: { group: 'policy', version: 'v1', kind: 'Eviction' },
        resource: { resource: 'pods' },
      },
    ]);
  });

  test('a scale is asked about as a Scale', async () => {
    const server = await webhook((asked) => patch(asked, { op: 'replace', path: '/spec/replicas', value: 4 }));
    const rules = [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/scale'] }];
    await configure(MUTATING, 'm', hook(server, { rules }));
    const rc = RESOURCES.replicationcontrollers;
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    await client.create(rc, {
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: { name: 'r', namespace: 'default' },
      spec: { template },
    });
    const body = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'r', namespace: 'default' }, spec: { replicas: 2 } };
    const scaled = await client.update(rc, body, { subresource: 'scale' });
    expect(server.asked[0]!.body.request).toMatchObject({
      kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
      resource: { group: '', resource: 'replicationcontrollers' },
      subResource: 'scale',
      object: { kind: 'Scale', spec: { replicas: 2 } },
    });
    expect(scaled['spec']).toEqual({ replicas: 4 });
  });
});

test('calls are counted, with what became of them', async () => {
  const server = await webhook((asked) => allow(asked, { allowed: asked.body.request.object.data?.ok === 'yes' }));
  await configure(VALIDATING, 'v', hook(server, { name: 'counted.example.com' }));
  await configure(MUTATING, 'm', hook({ url: 'https://127.0.0.1:1' }, { name: 'open.example.com', failurePolicy: 'Ignore' }));
  await create(configMap({}, { ok: 'yes' }));
  await expect(create(configMap())).rejects.toMatchObject({ code: 400 });
  const path = '/metrics';
  const asked = { method: 'GET', path, query: new URLSearchParams(), headers: {}, warnings: [], user: { name: 'a', groups: [] } };
  const { body } = await api.handle({ ...asked, info: { isResource: false, verb: 'get', path } } as unknown as ApiRequest);
  for (const line of [
    'apiserver_admission_webhook_request_total{name="counted.example.com",operation="CREATE",rejected="false",type="validating",code="200"} 1',
    'apiserver_admission_webhook_rejection_count{error_type="no_error",name="counted.example.com",operation="CREATE",rejection_code="400",type="validating"} 1',
    'apiserver_admission_webhook_fail_open_count{name="open.example.com",type="admit"} 2',
  ])
    expect(String(body)).toContain(line);
});

test('connections are used again', async () => {
  const server = await webhook((asked) => allow(asked));
  await configure(VALIDATING, 'v', hook(server));
  for (let i = 0; i < 5; i++) await create(configMap());
  expect(server.asked).toHaveLength(5);
  expect(server.connections).toBe(1);
});

test('a Service is asked by its name', async () => {
  const made = await startWebhook((asked) => allow(asked, { allowed: false }), { host: '127.0.0.1', dnsNames: ['hook.default.svc'] });
  cleanup.push(() => made[Symbol.asyncDispose]());
  const service = { namespace: 'default', name: 'hook', path: '/check', port: made.port };
  await configure(VALIDATING, 'v', hook(made, { clientConfig: { service, caBundle: made.caBundle } }));
  const host = `hook.default.svc:${made.port}`;
  await expect(create(configMap())).rejects.toThrow(`Post "https://${host}/check?timeout=5s": service "hook" not found`);
  await client.create(RESOURCES.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'hook', namespace: 'default' },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  });
  await expect(create(configMap())).rejects.toThrow('admission webhook "a.example.com" denied the request without explanation');
  expect(made.asked[0]!.path).toBe('/check?timeout=5s');
  expect(made.asked[0]!.headers['host']).toBe(host);
});

test('a server comes up again, whatever webhooks would say of its own objects', async () => {
  const all = [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] }];
  await configure(VALIDATING, 'v', hook({ url: 'https://127.0.0.1:1' }, { rules: all }));
  await configure(MUTATING, 'm', hook({ url: 'https://127.0.0.1:1' }, { rules: all }));
  const endpoints = RESOURCES.endpoints;
  const again = createApiServer({
    store,
    serviceCIDR: '10.0.0.0/16',
    advertise: { host: '192.0.2.1', port: 6443 },
    security: (services) => openDoors([mutatingWebhooks(services, nobody), validatingWebhooks(services, nobody)]),
  });
  await again.start();
  const client = again.client({ name: 'anna', groups: [] }, 'test');
  expect((await client.get(endpoints, 'kubernetes', { namespace: 'default' }))['subsets']).toBeDefined();
  await expect(client.create(CONFIGMAPS, configMap())).rejects.toThrow('failed calling webhook "a.example.com"');
  await again.close();
});
