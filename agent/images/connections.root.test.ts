// How a registry is reached: its own authority, client certificates, proxies; and in which words it is told that it cannot be.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { run } from '../../kit/exec/index.ts';
import { createCa, issue, type KeyPair } from '../../kit/net/index.ts';
import { systemClock } from '../../kit/run/index.ts';
import { type TestLayer, type TestRegistry, testRegistry } from './hostile-registry.ts';
import { ImageStore, type PullOptions, pullImage } from './index.ts';

const folder = mkdtempSync(`${tmpdir()}/wherry-connections-`);
const nowMs = systemClock.nowMs();
const ca = createCa('registries', nowMs);
const other = createCa('strangers', nowMs);
const certsDir = `${folder}/certs.d`;
let layer: TestLayer;
let stores = 0;

const serverOf = (authority: KeyPair, ips: string[], names: string[] = []) =>
  issue(authority, { commonName: 'registry', usages: ['server'], ips, dnsNames: names, days: 1 }, nowMs);
const pull = async (name: string, options: PullOptions = {}) => {
  const store = await ImageStore.open(`${folder}/store-${stores++}`);
  return await pullImage(store, name, { certsDir, stallMs: 5000, ...options });
};
const trust = (host: string, files: Record<string, string>) => {
  mkdirSync(`${certsDir}/${host}`, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(`${certsDir}/${host}/${name}`, content);
};

beforeAll(async () => {
  mkdirSync(`${folder}/layer`);
  writeFileSync(`${folder}/layer/file`, 'content');
  const { stdout } = await run('sh', ['-c', `tar -C ${folder}/layer -cf - . | base64 -w0`]);
  const tar = Buffer.from(stdout, 'base64');
  layer = { tar, blob: tar, mediaType: 'application/vnd.oci.image.layer.v1.tar' };
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

test('an authority of its own: refused, then trusted without a restart; a wrong one is told', async () => {
  await using registry = await testRegistry(serverOf(ca, ['127.0.0.1']));
  registry.image('x', [layer]);
  trust(registry.host, { 'ca.crt': other.cert });
  const unknown = `Get "https://${registry.host}/v2/x/manifests/latest": tls: failed to verify certificate: x509: certificate signed by unknown authority`;
  await expect(pull(`${registry.host}/x`)).rejects.toThrow(unknown);
  trust(registry.host, { 'company.crt': ca.cert });
  expect((await pull(`${registry.host}/x`)).layers).toHaveLength(1);
});

test('a certificate for another address', async () => {
  await using registry = await testRegistry(serverOf(ca, ['127.0.0.9']));
  trust(registry.host, { 'ca.crt': ca.cert });
  await expect(pull(`${registry.host}/x`)).rejects.toThrow('x509: certificate is valid for 127.0.0.9, not 127.0.0.1');
});

test('a registry that wants a client certificate gets it; one without its key is told', async () => {
  await using registry = await testRegistry({ ...serverOf(ca, ['127.0.0.1']), ca: ca.cert, requestCert: true, rejectUnauthorized: true });
  registry.image('x', [layer]);
  trust(registry.host, { 'ca.crt': ca.cert });
  await expect(pull(`${registry.host}/x`)).rejects.toThrow(/remote error: tls: .*certificate|connection reset|EOF/);
  const client = issue(ca, { commonName: 'node', usages: ['client'], days: 1 }, nowMs);
  trust(registry.host, { 'client.cert': client.cert });
  await expect(pull(`${registry.host}/x`)).rejects.toThrow(`client.cert lacks its client.key; an authority's file is named *.crt`);
  trust(registry.host, { 'client.key': client.key });
  expect((await pull(`${registry.host}/x`)).layers).toHaveLength(1);
});

test('a registry without TLS is told as Go does, and works once it is listed', async () => {
  await using registry = await testRegistry();
  registry.image('x', [layer]);
  trust(registry.host, {}); // so that loopback does not go without TLS
  await expect(pull(`${registry.host}/x`)).rejects.toThrow('http: server gave HTTP response to HTTPS client');
  expect((await pull(`${registry.host}/x`, { insecureRegistries: [registry.host] })).layers).toHaveLength(1);
});

test('nobody there', async () => {
  await expect(pull('127.0.0.1:1/x')).rejects.toThrow('dial tcp 127.0.0.1:1: connect: connection refused');
});

test.each([
  ['http://127.0.0.1:1', 'dial tcp 127.0.0.1:1: connect: connection refused'],
  ['socks5://127.0.0.1:1', 'HTTPS_PROXY must be the URL of an HTTP proxy'],
])('a proxy that is not there, or is none: %s', async (proxy, said) => {
  vi.stubEnv('HTTPS_PROXY', proxy);
  await expect(pull('registry.test/x')).rejects.toThrow(said);
});

/** Leads every host to the loopback, and keeps what it was asked. */
let proxy: { server: Server; url: string; asked: string[] };
beforeEach(async () => {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const { port, pathname } = new URL(request.url ?? '');
    fetch(`http://127.0.0.1:${port}${pathname}`).then(
      async (answer) => response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer())),
      (error: unknown) => response.destroy(error as Error),
    );
  });
  server.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`);
    const upstream = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    sockets.add(upstream);
    upstream.pipe(socket).pipe(upstream);
    for (const end of [upstream, socket]) end.on('error', () => {});
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  proxy = { server, asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  return async () => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    server.close();
  };
});

const portOf = ({ host }: TestRegistry) => host.split(':')[1];

test('a proxy of the environment: through a tunnel with TLS, and the registry checked all the same', async () => {
  await using registry = await testRegistry(serverOf(ca, [], ['registry.test']));
  registry.image('x', [layer]);
  vi.stubEnv('HTTPS_PROXY', proxy.url);
  const host = `registry.test:${portOf(registry)}`;
  await expect(pull(`${host}/x`)).rejects.toThrow('x509: certificate signed by unknown authority');
  trust(host, { 'ca.crt': ca.cert });
  expect((await pull(`${host}/x`)).layers).toHaveLength(1);
  expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT ${host}`]));
});

test('a proxy of the environment: without TLS; loopback goes past it', async () => {
  await using registry = await testRegistry();
  registry.image('x', [layer]);
  vi.stubEnv('HTTP_PROXY', proxy.url);
  const host = `registry.test:${portOf(registry)}`;
  expect((await pull(`${host}/x`, { insecureRegistries: [host] })).layers).toHaveLength(1);
  expect(proxy.asked[0]).toBe(`GET http://${host}/v2/x/manifests/latest`);
  proxy.asked.length = 0;
  expect((await pull(`${registry.host}/x`)).layers).toHaveLength(1);
  expect(proxy.asked).toEqual([]);
});
