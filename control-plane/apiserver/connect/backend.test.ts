import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import type { ApiRequest } from '../request.ts';
import { pass, textOf } from './backend.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function backend(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  upgrade?: (socket: Duplex) => void,
): Promise<number> {
  const server: Server = createServer(answer);
  if (upgrade) server.on('upgrade', (_, socket) => upgrade(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const asked = (more: Partial<ApiRequest> = {}): ApiRequest =>
  ({
    method: 'GET',
    path: '/x',
    query: new URLSearchParams(),
    headers: {},
    signal: new AbortController().signal,
    warnings: [],
    ...more,
  }) as ApiRequest;

test('headers pass, credentials and hop-by-hop headers do not', async () => {
  let seen: IncomingMessage['headers'] = {};
  const port = await backend((request, response) => {
    seen = request.headers;
    response.writeHead(418, { 'x-answer': 'yes', connection: 'close' }).end('short and stout');
  });
  const headers = { authorization: 'Bearer secret', cookie: 'a=b', 'impersonate-user': 'x', ':method': 'GET', te: 'trailers' };
  const answer = await pass(asked({ headers }), { scheme: 'http', host: '127.0.0.1', port }, { path: '/y?a=1' });
  expect(answer.status).toBe(418);
  expect(answer.headers).toMatchObject({ 'x-answer': 'yes' });
  expect(answer.headers).not.toHaveProperty('connection');
  expect(await textOf(answer)).toBe('short and stout');
  expect(seen).toMatchObject({ cookie: 'a=b' });
  for (const name of ['authorization', 'impersonate-user', 'te']) expect(seen).not.toHaveProperty(name);
});

test('nobody there is 503', async () => {
  await expect(pass(asked(), { scheme: 'http', host: '127.0.0.1', port: 1 }, { path: '/' })).rejects.toMatchObject({
    code: 503,
    message: 'error trying to reach service: dial tcp 127.0.0.1:1: connect: connection refused',
  });
});

/** A client's socket whose server side the request carries. */
async function clientSocket(): Promise<{ ours: Duplex; theirs: Duplex }> {
  const accepted = Promise.withResolvers<Duplex>();
  const server = createTcpServer((socket) => accepted.resolve(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const theirs = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const ours = await accepted.promise;
  closing.push(() => {
    theirs.destroy();
    ours.destroy();
    server.close();
  });
  return { ours, theirs };
}

const upgradeHeaders = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io' };

test('a switch of protocols joins the two sockets, early bytes included', async () => {
  const port = await backend(
    () => {},
    (socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\nhello ',
      );
      socket.pipe(socket);
    },
  );
  const { ours, theirs } = await clientSocket();
  const answer = await pass(
    asked({ method: 'POST', headers: upgradeHeaders, upgrade: { socket: ours, head: Buffer.from('early ') } }),
    { scheme: 'http', host: '127.0.0.1', port },
    { path: '/exec' },
  );
  expect(answer.hijacked).toBe(true);
  theirs.write('late');
  let received = '';
  for await (const chunk of theirs) {
    received += chunk;
    if (received.endsWith('late')) break;
  }
  expect(received).toMatch(/^HTTP\/1.1 101 Switching Protocols\r\n[\s\S]*X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n/);
  expect(received.split('\r\n\r\n')[1]).toBe('hello early late');
});

test('a refusal is an answer: the client is never joined to a backend that did not switch', async () => {
  const port = await backend((_, response) => response.writeHead(404).end('container not found ("c")'));
  const { ours } = await clientSocket();
  const answer = await pass(
    asked({ method: 'POST', headers: upgradeHeaders, upgrade: { socket: ours, head: Buffer.alloc(0) } }),
    { scheme: 'http', host: '127.0.0.1', port },
    { path: '/exec' },
  );
  expect(answer.hijacked).toBeUndefined();
  expect(answer.status).toBe(404);
  expect(await textOf(answer)).toBe('container not found ("c")');
});
