import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type EventSink, WatchBody } from './bodies.ts';
import type { Encoded } from './encode.ts';
import type { ServedKind } from './kind-table.ts';
import type { ApiRequest } from './request.ts';
import { answerUpgrade } from './upgrade-answer.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(body: Encoded['body'], status = 200): Promise<number> {
  const server = createServer();
  servers.push(server);
  server.on('upgrade', (incoming, socket, head) => {
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    const request = { headers: incoming.headers, signal: gone.signal } as ApiRequest;
    void answerUpgrade(request, { socket, head }, { status, headers: { 'content-type': 'text/plain' }, body });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function* log(...chunks: string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

/** All messages until the server closes; a text message begins with "text:". */
async function messages(port: number, protocols: string[]): Promise<{ protocol: string; got: string[]; code: number }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, protocols);
  const got: string[] = [];
  socket.on('message', (data, isBinary) => got.push(`${isBinary ? '' : 'text:'}${data.toString()}`));
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', (code) => resolve({ protocol: socket.protocol, got, code }));
  });
}

test.each([
  { protocols: [], protocol: '', want: ['', 'one\n', 'two\n'] },
  { protocols: ['binary.k8s.io'], protocol: 'binary.k8s.io', want: ['', 'one\n', 'two\n'] },
  { protocols: ['base64.binary.k8s.io'], protocol: 'base64.binary.k8s.io', want: ['text:', 'text:b25lCg==', 'text:dHdvCg=='] },
])('a log over a WebSocket of $protocols', async ({ protocols, protocol, want }) => {
  const port = await serve(log('one\n', 'two\n'));
  expect(await messages(port, protocols)).toEqual({ protocol, got: want, code: 1000 });
});

test('a protocol that nobody has is refused, and the log let go', async () => {
  let closed = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.from('more\n');
    } finally {
      closed = true;
    }
  }
  const body = endless();
  await body.next();
  const port = await serve(body);
  await expect(messages(port, ['v4.channel.k8s.io'])).rejects.toThrow('403');
  await expect.poll(() => closed).toBe(true);
});

test('an error stays plain HTTP', async () => {
  const port = await serve('no such pod', 404);
  await expect(messages(port, ['binary.k8s.io'])).rejects.toThrow('404');
});

/** A watch whose sinks the test feeds. */
function fakeWatch() {
  const sinks: EventSink[] = [];
  const seen = { sinks, stopped: 0 };
  const watch = new WatchBody({} as ServedKind, (sink) => {
    sinks.push(sink);
    return () => void seen.stopped++;
  });
  return { seen, lines: { watch, line: ({ type }: { type: string }) => `${JSON.stringify({ type })}\n` } };
}

test('a watch sends each event as a text message', async () => {
  const { seen, lines } = fakeWatch();
  const { sinks } = seen;
  const port = await serve(lines);
  const answer = messages(port, []);
  await expect.poll(() => sinks.length).toBe(1);
  sinks[0]!.event({ type: 'ADDED' } as Parameters<EventSink['event']>[0]);
  sinks[0]!.event({ type: 'DELETED' } as Parameters<EventSink['event']>[0]);
  sinks[0]!.end();
  expect(await answer).toEqual({ protocol: '', got: ['text:{"type":"ADDED"}\n', 'text:{"type":"DELETED"}\n'], code: 1000 });
});

test('a client that leaves ends its watch', async () => {
  const { seen, lines } = fakeWatch();
  const port = await serve(lines);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  await expect.poll(() => seen.sinks.length).toBe(1);
  socket.close();
  await expect.poll(() => seen.stopped).toBe(1);
});
