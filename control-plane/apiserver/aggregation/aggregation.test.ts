import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as httpsRequest, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../api/meta/index.ts';
import { type Client, createHttpsClient, type HttpsClient, RESOURCES, type Resource } from '../../../kit/client/index.ts';
import { createCa, issue } from '../../../kit/net/index.ts';
import { systemClock, waitFor } from '../../../kit/run/index.ts';
import { openStore, type Store } from '../../store/index.ts';
import { type ApiServer, createApiServer } from '../index.ts';
import { openDoors } from '../testing.ts';

const nowMs = systemClock.nowMs();
const ca = createCa('cluster-ca', nowMs);
const frontProxyCa = createCa('front-proxy-ca', nowMs);
const frontProxyClient = issue(frontProxyCa, { commonName: 'front-proxy-client', usages: ['client'] }, nowMs);
const GROUP = 'ext.example.com';
const { apiservices, services, endpointslices } = RESOURCES;

let store: Store;
let server: ApiServer;
let client: Client;
let outside: HttpsClient;
let port: number;
const cleanup: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  store = await openStore({ driver: 'memory' });
  const doors = openDoors();
  server = createApiServer({
    store,
    serviceCIDR: '10.0.0.0/16',
    frontProxy: { ca: frontProxyCa.cert, client: frontProxyClient, clientCa: ca.cert },
    security: () => ({
      ...doors,
      authenticate: {
        name: 'authenticate',
        handle(request, next) {
          request.user ??= { name: 'anna', uid: 'u1', groups: ['one', 'two'], extra: { 'example.com/team': ['blue', 'red'] } };
          return next(request);
        },
      },
    }),
  });
  await server.start();
  client = server.client({ name: 'admin', groups: ['system:masters'] }, 'test');
  const serving = issue(ca, { commonName: 'api', ips: ['127.0.0.1'], usages: ['server'] }, nowMs);
  const listener = await server.listen({ addresses: [{ host: '127.0.0.1', port: 0 }], tls: serving });
  port = listener.addresses[0]!.port;
  outside = createHttpsClient({ server: `https://127.0.0.1:${port}`, ca: ca.cert });
});
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});
afterAll(async () => {
  await outside.close();
  await server.close();
  await store.close();
});

interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  raw: string[];
  body: string;
  client: string | undefined;
}

interface Extension {
  port: number;
  caBundle: string;
  seen: Seen[];
  /** The name in its certificate. */
  broken: boolean;
}

const list = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: `${GROUP}/v1`,
  resources: [
    { name: 'things', singularName: 'thing', namespaced: true, kind: 'Thing', verbs: ['get', 'list', 'watch'], shortNames: ['th'] },
    { name: 'things/status', singularName: '', namespaced: true, kind: 'Thing', verbs: ['get'] },
  ],
};

const swagger = {
  swagger: '2.0',
  paths: {
    [`/apis/${GROUP}/v1/things`]: { get: { responses: { 200: { description: 'OK', schema: { $ref: '#/definitions/Thing' } } } } },
    '/healthz': { get: {} },
  },
  definitions: { Thing: { type: 'object' } },
};

/** An extension server that believes the front proxy alone. */
async function startExtension(): Promise<Extension> {
  const own = createCa('extension-ca', nowMs);
  const serving = issue(own, { commonName: 'x', dnsNames: ['ext.default.svc'], usages: ['server'] }, nowMs);
  const extension: Extension = { port: 0, caBundle: Buffer.from(own.cert).toString('base64'), seen: [], broken: false };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const socket = request.socket as TLSSocket;
    const { url = '', method = '', headers, rawHeaders } = request;
    extension.seen.push({
      url,
      method,
      headers,
      raw: rawHeaders,
      body: Buffer.concat(chunks).toString(),
      client: socket.authorized ? String(socket.getPeerCertificate().subject.CN) : undefined,
    });
    const json = (body: object, status = 200) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (extension.broken) json({ broken: true }, 500);
    else if (url === `/apis/${GROUP}/v1`) json(list);
    else if (url === '/openapi/v3') json({ paths: { [`apis/${GROUP}/v1`]: { serverRelativeURL: `/openapi/v3/apis/${GROUP}/v1?hash=1` } } });
    else if (url.startsWith('/openapi/v3/')) json({ openapi: '3.0.0' });
    else if (url === '/openapi/v2') json(swagger);
    else if (url.includes('watch=true')) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"type":"ADDED","object":{}}\n');
    } else if (url.includes('missing'))
      json({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404, reason: 'NotFound', message: 'no such thing' }, 404);
    else json({ kind: 'ThingList', apiVersion: `${GROUP}/v1`, metadata: {}, items: [] });
  };
  const listener: Server = createServer(
    { cert: serving.cert, key: serving.key, ca: frontProxyCa.cert, requestCert: true, rejectUnauthorized: false },
    answer,
  );
  listener.on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, 'localhost', resolve));
  extension.port = (listener.address() as AddressInfo).port;
  cleanup.push(async () => {
    listener.closeAllConnections();
    await new Promise((resolve) => listener.close(resolve));
  });
  return extension;
}

const registration = (spec: object): KubeObject => ({
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: `v1.${GROUP}` },
  spec: { group: GROUP, version: 'v1', groupPriorityMinimum: 2000, versionPriority: 15, ...spec },
});

async function register(spec: object): Promise<void> {
  await client.create(apiservices, registration(spec));
  cleanup.push(() => client.delete(apiservices, `v1.${GROUP}`));
}

/** A Service outside of the cluster: tests have no pods. */
async function service(): Promise<void> {
  const object = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'ext', namespace: 'default' },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  };
  await client.create(services, object);
  cleanup.push(() => client.delete(services, 'ext', { namespace: 'default' }));
}

const condition = async (): Promise<{ status: string; reason: string; message: string }> =>
  (await client.get(apiservices, `v1.${GROUP}`))['status']?.conditions?.[0];
const reason = (wanted: string) =>
  waitFor({ what: wanted, timeoutMs: 10_000 }, async () => ((await condition())?.reason === wanted ? condition() : undefined));

async function running(): Promise<Extension> {
  const extension = await startExtension();
  await service();
  await register({ service: { namespace: 'default', name: 'ext', port: extension.port }, caBundle: extension.caBundle });
  await reason('Passed');
  return extension;
}

async function get(path: string, headers: Record<string, string> = {}): Promise<{ status: number; type: string; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({ host: '127.0.0.1', port, path, ca: ca.cert, headers }, async (response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      resolve({ status: response.statusCode!, type: response.headers['content-type'] ?? '', body });
    });
    outgoing.on('error', reject).end();
  });
}

describe('the server registers what it serves itself', () => {
  test('built-in groups and versions are Local', async () => {
    const found = await client.get(apiservices, 'v1.apps');
    expect(found.metadata.labels).toEqual({ 'kube-aggregator.kubernetes.io/automanaged': 'onstart' });
    expect(found['spec']).toEqual({ group: 'apps', version: 'v1', groupPriorityMinimum: 17_800, versionPriority: 15 });
    expect(found['status'].conditions).toMatchObject([{ type: 'Available', status: 'True', reason: 'Local' }]);
    await expect(client.get(apiservices, 'v1.apiregistration.k8s.io')).rejects.toMatchObject({ code: 404 });
    expect((await client.get(apiservices, 'v1.'))['spec']).toEqual({ version: 'v1', groupPriorityMinimum: 18_000, versionPriority: 1 });
  });

  test('those of a definition come and go with it, and come back when deleted', async () => {
    const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }];
    const names = { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', listKind: 'GadgetList' };
    const spec = { group: 'crd.example.com', scope: 'Cluster', names, versions };
    const name = 'v1.crd.example.com';
    await client.create(RESOURCES.customresourcedefinitions, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'gadgets.crd.example.com' },
      spec,
    });
    const made = await waitFor<KubeObject>({ what: name, timeoutMs: 5000 }, () => client.get(apiservices, name));
    expect(made['spec']).toEqual({ group: 'crd.example.com', version: 'v1', groupPriorityMinimum: 1000, versionPriority: 100 });
    await client.delete(apiservices, name);
    await waitFor({ what: `${name} again`, timeoutMs: 5000 }, () => client.get(apiservices, name));
    await client.delete(RESOURCES.customresourcedefinitions, 'gadgets.crd.example.com');
    const gone = () =>
      client.get(apiservices, name).then(
        () => false,
        () => true,
      );
    await waitFor({ what: `${name} gone`, timeoutMs: 5000 }, gone);
  });
});

describe('whether an extension server can be used', () => {
  const spec = { service: { namespace: 'default', name: 'ext', port: 443 }, insecureSkipTLSVerify: true };
  const unused = async () => {
    expect(await get(`/apis/${GROUP}/v1/things`)).toMatchObject({ status: 503, body: 'service unavailable\n' });
  };

  test('without its Service, its port, its endpoints', async () => {
    await register(spec);
    expect(await reason('ServiceNotFound')).toMatchObject({ status: 'False', message: 'service/ext in "default" is not present' });
    await unused();
    const ports = (port: number) => ({ ports: [{ port }] });
    const made = await client.create(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'ext', namespace: 'default' },
      spec: ports(80),
    });
    cleanup.push(() => client.delete(services, 'ext', { namespace: 'default' }));
    expect(await reason('ServicePortError')).toMatchObject({ message: 'service/ext in "default" is not listening on port 443' });
    await client.update(services, { ...made, spec: { ...made['spec'], ports: [{ port: 443 }] } });
    expect(await reason('EndpointsNotFound')).toMatchObject({ message: 'cannot find endpointslices for service/ext in "default"' });
    const metadata = { name: 'ext-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'ext' } };
    await client.create(endpointslices, {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata,
      addressType: 'IPv4',
      endpoints: [],
      ports: [],
    });
    cleanup.push(() => client.delete(endpointslices, 'ext-1', { namespace: 'default' }));
    expect(await reason('MissingEndpoints')).toMatchObject({
      message: 'endpointslices for service/ext in "default" have no addresses with port name ""',
    });
    await unused();
  });

  test('is told by the metrics, and how often it came to that', async () => {
    const told = (lines: readonly string[]) =>
      waitFor({ what: lines.join(), timeoutMs: 10_000 }, async () => {
        const { body } = await get('/metrics');
        return lines.every((line) => body.includes(`${line}\n`)) || undefined;
      });
    const gauge = `aggregator_unavailable_apiservice{name="v1.${GROUP}"}`;
    await running();
    await told([`${gauge} 0`, 'aggregator_unavailable_apiservice{name="v1.apps"} 0']);
    await client.delete(services, 'ext', { namespace: 'default' });
    cleanup.splice(1, 1); // nobody deletes it again
    await told([`${gauge} 1`, `aggregator_unavailable_apiservice_total{name="v1.${GROUP}",reason="ServiceNotFound"} 1`]);
  });

  test('while it does not answer', async () => {
    await service();
    await register({ ...spec, service: { ...spec.service, port: 1 } });
    const { message } = await reason('FailedDiscoveryCheck');
    const url = `https://localhost:1/apis/${GROUP}/v1`;
    expect(message).toBe(`failing or missing response from ${url}: Get "${url}": dial tcp localhost:1: connect: connection refused`);
    const { body } = await get('/apis', { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' });
    const group = JSON.parse(body).items.find((item: KubeObject) => item.metadata.name === GROUP);
    expect(group.versions).toEqual([{ version: 'v1', resources: [], freshness: 'Stale' }]);
  });

  test('while it answers with an error', async () => {
    const extension = await startExtension();
    extension.broken = true;
    await service();
    await register({ ...spec, service: { ...spec.service, port: extension.port } });
    expect((await reason('FailedDiscoveryCheck')).message).toMatch(
      /^failing or missing response from https:\S+: bad status from https:\S+: 500$/,
    );
  });
});

describe('an extension server', () => {
  test('is asked as the front proxy in the name of the user, who cannot be another', async () => {
    const extension = await running();
    const answer = await get(`/apis/${GROUP}/v1/namespaces/default/things?limit=5&labelSelector=a%3Db`, {
      'x-remote-user': 'mallory',
      'X-Remote-Group': 'system:masters',
      'x-remote-extra-scopes': 'all',
      authorization: 'Bearer secret',
    });
    expect(answer).toMatchObject({ status: 200, type: 'application/json' });
    expect(JSON.parse(answer.body).kind).toBe('ThingList');
    const { url, headers, raw, client: who } = extension.seen.at(-1)!;
    expect(url).toBe(`/apis/${GROUP}/v1/namespaces/default/things?limit=5&labelSelector=a%3Db`);
    expect(who).toBe('front-proxy-client');
    expect(headers).toMatchObject({ 'x-remote-user': 'anna', 'x-remote-uid': 'u1' });
    expect(headers).not.toHaveProperty('authorization');
    expect(headers).not.toHaveProperty('x-remote-extra-scopes');
    const values = (name: string) => raw.filter((_, at) => at % 2 === 1 && raw[at - 1]!.toLowerCase() === name);
    expect(values('x-remote-group')).toEqual(['one', 'two']);
    expect(values('x-remote-extra-example.com%2fteam')).toEqual(['blue', 'red']);
  });

  test('gets bodies, answers errors, streams a watch', async () => {
    const extension = await running();
    const things: Resource = { group: GROUP, version: 'v1', plural: 'things', kind: 'Thing', namespaced: true };
    await outside.create(things, { apiVersion: `${GROUP}/v1`, kind: 'Thing', metadata: { name: 'a', namespace: 'default' } });
    expect(extension.seen.at(-1)).toMatchObject({ method: 'POST', body: expect.stringContaining('"name":"a"') });
    await expect(outside.get(things, 'missing', { namespace: 'default' })).rejects.toMatchObject({ code: 404, message: 'no such thing' });
    const stop = new AbortController();
    for await (const event of outside.watch(things, { namespace: 'default' }, stop.signal)) {
      expect(event.type).toBe('ADDED');
      break;
    }
    stop.abort();
  });

  test('takes over an upgraded connection', async () => {
    await running();
    const headers = { connection: 'Upgrade', upgrade: 'echo' };
    const said = await new Promise<string>((resolve, reject) => {
      const outgoing = httpsRequest({
        host: '127.0.0.1',
        port,
        path: `/apis/${GROUP}/v1/namespaces/default/things/x/exec`,
        ca: ca.cert,
        headers,
      });
      outgoing.on('upgrade', (_, socket) => {
        socket.once('data', (data) => {
          resolve(String(data));
          socket.destroy();
        });
        socket.write('hello');
      });
      outgoing.on('error', reject).end();
    });
    expect(said).toBe('hello');
  });

  test('is in every discovery document, by its priority, and in the index of OpenAPI', async () => {
    await running();
    const groups: { name: string }[] = JSON.parse((await get('/apis')).body).groups;
    const names = groups.map(({ name }) => name);
    expect(names).toContain(GROUP);
    expect(names.indexOf(GROUP)).toBeGreaterThan(names.indexOf('apps'));
    const { body } = await get('/apis', { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' });
    const found = JSON.parse(body).items.find((item: KubeObject) => item.metadata.name === GROUP);
    expect(found.versions[0]).toMatchObject({
      version: 'v1',
      freshness: 'Current',
      resources: [
        {
          resource: 'things',
          singularResource: 'thing',
          scope: 'Namespaced',
          shortNames: ['th'],
          subresources: [{ subresource: 'status' }],
        },
      ],
    });
    expect(JSON.parse((await get(`/apis/${GROUP}`)).body)).toMatchObject({ kind: 'APIGroup', preferredVersion: { version: 'v1' } });
    expect(JSON.parse((await get(`/apis/${GROUP}/v1`)).body)).toMatchObject({ kind: 'APIResourceList' });
    const index = await waitFor({ what: 'the index', timeoutMs: 5000 }, async () => {
      const { paths } = JSON.parse((await get('/openapi/v3')).body);
      return paths[`apis/${GROUP}/v1`];
    });
    expect(JSON.parse((await get(index.serverRelativeURL)).body)).toEqual({ openapi: '3.0.0' });
  });

  test('with a certificate of another name is not spoken to', async () => {
    const extension = await startExtension();
    await service();
    const other = createCa('other', nowMs);
    await register({
      service: { namespace: 'default', name: 'ext', port: extension.port },
      caBundle: Buffer.from(other.cert).toString('base64'),
    });
    await reason('Passed'); // the check does not look at certificates
    const answer = await get(`/apis/${GROUP}/v1/namespaces/default/things`);
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body).message).toBe(
      'error trying to reach service: tls: failed to verify certificate: x509: certificate signed by unknown authority',
    );
  });

  test('is gone with its registration', async () => {
    await running();
    for (const undo of cleanup.splice(1).reverse()) await undo();
    expect((await get(`/apis/${GROUP}/v1/namespaces/default/things`)).status).toBe(404);
    expect(JSON.parse((await get('/apis')).body).groups.map((one: { name: string }) => one.name)).not.toContain(GROUP);
  });
});

test.each<[string, object, string]>([
  [
    'another name',
    { version: 'v2' },
    `metadata.name: Invalid value: "v1.${GROUP}": must be \`spec.version+"."+spec.group\`: "v2.${GROUP}"`,
  ],
  ['no priority', { groupPriorityMinimum: 0 }, 'spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000'],
  ['a bundle for nobody', { caBundle: 'AAAA' }, 'spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle'],
  ['a Service without a name', { service: { namespace: 'default' } }, 'spec.service.name: Required value'],
])('a registration with %s is refused', async (_, spec, text) => {
  await expect(client.create(apiservices, registration(spec))).rejects.toMatchObject({
    code: 422,
    message: expect.stringContaining(text),
  });
});

test('extension servers find what they must trust', async () => {
  const { data } = (await client.get(RESOURCES.configmaps, 'extension-apiserver-authentication', {
    namespace: 'kube-system',
  })) as unknown as {
    data: Record<string, string>;
  };
  expect(data['requestheader-client-ca-file']).toBe(frontProxyCa.cert);
  expect(data['client-ca-file']).toBe(ca.cert);
  expect(JSON.parse(data['requestheader-allowed-names']!)).toEqual(['front-proxy-client']);
});

test('what it serves is in OpenAPI v2, also in protobuf, while it is there', async () => {
  const extension = await running();
  const document = async () => JSON.parse((await get('/openapi/v2')).body);
  const { paths, definitions } = await document();
  expect(paths[`/apis/${GROUP}/v1/things`]).toEqual(swagger.paths[`/apis/${GROUP}/v1/things`]);
  expect(paths['/healthz']).toBeUndefined();
  expect(definitions.Thing).toEqual({ type: 'object' });
  expect(definitions['io.k8s.api.core.v1.Pod']).toBeDefined();
  const protobuf = await get('/openapi/v2', { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' });
  expect(protobuf.body).toContain(`/apis/${GROUP}/v1/things`);
  extension.broken = true;
  await client.patch(apiservices, `v1.${GROUP}`, 'merge', { metadata: { annotations: { look: 'again' } } });
  await reason('FailedDiscoveryCheck');
  expect((await document()).paths[`/apis/${GROUP}/v1/things`]).toBeUndefined();
});

test('clients of this process read its answers as objects, errors and events', async () => {
  const extension = await running();
  const things: Resource = { group: GROUP, version: 'v1', plural: 'things', kind: 'Thing', namespaced: true };
  expect(await client.discover(GROUP, 'v1')).toEqual([{ ...things, verbs: ['get', 'list', 'watch'] }]);
  expect((await client.discover('apps', 'v1')).map(({ plural }) => plural)).toContain('deployments');
  expect(await client.list(things, { namespace: 'default' })).toMatchObject({ kind: 'ThingList', items: [] });
  await expect(client.get(things, 'missing', { namespace: 'default' })).rejects.toMatchObject({ code: 404, reason: 'NotFound' });
  const stop = new AbortController();
  for await (const event of client.watch(things, {}, stop.signal)) {
    expect(event).toEqual({ type: 'ADDED', object: {} });
    break;
  }
  stop.abort();
  await client.delete(things, 'one', { namespace: 'default', propagationPolicy: 'Background' });
  expect(JSON.parse(extension.seen.at(-1)!.body)).toEqual({ kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' });
});
