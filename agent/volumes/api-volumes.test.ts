import { expect, test } from 'vitest';
import type { Pod, VolumeProjection } from '../../api/gen/types/core.v1.ts';
import { type ApiSources, gather } from './api-volumes.ts';

const pod: Pod = { metadata: { name: 'p', namespace: 'n', uid: 'u' }, spec: { containers: [] } };
const there = new Map<string, object>([['configmaps/here', { metadata: {}, data: { a: 'A' } }]]);
const sources = {
  objects: { get: async (kind: string, _: string, name: string) => there.get(`${kind}/${name}`) },
} as unknown as ApiSources;
const show = async (...projections: VolumeProjection[]) => {
  const { payload } = await gather(pod, { name: 'v', projected: { sources: projections } }, sources);
  return Object.fromEntries([...payload].map(([path, { data }]) => [path, String(data)]));
};

test.each<[VolumeProjection[], string]>([
  [[{ configMap: { name: 'gone' } }, { configMap: { name: 'here' } }], 'configmap "gone" not found'],
  [[{ configMap: { name: 'gone' } }, { configMap: { name: 'gone' } }], 'configmap "gone" not found'],
  [[{ configMap: { name: 'gone' } }, { secret: { name: 'lost' } }], '[configmap "gone" not found, secret "lost" not found]'],
  [[{ configMap: { name: 'here', items: [{ key: 'b', path: 'b' }] } }], 'configmap references non-existent config key: b'],
])('all that a projection misses is told %#', async (projections, message) => {
  await expect(show(...projections)).rejects.toMatchObject({ message });
});

test('what is optional may be missing, and a source of nothing shows nothing', async () => {
  expect(await show({ configMap: { name: 'here' } }, { secret: { name: 'lost', optional: true } }, {})).toEqual({ a: 'A' });
});
