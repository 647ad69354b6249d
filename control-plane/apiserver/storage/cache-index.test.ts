import { expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import { CacheIndex } from './cache-index.ts';
import { encodeStored } from './codec.ts';
import { Decoder } from './decoder.ts';
import { Item } from './item.ts';

const decoder = new Decoder(() => {});
const pod = (name: string, nodeName?: string): Item => {
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: nodeName ? { nodeName } : {} };
  return new Item(name, 1, { value: encodeStored(object) }, decoder);
};
const names = (objects: readonly KubeObject[]) => objects.map(({ metadata }) => metadata.name).sort();

test('objects are found where they are now', () => {
  const index = new CacheIndex((object) => object['spec']?.nodeName);
  const bound = pod('b', 'n1');
  index.put(pod('a', 'n1'));
  index.put(pod('b'));
  expect(names(index.get('n1'))).toEqual(['a']);
  index.put(bound);
  expect(names(index.get('n1'))).toEqual(['a', 'b']);
  index.put(pod('a', 'n2'));
  expect([names(index.get('n1')), names(index.get('n2'))]).toEqual([['b'], ['a']]);
  index.remove(bound);
  expect(index.get('n1')).toEqual([]);
});
