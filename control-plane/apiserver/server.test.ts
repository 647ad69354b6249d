// The server as HTTP clients see it, on the memory store.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isStatusError, type KubeObject } from '../../api/meta/index.ts';
import { decodeObject, PROTOBUF } from '../../api/wire/index.ts';
import { RESOURCES, type WatchEvent } from '../../kit/client/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { startTestServer, type TestServer } from './testing.ts';

let world: TestServer;
beforeAll(async () => {
  world = await startTestServer();
});
afterAll(() => world.close());

const maps = RESOURCES.configmaps;
const map = (name: string, data: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data,
});
const inDefault = { namespace: 'default' };
const path = '/api/v1/namespaces/default/configmaps';

async function call(method: string, url: string, options: { body?: object | string; headers?: Record<string, string> } = {}) {
  const answer = await world.client.request(method, url, options);
  const text = Buffer.from(answer.body).toString();
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    json: text.includes('\n{') || !text.startsWith('{') ? undefined : JSON.parse(text),
  };
}

describe('writes', () => {
  test('a write that changes nothing keeps the resourceVersion', async () => {
    const made = await world.client.create(maps, map('same', { a: '1' }));
    const again = await world.client.update(maps, { ...made });
    expect(again.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
  });

  test('a stale resourceVersion is refused, none at all is unconditional', async () => {
    const made = await world.client.create(maps, map('stale'));
    await world.client.update(maps, { ...made, data: { a: '1' } });
    await expect(world.client.update(maps, { ...made, data: { a: '2' } })).rejects.toMatchObject({ code: 409, reason: 'Conflict' });
    await expect(world.client.update(maps, map('stale', { a: '3' }))).resolves.toMatchObject({ data: { a: '3' } });
  });

  test('patches from many clients at once all arrive', async () => {
    await world.client.create(maps, map('counter'));
    const names = Array.from({ length: 40 }, (_, i) => `k${i}`);
    await Promise.all(names.map((name) => world.client.patch(maps, 'counter', 'merge', { data: { [name]: '1' } }, inDefault)));
    const { data } = await world.client.get(maps, 'counter', inDefault);
    expect(Object.keys(data)).toHaveLength(40);
  });

  test('dryRun answers and stores nothing', async () => {
    await expect(world.client.create(maps, map('dry'), { dryRun: true })).resolves.toMatchObject({ metadata: { name: 'dry' } });
    await expect(world.client.get(maps, 'dry', inDefault)).rejects.toSatisfy((error) => isStatusError(error, 'NotFound'));
  });

  test('finalizers hold an object, the last one removed lets it go', async () => {
    await world.client.create(maps, { ...map('held'), metadata: { name: 'held', namespace: 'default', finalizers: ['example.com/x'] } });
    const marked = await world.client.delete(maps, 'held', inDefault);
    expect(marked.metadata).toMatchObject({ deletionTimestamp: expect.any(String), deletionGracePeriodSeconds: 0 });
    await world.client.patch(maps, 'held', 'merge', { metadata: { finalizers: null } }, inDefault);
    await expect(world.client.get(maps, 'held', inDefault)).rejects.toSatisfy((error) => isStatusError(error, 'NotFound'));
  });

  test('generateName gives names of their own', async () => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'gen-', namespace: 'default' } };
    const made = await Promise.all(Array.from({ length: 20 }, () => world.client.create<KubeObject>(maps, body)));
    expect(new Set(made.map((object) => object.metadata.name)).size).toBe(20);
  });

  test('Services get different addresses, also at once, and give them back', async () => {
    const service = (name: string) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default' },
      spec: { type: 'NodePort', ports: [{ port: 80 }] },
    });
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, i) => world.client.create<KubeObject>(RESOURCES.services, service(`s${i}`))),
    );
    expect(new Set(made.map((object) => object['spec'].clusterIP)).size).toBe(20);
    expect(new Set(made.map((object) => object['spec'].ports[0].nodePort)).size).toBe(20);
    const { clusterIP } = made[0]!['spec'];
    const wanted = { ...service('wanted'), spec: { clusterIP, ports: [{ port: 80 }] } };
    await expect(world.client.create(RESOURCES.services, wanted)).rejects.toMatchObject({ code: 422 });
    await world.client.delete(RESOURCES.services, 's0', inDefault);
    await expect(world.client.create(RESOURCES.services, wanted)).resolves.toMatchObject({ spec: { clusterIP } });
  });
});

describe('lists', () => {
  test('pages show one snapshot', async () => {
    for (const name of ['page-a', 'page-b', 'page-c'])
      await world.client.create(maps, { ...map(name), metadata: { name, namespace: 'default', labels: { page: 'x' } } });
    const first = await call('GET', `${path}?labelSelector=page%3Dx&limit=1`);
    await world.client.create(maps, { ...map('page-aa'), metadata: { name: 'page-aa', namespace: 'default', labels: { page: 'x' } } });
    await world.client.delete(maps, 'page-b', inDefault);
    const second = await call('GET', `${path}?labelSelector=page%3Dx&limit=5&continue=${first.json.metadata.continue}`);
    expect(second.json.items.map((item: KubeObject) => item.metadata.name)).toEqual(['page-b', 'page-c']);
    expect(second.json.metadata.resourceVersion).toBe(first.json.metadata.resourceVersion);
  });

  test('Table and PartialObjectMetadata forms', async () => {
    const table = await call('GET', path, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
    expect(table.json).toMatchObject({ kind: 'Table', columnDefinitions: [{ name: 'Name' }, { name: 'Data' }, { name: 'Age' }] });
    const partial = await call('GET', path, { headers: { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' } });
    expect(partial.json.kind).toBe('PartialObjectMetadataList');
    expect((await call('GET', path, { headers: { accept: 'text/plain' } })).status).toBe(406);
  });

  test('the path of a webhook may be empty', async () => {
    const webhook = (servicePath: string) => ({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'empty-path' },
      webhooks: [
        {
          name: 'a.example.com',
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          clientConfig: { service: { namespace: 'default', name: 'a', path: servicePath } },
        },
      ],
    });
    const hooks = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations?dryRun=All';
    expect((await call('POST', hooks, { body: webhook('') })).status).toBe(201);
    expect((await call('POST', hooks, { body: webhook('x') })).status).toBe(422);
  });
});

describe('watches', () => {
  async function collect(query: string, count: number, work: () => Promise<void>): Promise<WatchEvent[]> {
    const seen: WatchEvent[] = [];
    const stop = new AbortController();
    const params = Object.fromEntries(new URLSearchParams(query)) as Record<string, string>;
    const done = (async () => {
      for await (const event of world.client.watch(maps, { ...inDefault, ...params }, stop.signal)) seen.push(event);
    })().catch(() => {});
    await work();
    await waitFor({ what: `${count} events`, timeoutMs: 5000 }, () => seen.length >= count);
    stop.abort(new Error('enough'));
    await done;
    return seen;
  }

  test('what enters and leaves the selection is ADDED and DELETED', async () => {
    const { metadata } = await world.client.list(maps, inDefault);
    const events = await collect(`labelSelector=sel%3D1&resourceVersion=${metadata.resourceVersion}`, 3, async () => {
      await world.client.create(maps, map('sel'));
      await world.client.patch(maps, 'sel', 'merge', { metadata: { labels: { sel: '1' } } }, inDefault);
      await world.client.patch(maps, 'sel', 'merge', { data: { a: 'b' } }, inDefault);
      await world.client.patch(maps, 'sel', 'merge', { metadata: { labels: { sel: '2' } } }, inDefault);
    });
    expect(events.map((event) => event.type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
    expect(events[2]!.object.metadata.labels).toEqual({ sel: '1' });
    const revisions = events.map((event) => Number(event.object.metadata.resourceVersion));
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
  });

  test('a list by watch ends with a marked bookmark', async () => {
    const answer = await call(
      'GET',
      `${path}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1`,
    );
    const events = answer.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as WatchEvent);
    const mark = events.findIndex((event) => event.type === 'BOOKMARK');
    expect(events.slice(0, mark).every((event) => event.type === 'ADDED')).toBe(true);
    expect(events[mark]!.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
  });
});

describe('bad input', () => {
  test.each([
    ['POST', path, '{', 400],
    ['POST', path, '{}', 422],
    ['POST', `${path}?fieldValidation=Strict`, { metadata: { name: 'x' }, nope: 1 }, 400],
    ['POST', path, { metadata: { name: 'x' }, data: { a: 1 } }, 400],
    ['PUT', path, {}, 405],
    ['GET', '/api/v1/nothing', undefined, 404],
    ['GET', `${path}?resourceVersion=x`, undefined, 400],
    ['GET', `${path}?continue=x`, undefined, 400],
    ['GET', `${path}?fieldSelector=spec.x%3D1`, undefined, 400],
    ['PATCH', `${path}/counter`, {}, 415],
  ])('%s %s %j is %i', async (method, url, body, status) => {
    const answer = await call(method, url, body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } });
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ kind: 'Status', status: 'Failure', code: status });
  });

  test('a body beyond the limit is refused', async () => {
    const answer = await call('POST', path, { body: map('big', { a: 'x'.repeat(4 << 20) }) });
    expect(answer.status).toBe(413);
  });
});

describe('long lists as protobuf', () => {
  const COUNT = 150;

  test('are the objects of the JSON list, whole and as metadata alone', async () => {
    const names = Array.from({ length: COUNT }, (_, i) => `p${String(i).padStart(3, '0')}`);
    await Promise.all(
      names.map((name) => world.client.create(maps, { ...map(name, { a: name.repeat(700) }), metadata: { name, namespace: 'wire' } })),
    );
    const url = '/api/v1/namespaces/wire/configmaps';
    const listed = async (accept: string) => (await world.client.request('GET', url, { headers: { accept } })).body;
    const decoded = (body: Uint8Array, kind: string, group = '') => {
      const wanted = { group, version: 'v1', kind };
      return decodeObject(body, PROTOBUF, wanted, { fieldValidation: 'Ignore' }).object as unknown as { items: KubeObject[] };
    };
    const { json } = await call('GET', url);
    const bare = (object: KubeObject) => ({ metadata: object.metadata, data: object['data'] });
    // Twice: the second time, lengths are known.
    for (let time = 0; time < 2; time++) {
      const { items } = decoded(await listed(PROTOBUF), 'ConfigMapList');
      expect(items.map(bare)).toEqual(json.items.map(bare));
    }
    const as = `${PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`;
    const { items } = decoded(await listed(as), 'PartialObjectMetadataList', 'meta.k8s.io');
    expect(items.map(({ metadata }) => metadata)).toEqual(json.items.map(({ metadata }: KubeObject) => metadata));
  });
});
