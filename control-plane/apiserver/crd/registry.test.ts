// Definitions in a server: many at once, names that become free, an end that another server completes.
import { afterEach, expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import { type Client, RESOURCES, type Resource } from '../../../kit/client/index.ts';
import { waitFor } from '../../../kit/run/index.ts';
import { openStore, type Store } from '../../store/index.ts';
import { type ApiServer, createApiServer } from '../index.ts';
import { openDoors } from '../testing.ts';

const crds = RESOURCES.customresourcedefinitions;
const stack: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of stack.splice(0).reverse()) await close();
});

async function start(store: Store): Promise<{ server: ApiServer; client: Client }> {
  const server = createApiServer({ store, serviceCIDR: '10.0.0.0/16', security: () => openDoors() });
  await server.start();
  stack.push(() => server.close());
  return { server, client: server.client({ name: 'anna', groups: [] }, 'test') };
}

async function memory(): Promise<Store> {
  const store = await openStore({ driver: 'memory' });
  stack.push(() => store.close());
  return store;
}

const definition = (plural: string, kind: string, group: string): KubeObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural, kind },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
});
const resource = (plural: string, kind: string, group: string): Resource => ({ group, version: 'v1', plural, kind, namespaced: true });
const conditionOf = (crd: KubeObject, type: string) => (crd['status']?.conditions ?? []).find((one: { type: string }) => one.type === type);
const waitEstablished = (client: Client, name: string) =>
  waitFor(
    { what: `${name} established`, timeoutMs: 20_000 },
    async () => conditionOf(await client.get(crds, name), 'Established')?.status === 'True' || undefined,
  );

test('200 definitions at once are all served', async () => {
  const { client } = await start(await memory());
  const each = Array.from({ length: 200 }, (_, i) => ({ plural: `things${i}`, kind: `Thing${i}`, group: `g${i % 7}.example.com` }));
  await Promise.all(each.map(({ plural, kind, group }) => client.create(crds, definition(plural, kind, group))));
  await Promise.all(each.map(({ plural, group }) => waitEstablished(client, `${plural}.${group}`)));
  for (const { plural, kind, group } of each) {
    const made = await client.create(resource(plural, kind, group), {
      apiVersion: `${group}/v1`,
      kind,
      metadata: { name: 'a', namespace: 'default' },
    });
    expect(made.metadata.uid).toBeDefined();
  }
});

test('a name that becomes free is the next definition’s', async () => {
  const { client } = await start(await memory());
  const group = 'g.example.com';
  await client.create(crds, definition('firsts', 'Same', group));
  await waitEstablished(client, `firsts.${group}`);
  await client.create(crds, definition('seconds', 'Same', group));
  await waitFor(
    { what: 'the conflict', timeoutMs: 5000 },
    async () => conditionOf(await client.get(crds, `seconds.${group}`), 'NamesAccepted')?.status === 'False' || undefined,
  );
  await client.delete(crds, `firsts.${group}`);
  await waitEstablished(client, `seconds.${group}`);
});

test('objects with finalizers hold their definition; a server that comes later completes its end', async () => {
  const store = await memory();
  const group = 'g.example.com';
  const things = resource('things', 'Thing', group);
  const first = await start(store);
  await first.client.create(crds, definition('things', 'Thing', group));
  await waitEstablished(first.client, `things.${group}`);
  for (let i = 0; i < 20; i++) {
    const metadata = { name: `t${i}`, namespace: 'default', ...(i < 2 ? { finalizers: ['example.com/held'] } : {}) };
    await first.client.create(things, { apiVersion: `${group}/v1`, kind: 'Thing', metadata });
  }
  await first.client.delete(crds, `things.${group}`);
  await first.server.close(); // at whatever step it is

  const second = await start(store);
  await waitFor({ what: 'all but the held ones to go', timeoutMs: 20_000 }, async () => {
    const { items } = await second.client.list(things, { namespace: 'default' });
    return items.length === 2 || undefined;
  });
  await expect(
    second.client.create(things, { apiVersion: `${group}/v1`, kind: 'Thing', metadata: { name: 'late', namespace: 'default' } }),
  ).rejects.toMatchObject({ code: 403 });
  for (const name of ['t0', 't1'])
    await second.client.patch(things, name, 'merge', { metadata: { finalizers: null } }, { namespace: 'default' });
  await waitFor({ what: 'the definition to go', timeoutMs: 20_000 }, () =>
    second.client.get(crds, `things.${group}`).then(
      () => undefined,
      (error: { code: number }) => error.code === 404,
    ),
  );
  await expect(second.client.list(things, { namespace: 'default' })).rejects.toMatchObject({ code: 404 });
});

test('a schema that changes ends the watches of its objects', async () => {
  const { client } = await start(await memory());
  const group = 'g.example.com';
  const crd = await client.create(crds, definition('things', 'Thing', group));
  await waitEstablished(client, `things.${group}`);
  const ended = (async () => {
    for await (const _ of client.watch(
      resource('things', 'Thing', group),
      { resourceVersion: crd.metadata.resourceVersion! },
      new AbortController().signal,
    ));
  })();
  const now = await client.get(crds, `things.${group}`);
  const [version] = (now['spec'] as { versions: object[] }).versions;
  await client.update(crds, { ...now, spec: { ...now['spec'], versions: [{ ...version, deprecated: true }] } });
  await ended;
});
