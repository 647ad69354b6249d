import { expect, test } from 'vitest';
import type { Client } from '../../../kit/client/index.ts';
import { type HistoryOwner, presentRevision } from './history.ts';

test('a revision has the template as upstream writes it: a replacement, keys in order', async () => {
  const made: { data: unknown; revision: number }[] = [];
  const client = {
    create: async (_: unknown, body: { data: unknown; revision: number }) => {
      made.push(body);
      return body;
    },
  };
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'd', namespace: 'n', uid: 'u' },
    spec: { template: { spec: { containers: [{ name: 'c', image: 'i' }] }, metadata: { labels: { b: '1', a: '2' } } } },
  } as unknown as HistoryOwner;
  await presentRevision(client as unknown as Client, owner, [], undefined);
  expect(made[0]?.revision).toBe(1);
  expect(JSON.stringify(made[0]?.data)).toBe(
    '{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"a":"2","b":"1"}},"spec":{"containers":[{"image":"i","name":"c"}]}}}}',
  );
});
