// pods/proxy, services/proxy and nodes/proxy: any request, passed on below another path.
import { badRequest, type KubeObject, notFound, serviceUnavailable } from '../../../api/meta/index.ts';
import type { HandlerContext, SubresourceHandler } from '../handlers.ts';
import type { Reader } from '../request.ts';
import { readyAddresses, slicesOf } from '../webhook/index.ts';
import { type Backend, pass } from './backend.ts';
import { nodeAddress } from './node-address.ts';
import { proxyName } from './pod-target.ts';
import type { AgentCredentials } from './pods.ts';
import { moveLinks, type ProxiedPlace } from './proxied-links.ts';

const PODS = { group: '', plural: 'pods' };
const SERVICES = { group: '', plural: 'services' };

type Target = ReturnType<typeof proxyName>;

async function read(reader: Reader, resource: { group: string; plural: string }, namespace: string, name: string): Promise<KubeObject> {
  const object = reader.get(resource, namespace, name) ?? (await reader.getFresh(resource, namespace, name));
  if (!object) throw notFound(resource, name);
  return object;
}

const portNumber = (text: string): number => {
  const port = Number(text);
  if (!(port >= 1 && port <= 65535)) throw badRequest(`invalid port ${JSON.stringify(text)}`);
  return port;
};

async function podBackend(reader: Reader, namespace: string, { scheme, name, port }: Target): Promise<Backend> {
  const pod = await read(reader, PODS, namespace, name);
  const declared: { containerPort: number }[] = (pod['spec'].containers as { ports?: { containerPort: number }[] }[]).flatMap(
    (c) => c.ports ?? [],
  );
  const host: string = pod['status']?.podIP ?? '';
  if (host === '') throw badRequest('address not allowed');
  const fallback = declared[0]?.containerPort ?? (scheme === 'https' ? 443 : 80);
  return { scheme: scheme || 'http', host, port: port === '' ? fallback : portNumber(port) };
}

interface ServicePort {
  name?: string;
  port: number;
}

async function serviceBackend(reader: Reader, namespace: string, { scheme, name, port }: Target, turn: number): Promise<Backend> {
  const service = await read(reader, SERVICES, namespace, name);
  const ports: ServicePort[] = service['spec']?.ports ?? [];
  const chosen =
    port === ''
      ? ports.length === 1
        ? ports[0]
        : ports.find((item) => !item.name)
      : ports.find((item) => item.name === port || String(item.port) === port);
  if (!chosen) throw serviceUnavailable(`no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`);
  const endpoints = readyAddresses(slicesOf(reader, { namespace, name }), chosen.name ?? '');
  const endpoint = endpoints[turn % endpoints.length];
  if (!endpoint) throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  return { scheme: scheme || 'http', ...endpoint };
}

async function nodeBackend(reader: Reader, { scheme, name, port }: Target, credentials: AgentCredentials): Promise<Backend> {
  const address = await nodeAddress(reader, name);
  const wanted = port === '' ? address.port : portNumber(port);
  if (wanted === address.port) return { scheme: 'https', host: address.host, port: wanted, tls: credentials };
  return { scheme: scheme || 'http', host: address.host, port: wanted };
}

/** Where the proxied path begins in the client's eyes. */
function baseOf({ request }: HandlerContext): string {
  const { rest } = request.info;
  return rest === '' ? request.path : request.path.slice(0, request.path.length - rest.length);
}

const placeOf = (context: HandlerContext, { host, port }: Backend): ProxiedPlace => ({
  base: baseOf(context),
  own: [`${host}:${port}`, host],
  server: context.request.headers['host'] ?? '',
});

const proxy = (backendOf: (context: HandlerContext, target: Target) => Promise<Backend>): SubresourceHandler => ({
  async connect(context) {
    const { request } = context;
    const { rest } = request.info;
    const backend = await backendOf(context, proxyName(request.info.name));
    const query = request.query.size > 0 ? `?${request.query}` : '';
    if (rest === '' && !request.path.endsWith('/') && (request.method === 'GET' || request.method === 'HEAD') && !request.upgrade)
      return { status: 301, headers: { location: `${request.path}/${query}` }, body: new Uint8Array() };
    const hasBody = request.method !== 'GET' && request.method !== 'HEAD' && !request.upgrade;
    const body = hasBody ? await request.body() : undefined;
    const response = await pass(request, backend, {
      path: `${rest === '' ? '/' : rest}${query}`,
      headers: { 'x-forwarded-uri': request.path, 'x-forwarded-proto': 'https', 'x-forwarded-for': request.remoteAddress },
      ...(body instanceof Uint8Array && body.length > 0 ? { body } : {}),
    });
    return response.hijacked ? response : moveLinks(response, placeOf(context, backend));
  },
});

export function proxyHandlers(credentials: AgentCredentials): Record<string, SubresourceHandler> {
  let turn = 0;
  return {
    '/pods/proxy': proxy(({ request, services }, target) => podBackend(services.reader, request.info.namespace, target)),
    '/services/proxy': proxy(({ request, services }, target) => serviceBackend(services.reader, request.info.namespace, target, turn++)),
    '/nodes/proxy': proxy(({ services }, target) => nodeBackend(services.reader, target, credentials)),
  };
}
