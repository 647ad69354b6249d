// What no well-behaved client sends, over raw sockets, while another client's requests go on: each has its Status, nobody else notices.
import { connect as connectSession, constants } from 'node:http2';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHttpsClient, type HttpsClient, RESOURCES } from '../../kit/client/index.ts';
import { startTestServer, type TestServer } from './testing.ts';

let world: TestServer;
let other: HttpsClient;
const stop = new AbortController();
let bystander: Promise<number>;

beforeAll(async () => {
  world = await startTestServer();
  other = createHttpsClient({ server: world.url, ca: world.ca });
  await other.create(RESOURCES.configmaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'well', namespace: 'default' } });
  bystander = (async () => {
    let reads = 0;
    for (; !stop.signal.aborted; reads++) await other.get(RESOURCES.configmaps, 'well', { namespace: 'default' });
    return reads;
  })();
});
afterAll(async () => {
  stop.abort();
  expect(await bystander).toBeGreaterThan(10); // and none of them failed
  await other.close();
  await world.close();
});

const path = '/api/v1/namespaces/default/configmaps';

function open(): Promise<TLSSocket> {
  const { hostname, port } = new URL(world.url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), ca: world.ca, ALPNProtocols: ['http/1.1'], servername: 'localhost' }, () =>
      resolve(socket),
    );
    socket.on('error', reject);
  });
}

/** Writes bytes as they are, and reads until the server closes. */
async function raw(...pieces: (string | Buffer)[]): Promise<{ code: number; status: Record<string, any> | undefined }> {
  const socket = await open();
  for (const piece of pieces) socket.write(piece);
  return answerOn(socket);
}

/** What comes until the server closes, or all of a Status. */
async function answerOn(socket: TLSSocket): Promise<{ code: number; status: Record<string, any> | undefined }> {
  let text = '';
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (/"code":\d+}\s*$/.test(text)) socket.destroy();
    });
    socket.on('close', () => resolve());
    socket.on('error', () => resolve());
  });
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  const json = body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1);
  return { code: Number(text.split(' ')[1] ?? 0), status: json ? JSON.parse(json) : undefined };
}

const head = (method: string, url: string, headers: Record<string, string | number> = {}) =>
  `${[`${method} ${url} HTTP/1.1`, 'host: x', 'connection: close', ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)].join('\r\n')}\r\n\r\n`;

const send = (body: string | Buffer, type = 'application/json', url = path, method = 'POST') =>
  raw(head(method, url, { 'content-type': type, 'content-length': Buffer.byteLength(body) }), body);

describe('requests', () => {
  test.each([
    ['broken request line', () => raw('HELLO\r\n\r\n'), 400, 'BadRequest'],
    ['a header of 2 MB', () => raw(head('GET', path, { 'x-long': 'x'.repeat(2 << 20) })), 431, 'RequestHeaderFieldsTooLarge'],
    ['two lengths', () => raw(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n{}`), 400, 'BadRequest'],
    ['an unknown method', () => raw(head('PROPFIND', path)), 405, 'MethodNotAllowed'],
    ['a tunnel', () => raw('CONNECT elsewhere:443 HTTP/1.1\r\nhost: elsewhere:443\r\n\r\n'), 405, 'MethodNotAllowed'],
    ['a path that is no path', () => raw(head('GET', '/api/v1/namespaces/%zz/pods')), 400, 'BadRequest'],
    ['a bad timeout', () => raw(head('GET', `${path}?timeout=soon`)), 400, 'BadRequest'],
    ['a resourceVersion of the future', () => raw(head('GET', `${path}?resourceVersion=99999999`)), 504, 'Timeout'],
  ])('%s', async (_, ask, code, reason) => {
    const answer = await ask();
    expect(answer.code).toBe(code);
    if (reason) expect(answer.status).toMatchObject({ kind: 'Status', status: 'Failure', code, reason });
  });
});

const labels = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`l${i}`, 'v']));
const map = (metadata: object) => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
const tests = (operations: number) => {
  const patch = Array(operations).fill({ op: 'test', path: '/kind', value: 'ConfigMap' });
  return send(JSON.stringify(patch), 'application/json-patch+json', `${path}/well`, 'PATCH');
};
const longYaml = (name: string) => `${'# nothing\n'.repeat(70_000)}apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n`;
const bomb = `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefgh'
  .split('')
  .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[i]}`).join(', ')}]`)
  .join('\n')}`;

describe('bodies', () => {
  test.each([
    ['nothing', () => send(''), 400],
    ['half of a JSON object', () => send('{"kind":"ConfigMap"'), 400],
    [
      'JSON nested 20,000 deep',
      () => send(`{"apiVersion":"v1","kind":"ConfigMap","data":${'['.repeat(20_000)}${']'.repeat(20_000)}}`),
      400,
    ],
    ['JSON nested 500,000 deep', () => send(`{"metadata":${'{"a":'.repeat(500_000)}1${'}'.repeat(500_000)}}`), 400],
    ['a YAML bomb', () => send(`${bomb}\nkind: ConfigMap`, 'application/yaml'), 400],
    ['YAML of 70,000 lines', () => send(longYaml('long'), 'application/yaml'), 201],
    [
      'YAML of 70,000 lines to apply',
      () => send(longYaml('long-applied'), 'application/apply-patch+yaml', `${path}/long-applied?fieldManager=m`, 'PATCH'),
      201,
    ],
    ['YAML of a million entries', () => send(`a: [${'x,'.repeat(1_000_000)}]`, 'application/yaml'), 400],
    ['YAML nested 10,000 deep', () => send(`a: ${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'application/yaml'), 400],
    [
      'a YAML anchor to itself',
      () => send('apiVersion: v1\nkind: ConfigMap\nmetadata: &m\n  name: a\n  labels: *m\n', 'application/yaml'),
      400,
    ],
    [
      'a field whose name no header can hold',
      () => send('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"warned"},"\\ud9d5\\u0001\\u1234\\n":1}'),
      201,
    ],
    [
      '10,000 fields of nobody',
      () => send(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'warned-much' }, ...labels(10_000) })),
      201,
    ],
    [
      'no UTF-8',
      () =>
        send(
          Buffer.concat([
            Buffer.from('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"utf"},"data":{"a":"'),
            Buffer.from([0xff, 0xfe]),
            Buffer.from('"}}'),
          ]),
        ),
      201,
    ],
    ['broken protobuf', () => send(Buffer.from('k8s\0\x0a\xff\xff\xff\xff\x0fjunk', 'latin1'), 'application/vnd.kubernetes.protobuf'), 400],
    ['protobuf without its magic', () => send('junk', 'application/vnd.kubernetes.protobuf'), 400],
    ['a type of its own', () => send('{}', 'application/x-thing'), 415],
    ['a name of 254 characters', () => send(map({ name: 'a'.repeat(254) })), 422],
    ['a name of 253 characters', () => send(map({ name: 'a'.repeat(253) })), 201],
    ['10,000 labels', () => send(map({ name: 'labels', labels: labels(10_000) })), 201],
    ['annotations of 257 kB', () => send(map({ name: 'annotations', annotations: { a: 'x'.repeat(257 * 1024) } })), 422],
    [
      'a merge patch nested 20,000 deep',
      () => send(`{"data":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`, 'application/merge-patch+json', `${path}/well`, 'PATCH'),
      400,
    ],
    ['a JSON patch of 10,000 operations', () => tests(10_000), 200],
    ['a JSON patch of 10,001 operations', () => tests(10_001), 413],
  ])('%s', async (_, ask, code) => {
    const answer = await ask();
    expect(answer.code, JSON.stringify(answer.status)).toBe(code);
    if (code >= 400) expect(answer.status).toMatchObject({ kind: 'Status', status: 'Failure', code });
  });

  test('more than 3 MB is refused before it has all come', async () => {
    const answer = await raw(
      head('POST', path, { 'content-type': 'application/json', 'content-length': 1 << 30 }),
      Buffer.alloc(3 * 1024 * 1024 + 1, 'x'),
    );
    expect(answer).toMatchObject({
      code: 413,
      status: { reason: 'RequestEntityTooLarge', message: expect.stringContaining('limit is 3145728') },
    });
  });

  test.each([
    ['a resource of nobody', '/api/v1/namespaces/default/things', 404],
    ['a path that is no path', '/api/v1/namespaces/%zz/configmaps', 400],
    ['a type of its own', path, 415],
  ])('who is refused for %s and sends his 2 MB before he reads has his answer', async (_, url, code) => {
    const socket = await open();
    socket.write(head('POST', url, { 'content-type': 'application/x-thing', 'content-length': 64 * 32 * 1024 }));
    for (let piece = 0; piece < 64; piece++)
      await new Promise<void>((resolve, reject) =>
        socket.write(Buffer.alloc(32 * 1024, 'x'), (error) => (error ? reject(error) : resolve())),
      );
    expect(await answerOn(socket)).toMatchObject({ code, status: { kind: 'Status', code } });
  });

  test('a body that ends early leaves nothing behind', async () => {
    const socket = await open();
    socket.write(head('POST', path, { 'content-type': 'application/json', 'content-length': 100 }));
    socket.write('{"kind":"ConfigMap"');
    socket.destroy();
    await expect(other.list(RESOURCES.configmaps, { namespace: 'default' })).resolves.toBeDefined();
  });
});

describe('connections', () => {
  test('hundreds that say nothing, or half a line, hinder nobody', async () => {
    const sockets = await Promise.all(Array.from({ length: 200 }, open));
    for (const [i, socket] of sockets.entries()) if (i % 2) socket.write('GET /api/v1/pods HTTP/1.1\r\nhost: ');
    await expect(other.get(RESOURCES.configmaps, 'well', { namespace: 'default' })).resolves.toBeDefined();
    for (const socket of sockets) socket.destroy();
  });

  test('a flood of streams that are reset at once hinders nobody', async () => {
    const session = connectSession(world.url, { ca: world.ca });
    session.on('error', () => {});
    for (let i = 0; i < 5000 && !session.destroyed && !session.closed; i++) {
      const stream = session.request({ ':path': path });
      stream.on('error', () => {});
      stream.close(constants.NGHTTP2_CANCEL);
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    session.destroy();
    await expect(other.get(RESOURCES.configmaps, 'well', { namespace: 'default' })).resolves.toBeDefined();
  });

  test('10,000 headers of HTTP/2 are refused', async () => {
    const session = connectSession(world.url, { ca: world.ca, maxHeaderListPairs: 20_000 });
    session.on('error', () => {});
    const headers = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`x-h${i}`, 'v']));
    const outcome = await new Promise<string>((resolve) => {
      const stream = session.request({ ':path': path, ...headers });
      stream.on('response', ({ ':status': status }) => resolve(String(status)));
      stream.on('error', () => resolve('refused'));
      stream.on('close', () => resolve('refused'));
    });
    session.destroy();
    expect(['refused', '431']).toContain(outcome);
  });
});
