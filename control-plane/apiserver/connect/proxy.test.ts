// Requests through the proxy, as HTTP clients see it, to a program on loopback that a pod's address leads to.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RESOURCES } from '../../../kit/client/index.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { proxyHandlers } from './proxy.ts';

const inDefault = { namespace: 'default' };

/** Says what it was asked; /page links to its own root, /away redirects to it. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const { method = '', url = '' } = request;
  if (url === '/page') response.setHeader('content-type', 'text/html').end('<a href="/next">');
  else if (url === '/away') response.writeHead(302, { location: '/next' }).end();
  else response.setHeader('x-asked', `${method} ${url}`).end(method === 'HEAD' ? undefined : `${method} ${url}`);
}

const program = createServer(answer);
let world: TestServer;
let base: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => program.listen(0, '127.0.0.1', resolve));
  world = await startTestServer({ handlers: proxyHandlers({ ca: '', cert: '', key: '' }) });
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', ...inDefault }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const made = await world.client.create<any>(RESOURCES.pods, pod);
  const ips = { podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }] };
  await world.client.update(RESOURCES.pods, { ...made, status: { ...made.status, ...ips } }, { ...inDefault, subresource: 'status' });
  base = `/api/v1/namespaces/default/pods/p:${(program.address() as AddressInfo).port}/proxy`;
});
afterAll(async () => {
  await world.close();
  program.closeAllConnections();
  program.close();
});

test.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('%s reaches the program', async (method) => {
  const { status, headers, body } = await world.client.request(method, `${base}/some/path?a=1`);
  expect([status, headers['x-asked']]).toEqual([200, `${method} /some/path?a=1`]);
  expect(body.toString()).toBe(method === 'HEAD' ? '' : `${method} /some/path?a=1`);
});

test('its pages and redirects lead back through the proxy', async () => {
  expect((await world.client.request('GET', `${base}/page`)).body.toString()).toBe(`<a href="${base}/next">`);
  expect((await world.client.request('GET', `${base}/away`)).headers['location']).toBe(`${base}/next`);
});

test('without a slash behind it, the proxy sends to where links are right', async () => {
  const { status, headers } = await world.client.request('GET', `${base}?a=1`);
  expect([status, headers['location']]).toEqual([301, `${base}/?a=1`]);
});
