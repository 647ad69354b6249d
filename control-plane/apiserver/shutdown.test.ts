// A server that stops: who is served goes on to be served, watches end cleanly, what was acknowledged is kept.
import { afterEach, expect, test } from 'vitest';
import { createHttpsClient, RESOURCES } from '../../kit/client/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { openStore } from '../store/index.ts';
import { startTestServer, type TestServer } from './testing.ts';

let world: TestServer | undefined;
afterEach(() => world?.close());

const map = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } });

test('under load: every request that was taken is answered, every acknowledged write is there afterwards', async () => {
  const store = await openStore({ driver: 'memory' });
  const server = (world = await startTestServer({ store, shutdownDelayMs: 50 }));
  world = undefined; // closed here
  const clients = Array.from({ length: 8 }, () => createHttpsClient({ server: server.url, ca: server.ca }));
  const acknowledged: string[] = [];
  const failures: Error[] = [];
  let stopping = false;
  const writers = clients.map(async (client, i) => {
    for (let n = 0; ; n++) {
      try {
        await client.create(RESOURCES.configmaps, map(`w${i}-${n}`));
        acknowledged.push(`w${i}-${n}`);
      } catch (error) {
        if (!stopping) failures.push(error as Error);
        return;
      }
    }
  });
  const watched = server.client.request('GET', '/api/v1/configmaps?watch=1');
  await waitFor({ what: 'writes', timeoutMs: 10_000 }, () => acknowledged.length > 200);
  stopping = true;
  const closing = server.server.close();
  const refused = await clients[0]!.request('GET', '/readyz?verbose');
  expect([refused.status, Buffer.from(refused.body).toString()]).toEqual([
    500,
    expect.stringContaining('[-]shutdown failed: reason withheld'),
  ]);
  expect((await clients[0]!.request('GET', '/livez')).status).toBe(200);
  const [{ status, body }] = await Promise.all([watched, closing, ...writers]);
  expect(status).toBe(200); // ended, not cut off: the client read it to its end
  expect(Buffer.from(body).toString().endsWith('}\n')).toBe(true);
  expect(failures).toEqual([]);
  const { entries } = await store.list('/registry/core/configmaps/');
  const kept = new Set(entries.map(({ key }) => key.split('/').at(-1)));
  expect(acknowledged.filter((name) => !kept.has(name))).toEqual([]);
  await Promise.all(clients.map((client) => client.close()));
  await server.close();
});
