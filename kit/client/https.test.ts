// The transport alone, against a plain HTTP/2 server; what a client means is in client.contract.ts.
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createHttpsClient } from './https.ts';
import { RESOURCES } from './resources.ts';

type Answer = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, session: number) => void;

async function serve(answer: Answer) {
  const server = http2.createServer();
  const sessions: http2.ServerHttp2Session[] = [];
  server.on('session', (session) => sessions.push(session));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    answer(stream, headers, sessions.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = createHttpsClient({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  return {
    client,
    sessions,
    async [Symbol.asyncDispose]() {
      await client.close();
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}

const json = (stream: http2.ServerHttp2Stream, status: number, body: unknown) => {
  stream.respond({ ':status': status });
  stream.end(JSON.stringify(body));
};

describe('https client', () => {
  test('a Status body becomes a StatusError', async () => {
    await using server = await serve((stream) =>
      json(stream, 409, { kind: 'Status', code: 409, reason: 'AlreadyExists', message: 'pods "a" already exists' }),
    );
    await expect(server.client.create(RESOURCES.pods, { metadata: { namespace: 'n', name: 'a' } })).rejects.toMatchObject({
      name: 'StatusError',
      code: 409,
      reason: 'AlreadyExists',
      message: 'pods "a" already exists',
    });
  });

  test('an answer without a Status keeps its text', async () => {
    await using server = await serve((stream) => {
      stream.respond({ ':status': 503 });
      stream.end('try later\n');
    });
    await expect(server.client.get(RESOURCES.pods, 'a', { namespace: 'n' })).rejects.toMatchObject({
      code: 503,
      reason: 'ServiceUnavailable',
      message: 'try later',
    });
  });

  test('410 in an ERROR event is Expired', async () => {
    await using server = await serve((stream) => {
      stream.respond({ ':status': 200 });
      stream.write(`${JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'a' } } })}\n`);
      stream.end(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } })}\n`);
    });
    const seen: string[] = [];
    const watching = (async () => {
      for await (const event of server.client.watch(RESOURCES.pods, {}, new AbortController().signal))
        seen.push(event.object.metadata.name ?? '');
    })();
    await expect(watching).rejects.toMatchObject({ code: 410, reason: 'Expired' });
    expect(seen).toEqual(['a']);
  });

  test('an answer that does not come ends at the deadline and says which', async () => {
    await using server = await serve(() => {});
    await expect(server.client.request('GET', '/slow', { timeoutMs: 30 })).rejects.toThrow(/GET http:.*\/slow: no answer within 30 ms/);
  });

  test('a watch stops with its signal', async () => {
    const stop = new AbortController();
    await using server = await serve((stream) => {
      stream.respond({ ':status': 200 });
      stream.write(' \n');
      stop.abort(new Error('enough'));
    });
    const watching = (async () => {
      for await (const _ of server.client.watch(RESOURCES.pods, {}, stop.signal));
    })();
    await expect(watching).rejects.toThrow('enough');
  });

  test('a lost connection is opened again', async () => {
    await using server = await serve((stream, _headers, session) =>
      session === 1 ? server.sessions[0]?.destroy() : json(stream, 200, { ok: true }),
    );
    await expect(server.client.request('GET', '/')).rejects.toThrow();
    expect((await server.client.request('GET', '/')).body.toString()).toBe('{"ok":true}');
    expect(server.sessions.length).toBe(2);
  });

  test('headers, token and body arrive', async () => {
    await using server = await serve((stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () =>
        json(stream, 200, { type: headers['content-type'], path: headers[':path'], body: Buffer.concat(chunks).toString() }),
      );
    });
    expect(await server.client.patch(RESOURCES.nodes, 'n', 'merge', { a: 1 }, { subresource: 'status', fieldManager: 'me' })).toEqual({
      type: 'application/merge-patch+json',
      path: '/api/v1/nodes/n/status?fieldManager=me',
      body: '{"a":1}',
    });
  });
});
