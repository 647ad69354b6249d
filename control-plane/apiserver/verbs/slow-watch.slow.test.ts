// A watcher that does not read is cut off; nobody waits for it, and nobody else misses anything.
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RESOURCES } from '../../../kit/client/index.ts';
import { waitFor } from '../../../kit/run/index.ts';
import { startTestServer, type TestServer } from '../testing.ts';

/** Together more than a watcher may lag, and than the kernel's buffers take. */
const OBJECTS = 30;
const TEXT = 'x'.repeat(1 << 20);

let world: TestServer;
beforeAll(async () => {
  world = await startTestServer();
});
afterAll(() => world.close());

const url = (namespace: string) => `/api/v1/namespaces/${namespace}/configmaps?watch=true`;

/** Resolves to how to ask whether the server has closed the connection, once the watch has begun. */
async function silentHttp1(namespace: string): Promise<() => boolean> {
  const { hostname, port } = new URL(world.url);
  const socket = connectTls({ host: hostname, port: Number(port), ca: world.ca, ALPNProtocols: ['http/1.1'] });
  let closed = false;
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
  });
  socket.write(`GET ${url(namespace)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once('data', () => {
    socket.pause();
    resolve();
  });
  await promise;
  return () => {
    if (!closed) socket.resume(); // the end shows itself only to those who read what came before it
    return closed;
  };
}

async function silentHttp2(namespace: string): Promise<() => boolean> {
  const session = connectHttp2(world.url, { ca: world.ca });
  const stream = session.request({ ':path': url(namespace) });
  let closed = false;
  stream.on('error', () => {});
  stream.on('close', () => {
    closed = true;
    session.destroy();
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once('response', () => {
    stream.pause();
    resolve();
  });
  await promise;
  return () => closed;
}

test.each([
  ['HTTP/1.1', silentHttp1],
  ['HTTP/2', silentHttp2],
])('over %s', { timeout: 60_000 }, async (name, open) => {
  const namespace = name.replace(/\W/g, '').toLowerCase();
  const isClosed = await open(namespace);
  const stop = new AbortController();
  const seen: string[] = [];
  const reader = (async () => {
    for await (const event of world.client.watch(RESOURCES.configmaps, { namespace }, stop.signal))
      if (event.type === 'ADDED') seen.push(event.object.metadata.name!);
  })();
  reader.catch(() => {}); // ended by the signal
  const names = Array.from({ length: OBJECTS }, (_, n) => `m-${n}`);
  for (const object of names)
    await world.client.create(RESOURCES.configmaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: object, namespace },
      data: { TEXT },
    } as never);
  await waitFor({ what: 'the silent watcher to be cut off', timeoutMs: 30_000 }, isClosed);
  await waitFor({ what: 'the other one to see all', timeoutMs: 30_000 }, () => seen.length === OBJECTS);
  expect(seen).toEqual(names);
  const { body } = await world.client.request('GET', '/metrics');
  expect(Buffer.from(body).toString()).toContain('apiserver_terminated_watchers_total{group="",resource="configmaps"} ');
  stop.abort();
});
