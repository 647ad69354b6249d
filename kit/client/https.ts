// The Client over HTTP/2 and TLS: one session, JSON bodies, deadlines, watches as streams of lines.
import type { ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { constants } from 'node:http2';
import type { Readable } from 'node:stream';
import type { KubeList, KubeObject } from '../../api/meta/index.ts';
import { Op } from '../run/index.ts';
import type { Client, ListParams, WatchEvent } from './client.ts';
import { discoveredIn, groupVersionPath } from './discovery.ts';
import { linesOf } from './lines.ts';
import { listQuery, PATCH_CONTENT_TYPES, pathOf, watchQuery, writeQuery } from './paths.ts';
import { Session, type SessionOptions, suspicionOf } from './session.ts';
import { statusErrorOf } from './status.ts';

/** Requests other than watches and streams end within this many milliseconds. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Longest watch event that is taken; an object is at most 1.5 MB, managedFields and escapes may double it. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;
/** Longest body that is taken in one piece. */
const BODY_BYTES_MAX = 512 * 1024 * 1024;

export interface HttpsClientOptions extends SessionOptions {
  /** Bearer token; a function is asked for each request, so that it can be renewed. */
  token?: string | (() => string);
  userAgent?: string;
}

export interface RawRequest {
  /** Objects are sent as JSON, bytes and strings as they are. */
  body?: object | Uint8Array | string;
  headers?: Record<string, string>;
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface RawResponse {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export interface HttpsClient extends Client {
  readonly server: string;
  /** Any path with its query; answers of any status are returned, nothing is thrown for them. */
  request(method: string, path: string, options?: RawRequest): Promise<RawResponse>;
  /** As `request`, but the body comes as a stream without a deadline; ends when `signal` aborts. */
  stream(
    method: string,
    path: string,
    options: RawRequest & { signal: AbortSignal },
  ): Promise<Omit<RawResponse, 'body'> & { body: AsyncIterable<Uint8Array> }>;
  /** Who this client is from now on (PEM); requests and watches that are under way go on as they are. */
  useCertificate(pair: { cert: string; key: string }): void;
}

export function createHttpsClient(options: HttpsClientOptions): HttpsClient {
  return new Http2Client(options);
}

class Http2Client implements HttpsClient {
  readonly server: string;
  readonly #options: HttpsClientOptions;
  readonly #session: Session;

  constructor(options: HttpsClientOptions) {
    this.server = options.server;
    this.#options = options;
    this.#session = new Session(options);
  }

  get: Client['get'] = (resource, name, params = {}) => this.#json('GET', pathOf(resource, params.namespace, name, params.subresource));

  list: Client['list'] = <T>(resource: Parameters<Client['list']>[0], params: Parameters<Client['list']>[1] = {}) =>
    this.#json<KubeList<T>>('GET', pathOf(resource, params.namespace) + listQuery(params), undefined, acceptOf(params, 'List'));

  create: Client['create'] = (resource, object, params = {}) => {
    const namespace = params.namespace ?? (object as KubeObject).metadata?.namespace;
    return this.#json('POST', pathOf(resource, namespace, params.name, params.subresource) + writeQuery(params), object);
  };

  update: Client['update'] = (resource, object, params = {}) => {
    const { metadata } = object as KubeObject;
    return this.#json(
      'PUT',
      pathOf(resource, params.namespace ?? metadata.namespace, metadata.name ?? '', params.subresource) + writeQuery(params),
      object,
    );
  };

  patch: Client['patch'] = (resource, name, type, patch, params = {}) =>
    this.#json('PATCH', pathOf(resource, params.namespace, name, params.subresource) + writeQuery(params), patch as object, {
      'content-type': PATCH_CONTENT_TYPES[type],
    });

  delete: Client['delete'] = (resource, name, params = {}) => {
    const { namespace, ...deleteOptions } = params;
    return this.#json('DELETE', pathOf(resource, namespace, name), { kind: 'DeleteOptions', apiVersion: 'v1', ...deleteOptions });
  };

  async *watch<T = KubeObject>(...[resource, params, signal]: Parameters<Client['watch']>): AsyncGenerator<WatchEvent<T>> {
    const path = pathOf(resource, params.namespace) + watchQuery(params);
    const response = await this.stream('GET', path, { signal, headers: acceptOf(params, '') });
    if (response.status !== 200) throw statusErrorOf(response.status, parseOrText(await collect(response.body)), `GET ${path}`);
    for await (const line of linesOf(response.body, LINE_BYTES_MAX)) {
      const event = JSON.parse(line) as WatchEvent<T> | { type: 'ERROR'; object: unknown };
      if (event.type === 'ERROR') throw statusErrorOf(500, event.object, `watch ${path}`);
      yield event;
    }
  }

  discover: Client['discover'] = async (group, version) =>
    discoveredIn(await this.#json('GET', groupVersionPath(group, version)), group, version);

  async #json<T>(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<T> {
    const sent = body === undefined ? { headers } : { body, headers: { 'content-type': 'application/json', ...headers } };
    const response = await this.request(method, path, sent);
    const value = parseOrText(response.body);
    if (response.status < 200 || response.status > 299) throw statusErrorOf(response.status, value, `${method} ${path}`);
    return value as T;
  }

  request(method: string, path: string, options: RawRequest = {}): Promise<RawResponse> {
    return this.#withDeadline(method, path, options.timeoutMs ?? REQUEST_TIMEOUT_MS, options.signal, async (signal) => {
      const { stream, ...head } = await this.#open(method, path, options, signal);
      return { ...head, body: await collect(stream) };
    });
  }

  async stream(method: string, path: string, options: RawRequest & { signal: AbortSignal }) {
    const opened = await this.#withDeadline(method, path, options.timeoutMs ?? REQUEST_TIMEOUT_MS, options.signal, (signal) =>
      this.#open(method, path, options, signal),
    );
    const { stream, ...head } = opened;
    const onAbort = () => stream.destroy(options.signal.reason);
    options.signal.addEventListener('abort', onAbort, { once: true });
    stream.once('close', () => options.signal.removeEventListener('abort', onAbort));
    return { ...head, body: stream as Readable };
  }

  /** Runs `work` with a signal that aborts at the deadline or with the caller's; the error names method, server and path. */
  async #withDeadline<T>(
    method: string,
    path: string,
    timeoutMs: number,
    outer: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    outer?.throwIfAborted();
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const onAbort = () => deadline.abort(outer?.reason);
    outer?.addEventListener('abort', onAbort, { once: true });
    try {
      return await new Op(`${method} ${this.server}${path}`, deadline.signal).run(() => work(deadline.signal));
    } catch (error) {
      if (outer?.aborted) throw outer.reason;
      throw error;
    } finally {
      clearTimeout(timer);
      outer?.removeEventListener('abort', onAbort);
    }
  }

  async #open(method: string, path: string, options: RawRequest, signal: AbortSignal) {
    const body =
      options.body === undefined
        ? undefined
        : typeof options.body === 'string' || options.body instanceof Uint8Array
          ? options.body
          : JSON.stringify(options.body);
    for (let attempt = 1; ; attempt++) {
      const session = await this.#session.get(signal);
      using _suspicion = suspicionOf(session);
      const stream = session.request(this.#headers(method, path, options.headers), { endStream: body === undefined });
      try {
        return await answerOf(stream, body, signal);
      } catch (error) {
        // The server never saw it: safe to send again.
        const refused =
          stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || (error as NodeJS.ErrnoException).code === 'ERR_HTTP2_GOAWAY_SESSION';
        if (!refused || attempt === 3 || signal.aborted) throw error;
      }
    }
  }

  #headers(method: string, path: string, extra: Record<string, string> = {}): OutgoingHttpHeaders {
    const { token, userAgent } = this.#options;
    const bearer = typeof token === 'function' ? token() : token;
    return {
      ':method': method,
      ':path': path,
      accept: 'application/json',
      'user-agent': userAgent ?? 'wherry',
      ...(bearer ? { authorization: `Bearer ${bearer}` } : {}),
      ...extra,
    };
  }

  useCertificate(pair: { cert: string; key: string }): void {
    this.#session.useCertificate(pair);
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}

/** Asks for metadata alone where that is wanted; whoever has no such form answers whole objects. */
const acceptOf = ({ metadataOnly }: ListParams, list: '' | 'List'): Record<string, string> =>
  metadataOnly ? { accept: `application/json;as=PartialObjectMetadata${list};g=meta.k8s.io;v=v1,application/json` } : {};

/** Resolves with the response's head; destroys the stream when `signal` aborts, also while its body is read. */
function answerOf(stream: ClientHttp2Stream, body: string | Uint8Array | undefined, signal: AbortSignal) {
  return new Promise<{ status: number; headers: Record<string, string>; stream: ClientHttp2Stream }>((resolve, reject) => {
    const onAbort = () => {
      reject(signal.reason);
      stream.destroy(signal.reason);
    };
    stream.on('error', reject);
    stream.once('close', () => {
      signal.removeEventListener('abort', onAbort);
      reject(new Error('connection closed before the answer'));
    });
    stream.once('response', (headers) => resolve({ status: Number(headers[':status']), headers: plainHeaders(headers), stream }));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    if (body !== undefined) stream.end(body);
  });
}

function plainHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) plain[name] = Array.isArray(value) ? value.join(', ') : String(value);
  return plain;
}

/** By events: iterating costs more than the rest of a small answer. */
function collect(stream: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > BODY_BYTES_MAX) stream.destroy(new Error(`answer of more than ${BODY_BYTES_MAX} bytes`));
    });
    stream.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes)));
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('connection closed before the end of the answer')));
  });
}

function parseOrText(body: Buffer): unknown {
  const text = body.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
