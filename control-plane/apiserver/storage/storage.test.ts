// The watch cache over a store: order, paging ranges, history, other writers.
import { expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import { waitFor } from '../../../kit/run/index.ts';
import { Conflict, openStore } from '../../store/index.ts';
import { ResourceCache } from './cache.ts';
import { encodeStored, withRevision } from './codec.ts';
import { Decoder } from './decoder.ts';
import { Item } from './item.ts';
import { Storage } from './storage.ts';

const maps = { group: '', plural: 'configmaps' };
const map = (name: string, data: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'n' },
  data,
});
const open = async (store: Awaited<ReturnType<typeof openStore>>) => {
  const storage = new Storage({ store, exclusive: false, defaults() {}, onFailure() {} });
  await storage.start();
  return storage;
};

test('bytes: the revision is put into what was stored', () => {
  const stored = encodeStored({ ...map('a'), metadata: { name: 'a', resourceVersion: '5' } });
  expect(Buffer.from(stored).toString()).not.toContain('resourceVersion');
  expect(JSON.parse(withRevision(stored, 7).toString()).metadata).toEqual({ resourceVersion: '7', name: 'a' });
});

test('a range is in key order, from a prefix, after a key', () => {
  const cache = new ResourceCache(0);
  const item = (local: string, revision: number) => new Item(local, revision, { value: encodeStored(map(local)) }, new Decoder(() => {}));
  for (const [i, local] of ['b/x', 'a/y', 'a-b/z', 'a/x', 'c/1'].entries()) cache.apply(local, i + 1, item(local, i + 1));
  const keys = (items: Item[]) => items.map(({ local }) => local);
  expect(keys(cache.range('', undefined))).toEqual(['a-b/z', 'a/x', 'a/y', 'b/x', 'c/1']);
  expect(keys(cache.range('a/', undefined))).toEqual(['a/x', 'a/y']);
  expect(keys(cache.range('a/', 'a/x'))).toEqual(['a/y']);
  expect(cache.since(3)?.map((event) => event.item.local)).toEqual(['a/x', 'c/1']);
});

test('a write is in the cache when it is answered; a stale one is refused', async () => {
  const store = await openStore({ driver: 'memory' });
  const storage = await open(store);
  const first = await storage.put(maps, 'n/a', map('a'), 'absent');
  expect(storage.get(maps, 'n', 'a')).toBe(first);
  expect(Object.isFrozen(first.object.metadata)).toBe(true);
  await storage.put(maps, 'n/a', map('a', { k: 'v' }), first);
  await expect(storage.put(maps, 'n/a', map('a', { k: 'w' }), first)).rejects.toBeInstanceOf(Conflict);
  storage.stop();
  await store.close();
});

test('resources that nobody stores are counted without being remembered', async () => {
  const store = await openStore({ driver: 'memory' });
  const storage = await open(store);
  await storage.put(maps, 'n/a', map('a'), 'absent');
  expect(storage.count(maps)).toBe(1);
  const before = [...storage.resources()].length;
  expect(storage.count({ group: 'example.com', plural: 'things' })).toBe(0);
  expect([...storage.resources()]).toHaveLength(before);
  storage.stop();
  await store.close();
});

test('what another writer commits arrives, and freshness waits for it', async () => {
  const store = await openStore({ driver: 'memory' });
  const [one, other] = [await open(store), await open(store)];
  const written = await one.put(maps, 'n/a', map('a'), 'absent');
  await other.fresh();
  expect(other.get(maps, 'n', 'a')?.revision).toBe(written.revision);
  await one.remove(maps, written);
  await waitFor({ what: 'the deletion', timeoutMs: 1000 }, () => other.get(maps, 'n', 'a') === undefined);
  one.stop();
  other.stop();
  await store.close();
});

test('after a restart the history before it is still told', async () => {
  const store = await openStore({ driver: 'memory' });
  const before = await open(store);
  const first = await before.put(maps, 'n/a', map('a'), 'absent');
  const second = await before.put(maps, 'n/a', map('a', { k: 'v' }), first);
  await before.remove(maps, second);
  before.stop();
  const after = await open(store);
  expect(after.cache(maps).since(first.revision)).toBeUndefined();
  const events = await after.history(maps, first.revision);
  expect(events.map(({ type, item }) => [type, item.object['data']])).toEqual([
    ['MODIFIED', { k: 'v' }],
    ['DELETED', { k: 'v' }],
  ]);
  expect(events[1]!.item.object.metadata.resourceVersion).toBe(String(events[1]!.item.revision));
  after.stop();
  await store.close();
});
