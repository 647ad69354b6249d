import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import { type Client, RESOURCES, type Resource } from '../../../kit/client/index.ts';
import { waitFor } from '../../../kit/run/index.ts';
import { openStore, type Store } from '../../store/index.ts';
import { type ApiServer, createApiServer } from '../index.ts';
import { openDoors } from '../testing.ts';
import { type Asked, type Reply, startWebhook, type TestWebhook } from './testing.ts';

const GROUP = 'test.example.com';
const widgets = (version: string): Resource => ({ group: GROUP, version, plural: 'widgets', kind: 'Widget', namespaced: true });

let store: Store;
let server: ApiServer;
let client: Client;
let webhook: TestWebhook;
/** How the webhook answers; by default it moves spec.a of v1 to spec.b of v2 and back. */
let reply: (asked: Asked) => Reply;

const moved = (object: KubeObject, apiVersion: string): KubeObject => {
  const { a, b } = (object['spec'] ?? {}) as { a?: string; b?: string }; // an apply asks for objects without what is dropped, too
  const spec = apiVersion.endsWith('v2') ? { b: b ?? a } : { a: a ?? b };
  return { ...object, apiVersion, spec, metadata: { ...object.metadata, labels: { ...object.metadata.labels, by: apiVersion.slice(-2) } } };
};
const answer = ({ body }: Asked, convertedObjects: unknown[], result: object = { status: 'Success' }): Reply => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'ConversionReview',
  response: { uid: body.request.uid, convertedObjects, result },
});
const convert = (asked: Asked): Reply => {
  const { objects, desiredAPIVersion } = asked.body.request;
  return answer(
    asked,
    objects.map((object: KubeObject) => moved(object, desiredAPIVersion)),
  );
};

const field = (name: string) => ({
  openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { [name]: { type: 'string' } } } } },
});
const definition = (): KubeObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `widgets.${GROUP}` },
  spec: {
    group: GROUP,
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
    versions: [
      { name: 'v1', served: true, storage: true, schema: field('a') },
      { name: 'v2', served: true, storage: false, schema: field('b') },
    ],
    conversion: {
      strategy: 'Webhook',
      webhook: { conversionReviewVersions: ['v1'], clientConfig: { url: `${webhook.url}/convert`, caBundle: webhook.caBundle } },
    },
  },
});
const widget = (version: string, name: string, spec: object): KubeObject => ({
  apiVersion: `${GROUP}/${version}`,
  kind: 'Widget',
  metadata: { name, namespace: 'default' },
  spec,
});

beforeAll(async () => {
  webhook = await startWebhook((asked) => reply(asked));
  store = await openStore({ driver: 'memory' });
  server = createApiServer({ store, serviceCIDR: '10.0.0.0/16', security: () => openDoors() });
  await server.start();
  client = server.client({ name: 'anna', groups: [] }, 'test');
  reply = convert;
  await client.create(RESOURCES.customresourcedefinitions, definition());
  await waitFor({ what: 'the kind is served', timeoutMs: 5000 }, () => client.list(widgets('v1')));
});
afterEach(() => {
  reply = convert;
});
afterAll(async () => {
  await server.close();
  await store.close();
  await webhook[Symbol.asyncDispose]();
});

describe('each version shows every object', () => {
  test('created in one, read in the other', async () => {
    const made = await client.create(widgets('v2'), widget('v2', 'x', { b: '1' }));
    expect(made).toMatchObject({ apiVersion: `${GROUP}/v2`, spec: { b: '1' } });
    const one = await client.get(widgets('v1'), 'x', { namespace: 'default' });
    expect(one).toMatchObject({ apiVersion: `${GROUP}/v1`, spec: { a: '1' }, metadata: { uid: made.metadata.uid } });
  });

  test('the review names all it wants', async () => {
    const { request, ...review } = webhook.asked.at(-1)!.body;
    expect(review).toEqual({ kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1' });
    expect(request).toMatchObject({ desiredAPIVersion: `${GROUP}/v2`, objects: [{ kind: 'Widget' }] });
    expect(webhook.asked.at(-1)!.path).toBe('/convert?timeout=30s');
  });

  test('a list is one question, the second list none', async () => {
    for (const name of ['l1', 'l2', 'l3']) await client.create(widgets('v1'), widget('v1', name, { a: name }));
    const before = webhook.asked.length;
    const { items } = await client.list(widgets('v2'), { namespace: 'default' });
    expect(items.filter((item) => item.metadata.name!.startsWith('l')).map((item) => item['spec'])).toEqual([
      { b: 'l1' },
      { b: 'l2' },
      { b: 'l3' },
    ]);
    expect(webhook.asked.length).toBe(before + 1);
    await client.list(widgets('v2'), { namespace: 'default' });
    expect(webhook.asked.length).toBe(before + 1);
  });

  test('update, patch and delete in the version that is not stored', async () => {
    await client.create(widgets('v1'), widget('v1', 'u', { a: '1' }));
    const old = await client.get(widgets('v2'), 'u', { namespace: 'default' });
    await client.update(widgets('v2'), { ...old, spec: { b: '2' } });
    const patched = await client.patch(widgets('v2'), 'u', 'merge', { spec: { b: '3' } }, { namespace: 'default' });
    expect(patched['spec']).toEqual({ b: '3' });
    expect((await client.get(widgets('v1'), 'u', { namespace: 'default' }))['spec']).toEqual({ a: '3' });
    await client.delete(widgets('v2'), 'u', { namespace: 'default' });
    await expect(client.get(widgets('v1'), 'u', { namespace: 'default' })).rejects.toMatchObject({ code: 404 });
  });

  test('apply in either version, by one manager', async () => {
    const apply = (version: string, spec: object) =>
      client.patch(widgets(version), 's', 'apply', widget(version, 's', spec), { namespace: 'default', fieldManager: 'me' });
    await apply('v1', { a: '1' });
    expect((await apply('v2', { b: '2' }))['spec']).toEqual({ b: '2' });
    expect((await client.get(widgets('v1'), 's', { namespace: 'default' }))['spec']).toEqual({ a: '2' });
    await client.delete(widgets('v1'), 's', { namespace: 'default' });
  });

  test('managers in different versions: whoever changes a value takes it, under the name that it has for its owner', async () => {
    const place = { namespace: 'default' };
    const apply = (version: string, spec: object, fieldManager: string) =>
      client.patch(widgets(version), 'o', 'apply', widget(version, 'o', spec), { ...place, fieldManager });
    await apply('v1', { a: '1' }, 'x');
    await expect(apply('v2', { b: '2' }, 'y')).rejects.toThrow('Apply failed with 1 conflict: conflict with "x": .spec.a');
    await client.patch(widgets('v2'), 'o', 'merge', { spec: { b: '3' } }, { ...place, fieldManager: 'u' });
    const { metadata } = await client.get(widgets('v1'), 'o', place);
    const owners = metadata.managedFields!.filter(({ fieldsV1 }) => JSON.stringify(fieldsV1).includes('f:spec'));
    expect(owners.map(({ manager, apiVersion, fieldsV1 }) => [manager, apiVersion, JSON.stringify(fieldsV1)])).toEqual([
      ['u', `${GROUP}/v2`, '{"f:spec":{"f:b":{}}}'],
    ]);
    await client.delete(widgets('v1'), 'o', place);
  });

  test('a write that needs no conversion goes on while owners in another version cannot be asked for', async () => {
    const place = { namespace: 'default' };
    await client.create(widgets('v1'), widget('v1', 'q', { a: '1' }));
    const { metadata } = await client.patch(widgets('v2'), 'q', 'merge', { spec: { b: '2' } }, { ...place, fieldManager: 'u' });
    const before = metadata.managedFields;
    reply = (asked) => answer(asked, [], { status: 'Failure', message: 'not now' });
    const patched = await client.patch(widgets('v1'), 'q', 'merge', { spec: { a: '3' } }, place);
    reply = convert;
    expect([patched['spec'], patched.metadata.managedFields]).toEqual([{ a: '3' }, before]);
    await client.delete(widgets('v1'), 'q', place);
  });

  test('a watch with a selector follows the labels that the conversion sets', async () => {
    const stop = new AbortController();
    const { metadata } = await client.list(widgets('v2'), { namespace: 'default' });
    const seen: string[] = [];
    const params = { namespace: 'default', labelSelector: 'by=v2', resourceVersion: metadata.resourceVersion! };
    const watching = (async () => {
      for await (const { type, object } of client.watch(widgets('v2'), params, stop.signal)) {
        seen.push(`${type} ${object['spec'].b}`);
        if (type === 'DELETED') return;
      }
    })();
    await client.create(widgets('v1'), widget('v1', 'z', { a: '1' }));
    await client.delete(widgets('v1'), 'z', { namespace: 'default' });
    await watching;
    expect(seen).toEqual(['ADDED 1', 'DELETED 1']);
  });

  test('a watch ends with the conversion that fails', async () => {
    const { metadata } = await client.list(widgets('v2'), { namespace: 'default' });
    const params = { namespace: 'default', resourceVersion: metadata.resourceVersion! };
    const events = client.watch(widgets('v2'), params, new AbortController().signal)[Symbol.asyncIterator]();
    reply = () => ({ status: 500, text: 'boom' });
    const next = events.next();
    await client.create(widgets('v1'), widget('v1', 'e', { a: '1' }));
    await expect(next).rejects.toMatchObject({ code: 500, message: expect.stringContaining('conversion webhook for') });
    reply = convert;
    await client.delete(widgets('v1'), 'e', { namespace: 'default' });
  });

  test('a watch shows changes converted and in order', async () => {
    const stop = new AbortController();
    const { metadata } = await client.list(widgets('v2'), { namespace: 'default' });
    const seen: string[] = [];
    const watching = (async () => {
      const events = client.watch(widgets('v2'), { namespace: 'default', resourceVersion: metadata.resourceVersion! }, stop.signal);
      for await (const { type, object } of events) {
        seen.push(`${type} ${object['spec'].b}`);
        if (type === 'DELETED') return;
      }
    })();
    const made = await client.create(widgets('v1'), widget('v1', 'w', { a: '1' }));
    await client.update(widgets('v1'), { ...made, spec: { a: '2' } });
    await client.delete(widgets('v1'), 'w', { namespace: 'default' });
    await watching;
    expect(seen).toEqual(['ADDED 1', 'MODIFIED 2', 'DELETED 2']);
  });
});

describe('what a webhook may not do', () => {
  const what = `conversion webhook for ${GROUP}/v1, Kind=Widget`;
  const first = (asked: Asked): KubeObject => moved(asked.body.request.objects[0], asked.body.request.desiredAPIVersion);
  test.each<[string, (asked: Asked) => Reply, string]>([
    ['fail', (asked) => answer(asked, [], { status: 'Failure', message: 'no' }), `${what} failed: no`],
    [
      'fail silently',
      (asked) => answer(asked, [], { status: 'Failure' }),
      `${what} failed: response.result.status was 'Failure', not 'Success'`,
    ],
    ['leave one out', (asked) => answer(asked, []), `${what} returned 0 objects, expected 1`],
    [
      'convert to another version',
      (asked) => answer(asked, asked.body.request.objects),
      `${what} returned invalid object: invalid groupVersion`,
    ],
    [
      'change the name',
      (asked) => answer(asked, [{ ...first(asked), metadata: { name: 'other', namespace: 'default' } }]),
      'must have the same name: f != other',
    ],
    [
      'change the uid',
      (asked) => answer(asked, [{ ...first(asked), metadata: { name: 'f', namespace: 'default', uid: 'x' } }]),
      'must have the same UID:',
    ],
    ['answer nothing', () => ({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview' }), `${what} failed: no response provided`],
    [
      'answer another question',
      (asked) => ({ ...(convert(asked) as object), response: { uid: 'z' } }),
      `${what} failed: expected response.uid=`,
    ],
    [
      'break',
      () => ({ status: 500, text: 'boom' }),
      `${what} failed: an error on the server ("boom") has prevented the request from succeeding`,
    ],
  ])('%s', async (_, bad, text) => {
    await client.create(widgets('v1'), widget('v1', 'f', { a: '1' }));
    reply = bad;
    const read = client.get(widgets('v2'), 'f', { namespace: 'default' });
    await expect(read).rejects.toMatchObject({ code: 500, message: expect.stringContaining(text) });
    reply = convert;
    expect((await client.get(widgets('v2'), 'f', { namespace: 'default' }))['spec']).toEqual({ b: '1' });
    await client.delete(widgets('v1'), 'f', { namespace: 'default' });
  });

  test('change metadata: only labels and annotations count', async () => {
    reply = (asked) =>
      answer(asked, [
        { ...first(asked), metadata: { ...first(asked).metadata, finalizers: ['a.example.com/x'], annotations: { n: '1' } } },
      ]);
    await client.create(widgets('v1'), widget('v1', 'm', { a: '1' }));
    const { metadata } = await client.get(widgets('v2'), 'm', { namespace: 'default' });
    expect(metadata).toMatchObject({ annotations: { n: '1' }, labels: { by: 'v2' } });
    expect(metadata.finalizers).toBeUndefined();
  });
});
