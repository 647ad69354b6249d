// One line of the audit log: audit.k8s.io/v1 Event, out of a request and its answer.
import { type KubeObject, StatusError } from '../../../api/meta/index.ts';
import { decodeBody } from '../../../api/wire/index.ts';
import { rfc3339Micro } from '../../../kit/run/index.ts';
import { ListBody, WatchBody } from '../bodies.ts';
import { plainList } from '../encode.ts';
import type { ApiRequest, ApiResponse, UserInfo } from '../request.ts';
import { knownYamlReader } from '../write/yaml-reader.ts';
import type { AuditStage, Decision } from './policy.ts';

/** What is known of a request so far; an event is made of it at each stage. */
export interface Story {
  readonly request: ApiRequest;
  readonly decision: Decision;
  readonly auditId: string;
  readonly receivedMs: number;
  /** Who asked, before impersonation. */
  readonly asker: UserInfo | undefined;
  /** What the body held, as it came. */
  body?: Uint8Array | string;
  response?: ApiResponse;
  error?: unknown;
}

const goUser = ({ name, uid, groups, extra }: UserInfo) => ({
  username: name,
  ...(uid ? { uid } : {}),
  ...(groups.length > 0 ? { groups } : {}),
  ...(extra ? { extra } : {}),
});

/** A JSON line without its end. */
export function eventLine(story: Story, stage: AuditStage, nowMs: number): string {
  const { request, decision, asker } = story;
  const { level } = decision;
  const told = stage !== 'RequestReceived';
  const withRequest = told && (level === 'Request' || level === 'RequestResponse');
  const sent = told ? requestObject(story) : undefined;
  const query = request.query.toString();
  return JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level,
    auditID: story.auditId,
    stage,
    requestURI: query === '' ? request.path : `${request.path}?${query}`,
    verb: request.info.verb,
    user: asker ? goUser(asker) : {},
    ...(request.user && asker && request.user !== asker ? { impersonatedUser: goUser(request.user) } : {}),
    ...(request.impersonationConstraint ? { authenticationMetadata: { impersonationConstraint: request.impersonationConstraint } } : {}),
    sourceIPs: sourcesOf(request),
    userAgent: request.headers['user-agent'],
    ...(request.info.isResource ? { objectRef: referenceOf(story, sent) } : {}),
    ...(told ? { responseStatus: statusOf(story, stage) } : {}),
    ...(withRequest && sent !== undefined ? { requestObject: trimmed(sent, decision) } : {}),
    ...(told && level === 'RequestResponse' ? { responseObject: trimmed(responseObject(story), decision) } : {}),
    requestReceivedTimestamp: rfc3339Micro(story.receivedMs),
    stageTimestamp: rfc3339Micro(nowMs),
    ...(told && request.annotations && Object.keys(request.annotations).length > 0 ? { annotations: request.annotations } : {}),
  });
}

/** As upstream: the proxies that the headers name, then the peer itself. */
function sourcesOf({ headers, remoteAddress }: ApiRequest): string[] {
  const forwarded = (headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  const real = forwarded.length === 0 && headers['x-real-ip'] ? [headers['x-real-ip']] : forwarded;
  return real.includes(remoteAddress) ? real : [...real, remoteAddress];
}

function referenceOf({ request: { info } }: Story, sent: unknown) {
  const metadata = (sent as KubeObject | undefined)?.metadata;
  const name = info.name || metadata?.name;
  const namespace = info.namespace || metadata?.namespace;
  return {
    resource: info.resource,
    ...(namespace ? { namespace } : {}),
    ...(name ? { name } : {}),
    ...(typeof metadata?.uid === 'string' ? { uid: metadata.uid } : {}),
    ...(info.group ? { apiGroup: info.group } : {}),
    apiVersion: info.version,
    ...(typeof metadata?.resourceVersion === 'string' ? { resourceVersion: metadata.resourceVersion } : {}),
    ...(info.subresource ? { subresource: info.subresource } : {}),
  };
}

function statusOf({ error, response }: Story, stage: AuditStage): object {
  if (stage === 'Panic')
    return { metadata: {}, status: 'Failure', message: `the request failed: ${String(error)}`, reason: 'InternalError', code: 500 };
  if (error instanceof StatusError) {
    const { status, message, reason, details, code } = error.toStatus();
    return { metadata: {}, status, message, reason, ...(details ? { details } : {}), code };
  }
  return { metadata: {}, code: response?.hijacked ? 101 : (response?.status ?? 500) };
}

function requestObject({ body, request }: Story): unknown {
  if (body === undefined || body.length === 0) return undefined;
  try {
    if (typeof body === 'string') return JSON.parse(body);
    const type = request.headers['content-type']?.split(';')[0] ?? '';
    if (/patch\+json$|^application\/json$|^$/.test(type)) return JSON.parse(Buffer.from(body).toString('utf8'));
    return decodeBody(body, type === 'application/apply-patch+yaml' ? 'application/yaml' : type, '', knownYamlReader(body)).object;
  } catch {
    return undefined; // what cannot be read was refused: the status says so
  }
}

function responseObject({ error, response }: Story): unknown {
  if (error instanceof StatusError) return error.toStatus();
  const body = response?.body;
  if (body instanceof ListBody) return plainList(body);
  const plain = typeof body === 'object' && body !== null && !(body instanceof Uint8Array || body instanceof WatchBody);
  return plain && !(Symbol.asyncIterator in body) ? body : undefined;
}

function trimmed(object: unknown, { omitManagedFields }: Decision): unknown {
  if (!omitManagedFields || typeof object !== 'object' || object === null) return object;
  const { metadata, items } = object as { metadata?: object; items?: unknown[] };
  return {
    ...object,
    ...(metadata && 'managedFields' in metadata ? { metadata: { ...metadata, managedFields: undefined } } : {}),
    ...(Array.isArray(items) ? { items: items.map((item) => trimmed(item, { level: 'None', omitStages: [], omitManagedFields })) } : {}),
  };
}
