// Who may use the agent's API: the control plane and administrators by client certificate, others by token and what the API server says of them.
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { KubeObject } from '../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../kit/client/index.ts';
import { HttpError } from './http-error.ts';
import type { Target } from './target.ts';

interface User {
  username: string;
  groups: string[];
}

/** Resolves when allowed. @throws HttpError 401 or 403 */
export async function checkAccess(request: IncomingMessage, target: Target, nodeName: string, client: Client): Promise<void> {
  const user = certificateUser(request.socket as TLSSocket) ?? (await tokenUser(request, client));
  if (!user) throw new HttpError(401, 'Unauthorized');
  if (user.groups.includes('system:masters')) return;
  const verb = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }[request.method ?? ''] ?? 'get';
  const subresources = subresourcesOf(target);
  for (const subresource of subresources) {
    const attributes = { verb, resource: 'nodes', subresource, name: nodeName };
    const review = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: { user: user.username, groups: user.groups, resourceAttributes: attributes },
    };
    const answer = await client.create<KubeObject>(RESOURCES.subjectaccessreviews, review);
    if (answer['status']?.allowed) return;
  }
  throw new HttpError(403, `Forbidden (user=${user.username}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(' ')}])`);
}

/** Sub-resources of nodes that stand for a path; any of them will do. */
const SUBRESOURCES: readonly [path: string, subresources: readonly string[]][] = [
  ['stats', ['stats']],
  ['metrics', ['metrics']],
  ['logs', ['log']],
  ['checkpoint', ['checkpoint']],
  ['pods', ['pods', 'proxy']],
  ['runningpods', ['pods', 'proxy']],
  ['healthz', ['healthz', 'proxy']],
  ['configz', ['configz', 'proxy']],
  ['statusz', ['statusz']],
];

/** Pure. */
export function subresourcesOf({ parts: [first] }: Pick<Target, 'parts'>): readonly string[] {
  return SUBRESOURCES.find(([path]) => path === first)?.[1] ?? ['proxy'];
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
