import { expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import { CacheIndex } from './cache-index.ts';

const pod = (name: string, nodeName?: string): KubeObject => ({ metadata: { name }, spec: nodeName ? { nodeName } : {} });
const names = (objects: readonly KubeObject[]) => objects.map(({ metadata }) => metadata.name).sort();

test('objects are found where they are now', () => {
  const index = new CacheIndex((object) => object['spec']?.nodeName);
  const [a, b, bound] = [pod('a', 'n1'), pod('b'), pod('b', 'n1')];
  index.replace(undefined, a);
  index.replace(undefined, b);
  expect(names(index.get('n1'))).toEqual(['a']);
  index.replace(b, bound);
  expect(names(index.get('n1'))).toEqual(['a', 'b']);
  index.replace(a, pod('a', 'n2'));
  expect([names(index.get('n1')), names(index.get('n2'))]).toEqual([['b'], ['a']]);
  index.replace(bound, undefined);
  expect(index.get('n1')).toEqual([]);
});
