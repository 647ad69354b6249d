// Who may use the agent's API: the control plane and administrators by client certificate, others by token and what the API server says of them.
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { KubeObject } from '../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../kit/client/index.ts';
import { HttpError } from './http-error.ts';

interface User {
  username: string;
  groups: string[];
}

/** Resolves when allowed. @throws HttpError 401 or 403 */
export async function checkAccess(request: IncomingMessage, nodeName: string, client: Client): Promise<void> {
  const user = certificateUser(request.socket as TLSSocket) ?? (await tokenUser(request, client));
  if (!user) throw new HttpError(401, 'Unauthorized');
  if (user.groups.includes('system:masters')) return;
  const verb = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }[request.method ?? ''] ?? 'get';
  const attributes = { verb, resource: 'nodes', subresource: subresourceOf(request.url ?? ''), name: nodeName };
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: {},
    spec: { user: user.username, groups: user.groups, resourceAttributes: attributes },
  };
  const answer = await client.create<KubeObject>(RESOURCES.subjectaccessreviews, review);
  if (!answer['status']?.allowed)
    throw new HttpError(403, `Forbidden (user=${user.username}, verb=${verb}, resource=nodes, subresource(s)=[${attributes.subresource}])`);
}

/** The sub-resource of nodes that stands for a path. Pure. */
function subresourceOf(path: string): string {
  if (path.startsWith('/stats')) return 'stats';
  if (path.startsWith('/metrics')) return 'metrics';
  if (path.startsWith('/logs')) return 'log';
  return 'proxy';
}

function certificateUser(socket: TLSSocket): User | undefined {
  if (!socket.authorized) return undefined;
  const { CN, O } = socket.getPeerCertificate().subject as { CN?: string; O?: string | string[] };
  return CN === undefined ? undefined : { username: CN, groups: O === undefined ? [] : [O].flat() };
}

async function tokenUser(request: IncomingMessage, client: Client): Promise<User | undefined> {
  const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (!token) return undefined;
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec: { token } };
  const answer = await client.create<KubeObject>(RESOURCES.tokenreviews, review);
  const { authenticated, user } = answer['status'] ?? {};
  return authenticated ? { username: user?.username ?? '', groups: user?.groups ?? [] } : undefined;
}
