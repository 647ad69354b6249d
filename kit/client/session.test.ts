// A session whose connection was reset without Node noticing: made so by no longer reading from its descriptor.
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { isEstablished } from '../linux/index.ts';
import { waitFor } from '../run/index.ts';
import { createHttpsClient } from './https.ts';
import { Session } from './session.ts';

interface Handle {
  fd: number;
  readStop(): void;
}
const handleOf = (session: http2.ClientHttp2Session) => (session.socket as unknown as { _handle: Handle })._handle;

async function serve() {
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => {
    session.on('error', () => {});
    sessions.add(session);
  });
  server.on('stream', (stream) => stream.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sessions,
    reset() {
      for (const session of sessions) session.destroy();
    },
    async [Symbol.asyncDispose]() {
      this.reset();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('a session that lost its connection unseen is not given out again', async () => {
  await using server = await serve();
  const session = new Session({ server: server.url });
  const signal = AbortSignal.timeout(5_000);
  const first = await session.get(signal);
  expect((await session.get(signal)) === first).toBe(true);
  const { fd } = handleOf(first);
  handleOf(first).readStop();
  await waitFor({ what: 'the server to know the session', timeoutMs: 5_000 }, () => server.sessions.size === 1);
  server.reset();
  await waitFor({ what: 'the connection to end', timeoutMs: 5_000 }, () => !isEstablished(fd));
  expect(first.destroyed).toBe(false);
  expect((await session.get(signal)) === first).toBe(false);
  expect(first.destroyed).toBe(true);
  await session.close();
});

test('a request that waits on such a session fails soon, not at its deadline', async () => {
  await using server = await serve();
  let connected: http2.ClientHttp2Session | undefined;
  const { connect } = http2;
  http2.connect = ((...args: Parameters<typeof connect>) => (connected = connect(...args))) as typeof connect;
  const client = createHttpsClient({ server: server.url });
  try {
    const answer = client.request('GET', '/', { timeoutMs: 30_000 });
    answer.catch(() => {}); // looked at below
    await waitFor({ what: 'the server to know the session', timeoutMs: 5_000 }, () => server.sessions.size === 1);
    handleOf(connected!).readStop();
    server.reset();
    await expect(answer).rejects.toThrow('the connection was reset');
  } finally {
    http2.connect = connect;
    await client.close();
  }
});
