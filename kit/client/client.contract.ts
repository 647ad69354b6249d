// What every Client must do, in-process or over HTTPS: run by the server's tests against a real store.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isStatusError, type KubeObject } from '../../api/meta/index.ts';
import { waitFor } from '../run/index.ts';
import type { Client, WatchEvent } from './client.ts';
import { createInformer } from './informer.ts';
import { RESOURCES } from './resources.ts';

/** `namespace` exists, is empty, and belongs to this run alone. */
export interface ClientUnderTest {
  client: Client;
  namespace: string;
  close(): Promise<void>;
}

export function clientContract(name: string, open: () => Promise<ClientUnderTest>): void {
  describe(`client contract: ${name}`, () => {
    let world: ClientUnderTest;
    const maps = RESOURCES.configmaps;
    const map = (mapName: string, data: Record<string, string> = {}, labels: Record<string, string> = {}) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: mapName, namespace: world.namespace, labels },
      data,
    });
    const inNamespace = () => ({ namespace: world.namespace });

    beforeAll(async () => {
      world = await open();
    });
    afterAll(async () => {
      await world?.close();
    });

    test('create, get, update, patch, delete', async () => {
      const { client } = world;
      const created = await client.create(maps, map('crud', { a: '1' }));
      expect(created.metadata.uid).toBeTruthy();
      expect(await client.get(maps, 'crud', inNamespace())).toMatchObject({ data: { a: '1' } });
      const updated = await client.update(maps, { ...created, data: { a: '2' } });
      expect(BigInt(updated.metadata.resourceVersion ?? 0)).toBeGreaterThan(BigInt(created.metadata.resourceVersion ?? 0));
      const patched = await client.patch(maps, 'crud', 'merge', { data: { b: '3' } }, inNamespace());
      expect(patched['data']).toEqual({ a: '2', b: '3' });
      await client.delete(maps, 'crud', inNamespace());
      await expect(client.get(maps, 'crud', inNamespace())).rejects.toMatchObject({ code: 404, reason: 'NotFound' });
    });

    test('errors are StatusErrors with upstream reasons', async () => {
      const { client } = world;
      const first = await client.create(maps, map('errors'));
      await expect(client.create(maps, map('errors'))).rejects.toSatisfy((e) => isStatusError(e, 'AlreadyExists'));
      await client.update(maps, { ...first, data: { a: '1' } });
      await expect(client.update(maps, { ...first, data: { a: '2' } })).rejects.toSatisfy((e) => isStatusError(e, 'Conflict'));
      await expect(client.delete(maps, 'errors', { ...inNamespace(), preconditions: { uid: 'other' } })).rejects.toSatisfy((e) =>
        isStatusError(e, 'Conflict'),
      );
      await client.delete(maps, 'errors', inNamespace());
    });

    test('what is returned is not the stored object of another call', async () => {
      const { client } = world;
      const body = map('copies', { a: '1' });
      await client.create(maps, body);
      body.data['a'] = 'changed by the caller';
      expect((await client.get(maps, 'copies', inNamespace()))['data']).toEqual({ a: '1' });
      await client.delete(maps, 'copies', inNamespace());
    });

    test('list selects by label and pages', async () => {
      const { client } = world;
      for (const n of ['p1', 'p2', 'p3']) await client.create(maps, map(n, {}, { page: 'yes' }));
      const first = await client.list(maps, { ...inNamespace(), labelSelector: 'page=yes', limit: 2 });
      expect(first.items.map((item) => item.metadata.name)).toEqual(['p1', 'p2']);
      const rest = await client.list(maps, {
        ...inNamespace(),
        labelSelector: 'page=yes',
        limit: 2,
        continue: first.metadata.continue ?? '',
      });
      expect(rest.items.map((item) => item.metadata.name)).toEqual(['p3']);
      for (const n of ['p1', 'p2', 'p3']) await client.delete(maps, n, inNamespace());
    });

    test('a watch from a list misses nothing and ends with its signal', async () => {
      const { client } = world;
      const listing = await client.list(maps, inNamespace());
      const made = await client.create(maps, map('watched'));
      const stop = new AbortController();
      const seen: WatchEvent[] = [];
      const watching = (async () => {
        const params = {
          ...inNamespace(),
          fieldSelector: 'metadata.name=watched',
          resourceVersion: listing.metadata.resourceVersion ?? '',
        };
        for await (const event of client.watch(maps, params, stop.signal)) seen.push(event);
      })().catch(() => {});
      await client.update(maps, { ...made, data: { a: '1' } });
      await client.delete(maps, 'watched', inNamespace());
      await waitFor({ what: 'three events', timeoutMs: 5_000 }, () => seen.length === 3);
      expect(seen.map((event) => event.type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
      stop.abort(new Error('seen enough'));
      await watching;
    });

    test('metadata alone is listed and watched', async () => {
      const { client } = world;
      const params = { ...inNamespace(), fieldSelector: 'metadata.name=meta', metadataOnly: true };
      const before = await client.create(maps, map('meta', { a: '1' }, { color: 'red' }));
      const { items, metadata } = await client.list(maps, params);
      const seen: WatchEvent[] = [];
      const stop = new AbortController();
      const watching = (async () => {
        for await (const event of client.watch(maps, { ...params, resourceVersion: metadata.resourceVersion ?? '' }, stop.signal))
          seen.push(event);
      })().catch(() => {});
      await client.patch(maps, 'meta', 'merge', { metadata: { labels: { color: 'blue' } } }, inNamespace());
      await client.delete(maps, 'meta', inNamespace());
      await waitFor({ what: 'two events', timeoutMs: 5_000 }, () => seen.length === 2);
      stop.abort(new Error('seen enough'));
      await watching;
      expect(items[0]).toMatchObject({ metadata: { name: 'meta', uid: before.metadata.uid, labels: { color: 'red' } } });
      expect(seen.map(({ object }) => object.metadata.labels)).toEqual([{ color: 'blue' }, { color: 'blue' }]);
      for (const object of [...items, ...seen.map((event) => event.object)]) expect(object).not.toHaveProperty('data');
    });

    test('an informer lists, follows and keeps its indexes', async () => {
      const { client } = world;
      await client.create(maps, map('i1', {}, { color: 'red' }));
      const stop = new AbortController();
      const told: string[] = [];
      const informer = createInformer<KubeObject>(client, maps, inNamespace(), {
        signal: stop.signal,
        indexes: { color: (object) => (object.metadata.labels?.['color'] ? [object.metadata.labels['color']] : []) },
      });
      informer.on({
        added: (object) => told.push(`+${object.metadata.name}`),
        updated: (_, object) => told.push(`~${object.metadata.name}`),
        deleted: (object) => told.push(`-${object.metadata.name}`),
      });
      await informer.synced;
      expect(informer.by('color', 'red').map((object) => object.metadata.name)).toEqual(['i1']);
      await client.patch(maps, 'i1', 'merge', { metadata: { labels: { color: 'blue' } } }, inNamespace());
      await client.create(maps, map('i2'));
      await client.delete(maps, 'i2', inNamespace());
      await waitFor({ what: 'i2 gone from the informer', timeoutMs: 5_000 }, () => told.includes('-i2'));
      expect(told.filter((line) => /i[12]$/.test(line))).toEqual(['+i1', '~i1', '+i2', '-i2']);
      expect(informer.by('color', 'blue').length).toBe(1);
      expect(informer.by('color', 'red').length).toBe(0);
      stop.abort(new Error('done'));
      await client.delete(maps, 'i1', inNamespace());
    });
  });
}
