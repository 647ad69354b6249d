// A server that stops: who is served goes on to be served, watches end cleanly, what was acknowledged is kept.
import { afterEach, expect, test } from 'vitest';
import { createHttpsClient, RESOURCES } from '../../kit/client/index.ts';
import { type Clock, systemClock, waitFor } from '../../kit/run/index.ts';
import { openStore } from '../store/index.ts';
import { startTestServer, type TestServer } from './testing.ts';

let world: TestServer | undefined;
afterEach(() => world?.close());

const map = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } });

const DELAY_MS = 3_600_000;

/** The delay before the end lasts until the test lets it pass. */
function heldClock(): { clock: Clock; pass: () => void } {
  const delay = Promise.withResolvers<void>();
  const sleep: Clock['sleep'] = (ms, signal) => (ms === DELAY_MS ? delay.promise : systemClock.sleep(ms, signal));
  return { clock: { ...systemClock, sleep }, pass: () => delay.resolve() };
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('under load: every request that was taken is answered, every acknowledged write is there afterwards', async () => {
  const store = await openStore({ driver: 'memory' });
  const { clock, pass } = heldClock();
  const server = (world = await startTestServer({ store, shutdownDelayMs: DELAY_MS, clock }));
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
  const watch = await server.client.stream('GET', '/api/v1/configmaps?watch=1', { signal: AbortSignal.timeout(60_000) });
  expect(watch.status).toBe(200);
  const watched = textOf(watch.body);
  await waitFor({ what: 'writes', timeoutMs: 10_000 }, () => acknowledged.length > 200);
  stopping = true;
  const closing = server.server.close();
  const refused = await clients[0]!.request('GET', '/readyz?verbose');
  expect([refused.status, Buffer.from(refused.body).toString()]).toEqual([
    500,
    expect.stringContaining('[-]shutdown failed: reason withheld'),
  ]);
  expect((await clients[0]!.request('GET', '/livez')).status).toBe(200);
  pass();
  const [events] = await Promise.all([watched, closing, ...writers]);
  expect(events.endsWith('}\n')).toBe(true); // ended, not cut off: the client read it to its end
  expect(failures).toEqual([]);
  const { entries } = await store.list('/registry/core/configmaps/');
  const kept = new Set(entries.map(({ key }) => key.split('/').at(-1)));
  expect(acknowledged.filter((name) => !kept.has(name))).toEqual([]);
  await Promise.all(clients.map((client) => client.close()));
  await server.close();
});
