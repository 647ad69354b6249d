// The in-process client: same pipeline from authorization on, no sockets and no serialisation; cached objects are the very frozen ones.
import { apiVersionOf, type KubeList, type KubeObject, type Status, StatusError } from '../../api/meta/index.ts';
import {
  type Client,
  discoveredIn,
  groupVersionPath,
  type ListParams,
  PATCH_CONTENT_TYPES,
  pathOf,
  type Resource,
  type WatchEvent,
  type WatchParams,
} from '../../kit/client/index.ts';
import { ListBody, metadataAlone, type Seen, WatchBody } from './bodies.ts';
import { isPassedOn, objectOf, eventsOf as passedOnEvents } from './passed-on.ts';
import type { Handle } from './pipeline.ts';
import type { ApiRequest, RequestInfo, UserInfo } from './request.ts';

/** Events that an in-process watcher has not taken yet; more and it is ended, to list again. */
const WATCH_QUEUE_MAX = 65_536;

interface Call {
  method: string;
  verb: string;
  resource: Resource;
  namespace?: string | undefined;
  name?: string | undefined;
  subresource?: string | undefined;
  query?: Record<string, string | number | boolean | undefined>;
  contentType?: string;
  body?: unknown;
  signal?: AbortSignal;
}

const never = new AbortController().signal;

export function inProcessClient(handle: Handle, user: UserInfo, agent = 'wherry'): Client {
  const ask = async (call: Call): Promise<unknown> => {
    const response = await handle(requestOf(call, user, agent));
    return isPassedOn(response.body) ? objectOf(response, `${call.verb} ${call.resource.plural}`) : response.body;
  };
  return {
    async get<T>(resource: Resource, name: string, params: { namespace?: string; subresource?: string } = {}) {
      return (await ask({ method: 'GET', verb: 'get', resource, name, ...params })) as T;
    },
    async list<T>(resource: Resource, params: ListParams = {}) {
      const { namespace, metadataOnly, ...query } = params;
      const body = await ask({ method: 'GET', verb: 'list', resource, namespace, query: query as Call['query'] & object });
      return (await listOf(body, metadataOnly)) as KubeList<T>;
    },
    async create<T>(resource: Resource, object: object, params: { name?: string; namespace?: string; subresource?: string } = {}) {
      const { namespace = namespaceOf(object), name, subresource, ...query } = params;
      return (await ask({
        method: 'POST',
        verb: 'create',
        resource,
        namespace,
        name,
        subresource,
        query: writeQuery(query),
        body: object,
      })) as T;
    },
    async update<T>(resource: Resource, object: object, params: { namespace?: string; subresource?: string } = {}) {
      const { namespace = namespaceOf(object), subresource, ...query } = params;
      const { name } = (object as KubeObject).metadata;
      return (await ask({
        method: 'PUT',
        verb: 'update',
        resource,
        namespace,
        name,
        subresource,
        query: writeQuery(query),
        body: object,
      })) as T;
    },
    async patch<T>(
      resource: Resource,
      name: string,
      type: keyof typeof PATCH_CONTENT_TYPES,
      patch: unknown,
      params: { namespace?: string; subresource?: string } = {},
    ) {
      const { namespace, subresource, ...query } = params;
      const call = { method: 'PATCH', verb: 'patch', resource, namespace, name, subresource, contentType: PATCH_CONTENT_TYPES[type] };
      return (await ask({ ...call, query: writeQuery(query), body: patch })) as T;
    },
    async delete(resource: Resource, name: string, params: { namespace?: string } & Record<string, unknown> = {}) {
      const { namespace, ...body } = params;
      const options = { kind: 'DeleteOptions', apiVersion: 'v1', ...body };
      return (await ask({ method: 'DELETE', verb: 'delete', resource, namespace, name, body: options })) as KubeObject;
    },
    async *watch<T>(resource: Resource, params: WatchParams, signal: AbortSignal) {
      const { namespace, metadataOnly, ...query } = params;
      const call: Call = { method: 'GET', verb: 'watch', resource, namespace, query: { ...(query as object), watch: true }, signal };
      const response = await handle(requestOf(call, user, agent));
      const { body } = response;
      if (isPassedOn(body)) {
        yield* passedOnEvents<T>(response, `watch ${resource.plural}`);
        return;
      }
      if (!(body instanceof WatchBody)) throw new Error('a watch was not answered by a watch');
      yield* eventsOf<T>(body, metadataOnly, signal);
    },
    async discover(group, version) {
      const response = await handle(documentRequest(groupVersionPath(group, version), user, agent));
      const list = isPassedOn(response.body) ? await objectOf(response, `discovery of ${group}/${version}`) : response.body;
      return discoveredIn(list, group, version);
    },
    async close() {},
  };
}

const namespaceOf = (object: object): string | undefined => (object as KubeObject).metadata.namespace;

const writeQuery = ({ dryRun, ...rest }: { dryRun?: boolean; [key: string]: unknown }): Call['query'] & object => ({
  ...(rest as Record<string, string>),
  ...(dryRun ? { dryRun: 'All' } : {}),
});

async function listOf(body: unknown, metadataOnly = false): Promise<KubeList> {
  if (!(body instanceof ListBody)) return body as KubeList;
  const { kind } = body.served;
  return {
    kind: kind.listKind ?? `${kind.kind}List`,
    apiVersion: apiVersionOf(kind),
    metadata: body.metadata,
    items: await body.objects({ metadataOnly }),
  };
}

function requestOf(call: Call, user: UserInfo, agent: string): ApiRequest {
  const { resource, method, body } = call;
  const query = new URLSearchParams();
  for (const key in call.query) {
    const value = call.query[key];
    if (value !== undefined && value !== '' && value !== false) query.set(key, String(value));
  }
  const namespace = resource.namespaced
    ? (call.namespace ?? '')
    : resource.plural === 'namespaces' && resource.group === ''
      ? (call.name ?? '')
      : '';
  const path = pathOf(resource, call.namespace, call.name, call.subresource);
  const info: RequestInfo = {
    isResource: true,
    verb: call.verb,
    path,
    group: resource.group,
    version: resource.version,
    namespace,
    resource: resource.plural,
    subresource: call.subresource ?? '',
    name: call.name ?? '',
    rest: '',
  };
  return {
    method,
    path,
    query,
    headers: { 'user-agent': agent, 'content-type': call.contentType ?? 'application/json' },
    body: async () => (body === undefined ? new Uint8Array(0) : (body as KubeObject)),
    signal: call.signal ?? never,
    remoteAddress: '127.0.0.1',
    user,
    info,
    warnings: [],
  };
}

function documentRequest(path: string, user: UserInfo, agent: string): ApiRequest {
  const resource = { group: '', version: '', resource: '', subresource: '', namespace: '', name: '', rest: '' };
  return {
    method: 'GET',
    path,
    query: new URLSearchParams(),
    headers: { 'user-agent': agent, accept: 'application/json' },
    body: async () => new Uint8Array(0),
    signal: never,
    remoteAddress: '127.0.0.1',
    user,
    info: { isResource: false, verb: 'get', path, ...resource },
    warnings: [],
  };
}

async function* eventsOf<T>(watch: WatchBody, metadataOnly: boolean | undefined, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
  let queue: Seen[] = [];
  let ended = false;
  let overrun = false;
  let wake: () => void = () => {};
  const stop = watch.start({
    event(seen) {
      if (queue.length >= WATCH_QUEUE_MAX) {
        overrun = ended = true;
        stop();
      } else queue.push(seen);
      wake();
      return true;
    },
    ready: async () => {},
    end() {
      ended = true;
      wake();
    },
  });
  const onAbort = () => wake();
  signal.addEventListener('abort', onAbort);
  try {
    for (;;) {
      signal.throwIfAborted();
      const batch = queue;
      queue = [];
      for (const seen of batch) {
        const { type } = seen;
        if (type === 'ERROR') throw errorOf(seen.object as unknown as Status);
        const object = metadataOnly ? metadataAlone({ metadata: seen.metadata ?? seen.object.metadata }) : seen.object;
        yield { type, object: object as T };
      }
      if (queue.length > 0) continue;
      if (overrun) throw new StatusError(410, 'Expired', 'the watcher was too slow');
      if (ended) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (queue.length > 0 || ended || signal.aborted) resolve();
      });
    }
  } finally {
    stop();
    signal.removeEventListener('abort', onAbort);
  }
}

const errorOf = (status: Status) => new StatusError(status.code, status.reason ?? '', status.message ?? '', status.details);
