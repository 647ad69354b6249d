// Who is told of an object's changes, and when.
import { expect, test } from 'vitest';
import type { KubeObject } from '../../api/meta/index.ts';
import type { Client, WatchEvent } from '../../kit/client/index.ts';
import { ObjectCache } from './objects.ts';

const claim = (resourceVersion: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'c', namespace: 'ns', resourceVersion },
});

/** A cache of one object, which `change` changes. */
function world() {
  let change: (event: WatchEvent<KubeObject>) => void = () => {};
  const ended: string[] = [];
  async function* watch(_resource: unknown, _params: unknown, signal: AbortSignal) {
    signal.addEventListener('abort', () => ended.push('watch'));
    for (;;) yield await new Promise<WatchEvent<KubeObject>>((resolve) => (change = resolve));
  }
  const list = async () => ({ items: [claim('1')], metadata: { resourceVersion: '1' } });
  const told: string[] = [];
  let heard: () => void = () => {};
  const cache = new ObjectCache({
    client: { list, watch } as unknown as Client,
    onChange: (uid) => {
      told.push(uid);
      heard();
    },
    onError: (error) => told.push(String(error)),
  });
  const until = async (count: number) => {
    while (told.length < count) await new Promise<void>((resolve) => (heard = resolve));
  };
  return { cache, told, ended, until, change: (to: string) => change({ type: 'MODIFIED', object: claim(to) }) };
}

test('who asks for an object has its present state, and is told of later ones alone', async () => {
  const { cache, told, change, until, ended } = world();
  const read = () => cache.get('persistentvolumeclaims', 'ns', 'c', 'a');
  expect(await read()).toEqual(claim('1'));
  await new Promise(setImmediate);
  expect(told).toEqual([]);
  change('2');
  await until(1);
  expect(told).toEqual(['a']);
  expect(await read()).toEqual(claim('2'));
  cache.release('a');
  expect(ended).toEqual(['watch']);
});

test('who follows an object that it has read elsewhere is told once when changes can be seen, then of each', async () => {
  const { cache, told, change, until } = world();
  const follow = (uid: string) => cache.follow('persistentvolumeclaims', 'ns', 'c', uid);
  follow('a');
  follow('a');
  await until(1);
  follow('b');
  await until(2);
  expect(told).toEqual(['a', 'b']);
  change('2');
  await until(4);
  cache.release('a');
  cache.release('b');
  expect(told.slice(2)).toEqual(['a', 'b']);
});
