// pods/exec, attach, portforward and log: checked here, answered by the agent of the pod's node.
import { badRequest, forbidden, internalError, type KubeObject, notFound, StatusError } from '../../../api/meta/index.ts';
import type { Authorizer } from '../authz/index.ts';
import type { HandlerContext, SubresourceHandler } from '../handlers.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import { type Backend, pass, textOf } from './backend.ts';
import { nodeAddress } from './node-address.ts';
import { containerOf, flag, logQuery, portQuery, streamQuery } from './pod-target.ts';

const PODS = { group: '', plural: 'pods' };

export interface AgentCredentials {
  /** PEM. */
  cert: string;
  key: string;
  ca: string;
}

async function podOf({ request, services }: HandlerContext): Promise<KubeObject> {
  const { namespace, name } = request.info;
  const pod = services.reader.get(PODS, namespace, name) ?? (await services.reader.getFresh(PODS, namespace, name));
  if (!pod) throw notFound(PODS, name);
  return pod;
}

async function agentOf(context: HandlerContext, pod: KubeObject, credentials: AgentCredentials): Promise<Backend> {
  const nodeName: string = pod['spec'].nodeName ?? '';
  if (nodeName === '') throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  const address = await nodeAddress(context.services.reader, nodeName);
  return { scheme: 'https', ...address, tls: credentials };
}

const pathOf = (kind: string, pod: KubeObject, container: string | undefined, query: URLSearchParams): string => {
  const { namespace, name } = pod.metadata;
  const path = `/${kind}/${namespace}/${name}${container === undefined ? '' : `/${container}`}`;
  return query.size > 0 ? `${path}?${query}` : path;
};

/** A WebSocket begins with a GET, and is a way in all the same: who may only read may not open it. @throws StatusError 403 */
export function requireCreate(authorizer: Authorizer, { info, user }: Pick<ApiRequest, 'info' | 'user'>): void {
  if (info.verb === 'create') return;
  const { allowed, reason } = authorizer.authorize({ ...info, user: user!, verb: 'create' });
  if (!allowed) throw forbidden(PODS, info.name, reason);
}

interface Sessions {
  credentials: AgentCredentials;
  authorizer: Authorizer;
}

const session = ({ credentials, authorizer }: Sessions, path: (pod: KubeObject, query: URLSearchParams) => string): SubresourceHandler => ({
  async connect(context) {
    const { request } = context;
    requireCreate(authorizer, request);
    const pod = await podOf(context);
    const target = path(pod, request.query);
    const backend = await agentOf(context, pod, credentials);
    if (!request.upgrade) throw badRequest('Upgrade request required');
    return pass(request, backend, { path: target });
  },
});

/** What the agent refuses becomes a Status. */
async function checked(response: ApiResponse, name: string): Promise<ApiResponse> {
  if (response.status >= 200 && response.status <= 206) return response;
  const text = await textOf(response);
  if (response.status === 400) throw badRequest(text);
  if (response.status === 404)
    throw new StatusError(404, 'NotFound', `the server could not find the requested resource ( pods ${name})`, { name, kind: 'pods' });
  if (response.status === 500) throw internalError(text);
  throw new StatusError(response.status, 'InternalError', text, { name, kind: 'pods' });
}

const logs = (credentials: AgentCredentials): SubresourceHandler => ({
  async get(context) {
    const { request } = context;
    const pod = await podOf(context);
    const query = logQuery(request.query, pod.metadata.name!);
    const container = containerOf(pod, request.query.get('container') ?? '');
    if (!pod['spec'].nodeName) return { status: 204 };
    const backend = await agentOf(context, pod, credentials);
    if (flag(request.query, 'insecureSkipTLSVerifyBackend')) delete backend.tls;
    const response = await checked(
      await pass(request, backend, { method: 'GET', path: pathOf('containerLogs', pod, container, query), plain: true }),
      pod.metadata.name!,
    );
    return { status: 200, headers: { 'content-type': 'text/plain' }, body: response.body! };
  },
});

export const podHandlers = (credentials: AgentCredentials, authorizer: Authorizer): Record<string, SubresourceHandler> => ({
  '/pods/exec': session({ credentials, authorizer }, (pod, query) =>
    pathOf('exec', pod, containerOf(pod, query.get('container') ?? ''), streamQuery(query, true)),
  ),
  '/pods/attach': session({ credentials, authorizer }, (pod, query) =>
    pathOf('attach', pod, containerOf(pod, query.get('container') ?? ''), streamQuery(query, false)),
  ),
  '/pods/portforward': session({ credentials, authorizer }, (pod, query) => pathOf('portForward', pod, undefined, portQuery(query))),
  '/pods/log': logs(credentials),
});
