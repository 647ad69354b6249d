import { expect, test } from 'vitest';
import { Indexed, keyOf, splitKey } from './indexed.ts';

const pod = (name: string, node: string) => ({ metadata: { namespace: 'n', name }, spec: { node } });

test('keys go there and back', () => {
  expect(keyOf(pod('a', ''))).toBe('n/a');
  expect(splitKey('n/a')).toEqual({ namespace: 'n', name: 'a' });
  expect(keyOf({ metadata: { name: 'node' } })).toBe('node');
  expect(splitKey('node')).toEqual({ namespace: '', name: 'node' });
});

test('indexes follow changes and removals, and see what was there before them', () => {
  const cache = new Indexed<ReturnType<typeof pod>>();
  cache.set('n/a', pod('a', 'x'));
  cache.addIndex('node', (p) => [p.spec.node]);
  cache.set('n/b', pod('b', 'x'));
  expect(cache.by('node', 'x').map((p) => p.metadata.name)).toEqual(['a', 'b']);
  cache.set('n/a', pod('a', 'y'));
  expect(cache.by('node', 'x').map((p) => p.metadata.name)).toEqual(['b']);
  expect(cache.by('node', 'y').map((p) => p.metadata.name)).toEqual(['a']);
  cache.delete('n/b');
  expect(cache.by('node', 'x')).toEqual([]);
  expect(() => cache.by('other', 'x')).toThrow('no index "other"');
});
