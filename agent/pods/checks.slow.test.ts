import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { Server as GrpcServer, ServerCredentials, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeRequest, grpcCheck } from './grpc-check.ts';
import { actionUrl, httpCheck, portNumber, tcpCheck } from './http-check.ts';

const HOST = '127.0.0.1';
const LONG_MS = 10_000;
/** Long enough for the first half of an exchange on a busy machine. */
const SHORT_MS = 2000;
const listen = async (server: Server | ReturnType<typeof createTcpServer>): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  return (server.address() as AddressInfo).port;
};

describe('an HTTP probe', () => {
  const asked: IncomingMessage[] = [];
  const answers: Record<string, (response: ServerResponse) => void> = {
    '/ok': (response) => response.end('fine'),
    '/same': (response) => response.writeHead(302, { location: '/ok' }).end(),
    '/other': (response) => response.writeHead(301, { location: 'http://elsewhere.invalid/' }).end('moved'),
    '/loop': (response) => response.writeHead(302, { location: '/loop' }).end(),
    '/nowhere': (response) => response.writeHead(307).end('nowhere'),
    '/unchanged': (response) => response.writeHead(304, { location: '/bad' }).end(),
    '/big': (response) => response.end(Buffer.alloc(1 << 20)),
    '/bad': (response) => response.writeHead(500).end(),
    '/silent': () => {},
    '/stuck': (response) => response.writeHead(200).write('begun'),
    '/cut': (response) => response.writeHead(200, { 'content-length': '100' }).write('begun', () => response.destroy()),
  };
  const server = createServer((request, response) => {
    asked.push(request);
    answers[request.url ?? '']?.(response);
  });
  let port: number;
  beforeAll(async () => {
    port = await listen(server);
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const check = (path: string, timeoutMs = LONG_MS, scheme = 'http', headers: { name: string; value: string }[] = []) =>
    httpCheck(new URL(`${scheme}://${HOST}:${port}${path}`), headers, timeoutMs, 'kube-probe/1.36');

  test.each([
    ['/ok', { ok: true }],
    ['/same', { ok: true }],
    ['/big', { ok: true }],
    ['/other', { ok: true, warns: true, text: 'Probe terminated redirects, Response body: moved' }],
    ['/nowhere', { ok: true, warns: true, text: 'Probe terminated redirects, Response body: nowhere' }],
    ['/unchanged', { ok: true, warns: true }],
    ['/bad', { ok: false, text: 'HTTP probe failed with statuscode: 500' }],
    ['/cut', { ok: false, erred: 'failure', text: 'unexpected EOF' }],
  ])('%s', async (path, answer) => {
    const given = await check(path);
    expect(given).toMatchObject(answer);
    expect(given.warns).toBe((answer as typeof given).warns);
  });

  test('does not go round for ever', async () => {
    expect((await check('/loop')).text).toBe(`Get "http://${HOST}:${port}/loop": stopped after 10 redirects`);
  });

  test('has its time for headers and body together', async () => {
    const silent = `Get "http://${HOST}:${port}/silent": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`;
    const stuck = 'context deadline exceeded (Client.Timeout or context cancellation while reading body)';
    expect(await Promise.all([check('/silent', SHORT_MS), check('/stuck', SHORT_MS)])).toEqual([
      { ok: false, text: silent },
      { ok: false, erred: 'failure', text: stuck },
    ]);
  });

  test('over TLS to a server that speaks none', async () => {
    const text = `Get "https://${HOST}:${port}/ok": http: server gave HTTP response to HTTPS client`;
    expect(await check('/ok', LONG_MS, 'https')).toEqual({ ok: false, text });
  });

  test('sends its own headers unless it is given others, or empty ones', async () => {
    await check('/ok');
    expect(asked.at(-1)?.headers).toEqual({
      host: `${HOST}:${port}`,
      'user-agent': 'kube-probe/1.36',
      accept: '*/*',
      connection: 'close',
    });
    const given = [
      ['Host', 'name'],
      ['Accept', ''],
      ['User-Agent', ''],
      ['X-A', '1'],
      ['x-a', '2'],
    ].map(([name = '', value = '']) => ({ name, value }));
    await check('/ok', LONG_MS, 'http', given);
    expect(asked.at(-1)?.headers).toEqual({ host: 'name', 'x-a': '1, 2', connection: 'close' });
  });

  test('names the port also where it is the usual one', async () => {
    const url = actionUrl({ port: 80, path: 'x?y=z' }, { name: 'c' }, '127.0.0.2');
    expect((await httpCheck(url, [], LONG_MS, '')).text).toBe(
      'Get "http://127.0.0.2:80/x?y=z": dial tcp 127.0.0.2:80: connect: connection refused',
    );
  });
});

test('a port that the container does not name', () => {
  const container = { name: 'c', ports: [{ name: 'web', containerPort: 8080 }] };
  expect(portNumber(container, 'web')).toBe(8080);
  expect(portNumber(container, '81')).toBe(81);
  expect(() => portNumber(container, 'http')).toThrow('strconv.Atoi: parsing "http": invalid syntax');
});

test('a TCP probe', async () => {
  const server = createTcpServer((socket) => socket.destroy());
  const port = await listen(server);
  expect(await tcpCheck(HOST, port, LONG_MS)).toEqual({ ok: true, text: '' });
  await new Promise((resolve) => server.close(resolve));
  expect(await tcpCheck(HOST, port, LONG_MS)).toEqual({ ok: false, text: `dial tcp ${HOST}:${port}: connect: connection refused` });
});

describe('a gRPC probe', () => {
  const states: Record<string, number> = { '': 1, down: 2, [`${'long'.repeat(100)}`]: 1 };
  const server = new GrpcServer();
  let port: number;
  beforeAll(async () => {
    const method = { path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false } as const;
    const codec = {
      requestDeserialize: (bytes: Buffer) => bytes,
      requestSerialize: (bytes: Buffer) => bytes,
      responseDeserialize: (bytes: Buffer) => bytes,
      responseSerialize: (bytes: Buffer) => bytes,
    };
    server.addService({ check: { ...method, ...codec } }, {
      check: ({ request }: { request: Buffer }, done: (error: object | null, answer?: Buffer) => void) => {
        const [, state] = Object.entries(states).find(([name]) => encodeRequest(name).equals(request)) ?? [];
        if (request.includes('never')) return;
        if (state === undefined) done({ code: status.NOT_FOUND, details: 'unknown service' });
        else done(null, Buffer.from([0x08, state]));
      },
    } as never);
    port = await new Promise<number>((resolve, reject) =>
      server.bindAsync(`${HOST}:0`, ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
    );
  });
  afterAll(() => server.forceShutdown());

  test.each([
    ['', undefined],
    ['long'.repeat(100), undefined],
    ['down', 'service unhealthy (responded with "NOT_SERVING")'],
    ['nobody', 'error: health rpc probe failed: rpc error: code = NotFound desc = unknown service'],
  ])('of service "%.8s"', async (service, problem) => {
    const answer = await grpcCheck(HOST, port, service, LONG_MS, 'kube-probe/1.36');
    expect(answer).toEqual(problem === undefined ? { ok: true, text: '' } : { ok: false, text: problem });
  });

  test('that is not answered in time', async () => {
    expect(await grpcCheck(HOST, port, 'never', SHORT_MS, '')).toEqual({
      ok: false,
      text: 'timeout: health rpc did not complete within 2s',
    });
  });

  test('of a server that is not there, and of one that is another', async () => {
    const other = new GrpcServer();
    const bound = await new Promise<number>((resolve, reject) =>
      other.bindAsync(`${HOST}:0`, ServerCredentials.createInsecure(), (error, at) => (error ? reject(error) : resolve(at))),
    );
    expect((await grpcCheck(HOST, bound, '', LONG_MS, '')).text).toMatch(
      /^error: this server does not implement the grpc health protocol \(grpc\.health\.v1\.Health\): /,
    );
    other.forceShutdown();
    expect(await grpcCheck(HOST, bound, '', 200, '')).toEqual({
      ok: false,
      text: `timeout: failed to connect service "${HOST}:${bound}" within 0.2s: context deadline exceeded`,
    });
  });
});
