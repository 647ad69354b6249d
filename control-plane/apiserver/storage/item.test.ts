// What an item knows without its object, and how long it has that.
import { expect, test, vi } from 'vitest';
import { createdAt, encodeStored } from './codec.ts';
import { Decoder } from './decoder.ts';
import { CacheEvent, Item } from './item.ts';

const stored = (name: string) =>
  encodeStored({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'n' }, data: { a: '"apiVersion":"v2"' } });

function counting() {
  const decoder = new Decoder(() => {});
  return { decoder, decode: vi.spyOn(decoder, 'decode') };
}

test('bytes, lines and versions need no object; who looks gets one, frozen, with its revision', () => {
  const { decoder, decode } = counting();
  const item = new Item('n/a', 7, { value: stored('a') }, decoder);
  expect(item.json().toString()).toContain('"metadata":{"resourceVersion":"7","name":"a"');
  expect(new CacheEvent('ADDED', item, undefined).line('ADDED', item).toString()).toMatch(/^{"type":"ADDED","object":{.*}\n$/);
  expect(['v1', 'v2', 'apps/v1'].map((version) => item.isStoredAs(version))).toEqual([true, false, false]);
  expect(decode).not.toHaveBeenCalled();
  const { object } = item;
  expect([object.metadata.resourceVersion, Object.isFrozen(object['data']), item.object === object]).toEqual(['7', true, true]);
  expect(decode).toHaveBeenCalledOnce();
});

test('metadata is had without the object, and is the same with it', () => {
  const { decoder, decode } = counting();
  const annotations = { text: '}{"\\"}', näme: 'ä' };
  const managedFields = [{ manager: 'm', fieldsV1: { 'f:data': {} } }];
  const value = encodeStored({
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name: 'a', annotations, managedFields },
    data: { a: '}' },
  });
  const item = new Item('n/a', 7, { value }, decoder);
  const alone = item.metadata;
  expect(alone).toEqual({ name: 'a', annotations, resourceVersion: '7' });
  expect(decode).not.toHaveBeenCalled();
  expect(item.object.metadata.managedFields).toEqual(managedFields);
  expect(item.metadata).toEqual(alone);
});

test('a deletion shows the last state at its own revision', () => {
  const { decoder } = counting();
  const item = new Item('n/a', 7, { value: stored('a') }, decoder);
  expect(item.deletedAt(9).object).toEqual({ ...item.object, metadata: { ...item.object.metadata, resourceVersion: '9' } });
});

test('an object that was asked for stays; one that nobody wants fades, but is the same for who has it still', () => {
  const { decoder, decode } = counting();
  const [asked, idle] = ['a', 'b'].map((name) => new Item(`n/${name}`, 7, { value: stored(name) }, decoder)) as [Item, Item];
  const held = [asked.object, idle.object];
  decoder.fade();
  expect(asked.object).toBe(held[0]);
  expect([asked.fade(), idle.fade()]).toEqual([true, false]);
  expect(idle.object).toBe(held[1]);
  expect(decode).toHaveBeenCalledTimes(2);
});

test('of very many objects only the newest are held', () => {
  const { decoder } = counting();
  const items = Array.from({ length: 5000 }, (_, i) => new Item(`n/${i}`, 7, { value: stored(`${i}`) }, decoder));
  for (const item of items) void item.object;
  const stayed = items.filter((item) => item.fade()).length;
  expect(stayed).toBeGreaterThan(0);
  expect(stayed).toBeLessThanOrEqual(4096);
});

test('when an object was made is told by its bytes', () => {
  const annotations = { said: '{"creationTimestamp":"2020-01-01T00:00:00Z"}' };
  const metadata = {
    name: 'a',
    annotations,
    creationTimestamp: '2026-01-02T03:04:05Z',
    managedFields: [{ fieldsV1: { 'f:creationTimestamp': {} } }],
  };
  expect(createdAt(encodeStored({ kind: 'Event', metadata }))).toBe('2026-01-02T03:04:05Z');
  expect(createdAt(encodeStored({ kind: 'Event', metadata: { name: 'a', annotations } }))).toBeUndefined();
});
