// Requests to agents, pods and services: plain ones answered as they come, upgrades handed over as raw bytes.
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { type Agent, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { serviceUnavailable } from '../../../api/meta/index.ts';
import { connectionText } from '../../../kit/net/index.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';
import { carry } from './carry.ts';

export interface Backend {
  scheme: 'http' | 'https';
  host: string;
  port: number;
  /** Client certificate and authority, for agents; without, the server's certificate is not checked. */
  tls?: { cert: string; key: string; ca: string };
  /** Connections that are kept, with their own TLS settings and the name that the certificate is compared with. */
  kept?: { agent: Agent; serverName: string };
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Between two parties only (RFC 9110 7.6.1), or set anew. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
]);
/** The client's credentials are for us alone. */
const PRIVATE = new Set(['authorization']);

function headersFor(request: ApiRequest, upgrade: boolean): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || name.startsWith(':') || name.startsWith('impersonate-') || PRIVATE.has(name)) continue;
    if (HOP_BY_HOP.has(name) || name === 'content-length' || name === 'accept-encoding') continue;
    if (name.startsWith('sec-websocket-') && !upgrade) continue;
    headers[name] = value;
  }
  if (upgrade) {
    headers['connection'] = 'Upgrade';
    headers['upgrade'] = request.headers['upgrade'] ?? '';
  }
  return headers;
}

interface Answer {
  response: IncomingMessage;
  /** The backend switched protocols. */
  upgraded?: { socket: Duplex; head: Buffer };
}

function ask(backend: Backend, options: RequestOptions, body: Uint8Array | undefined, signal: AbortSignal): Promise<Answer> {
  const { host, port, tls, kept } = backend;
  const way = kept ? { agent: kept.agent } : { agent: false as const, ...(tls ?? { rejectUnauthorized: false }) };
  const all = { host, port, signal, ...options, ...way };
  return new Promise((resolve, reject) => {
    const outgoing = backend.scheme === 'https' ? httpsRequest(all) : httpRequest(all);
    outgoing.once('socket', (socket) => {
      if (outgoing.reusedSocket) return;
      socket.setTimeout(CONNECT_TIMEOUT_MS, () => outgoing.destroy(new Error(`dial tcp ${host}:${port}: i/o timeout`)));
      socket.once(backend.scheme === 'https' ? 'secureConnect' : 'connect', () => socket.setTimeout(0));
    });
    outgoing.once('error', (error: NodeJS.ErrnoException) => {
      // A kept connection that the backend closed just now: the request never arrived.
      if (outgoing.reusedSocket && error.code === 'ECONNRESET' && !signal.aborted) resolve(ask(backend, options, body, signal));
      else reject(error);
    });
    outgoing.once('response', (response) => resolve({ response }));
    outgoing.once('upgrade', (response, socket, head) => resolve({ response, upgraded: { socket, head } }));
    outgoing.end(body);
  });
}

function answerHeaders(response: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers))
    if (value !== undefined && !HOP_BY_HOP.has(name)) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  return headers;
}

/** Passes the 101 on and joins the two connections; each ends with the other. */
function join(client: { socket: Duplex; head: Uint8Array }, answer: Required<Answer>): void {
  const { response, upgraded } = answer;
  const lines = [`HTTP/1.1 ${response.statusCode} ${response.statusMessage}`];
  for (let at = 0; at + 1 < response.rawHeaders.length; at += 2) lines.push(`${response.rawHeaders[at]}: ${response.rawHeaders[at + 1]}`);
  client.socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  client.socket.write(upgraded.head);
  upgraded.socket.write(client.head);
  carry(client.socket, upgraded.socket);
  carry(upgraded.socket, client.socket);
}

export interface PassOptions {
  /** Path with query. */
  path: string;
  /** Default: the client's method. */
  method?: string;
  /** Header lines to add. */
  headers?: Record<string, string | string[]>;
  body?: Uint8Array;
  /** The backend is asked plainly, also when the client wants to switch protocols. */
  plain?: boolean;
}

/**
 * Passes the request on. A 101 joins the sockets (`hijacked`); any other answer is given back with its body as a stream:
 * a client's connection never stays joined to a backend that did not switch protocols.
 * @throws StatusError 503 when the backend cannot be reached
 */
export async function pass(request: ApiRequest, backend: Backend, options: PassOptions): Promise<ApiResponse> {
  const upgrade = request.upgrade !== undefined && options.plain !== true;
  const headers = {
    ...headersFor(request, upgrade),
    ...options.headers,
    ...(options.body ? { 'content-length': String(options.body.length) } : {}),
  };
  let answer: Answer;
  try {
    answer = await ask(backend, { method: options.method ?? request.method, path: options.path, headers }, options.body, request.signal);
  } catch (error) {
    throw serviceUnavailable(`error trying to reach service: ${connectionText(error, backend, backend.kept?.serverName ?? backend.host)}`);
  }
  const { response, upgraded } = answer;
  if (upgraded) {
    if (!upgrade || !request.upgrade) {
      upgraded.socket.destroy();
      throw serviceUnavailable('the backend switched protocols without being asked');
    }
    join(request.upgrade, { response, upgraded });
    return { status: 101, hijacked: true };
  }
  return { status: response.statusCode ?? 502, headers: answerHeaders(response), body: response as AsyncIterable<Uint8Array> };
}

/** The text of a GET of the server's own. Throws unless the answer is 200. */
export async function textFrom(backend: Backend, path: string, signal: AbortSignal): Promise<string> {
  const { response } = await ask(backend, { method: 'GET', path }, undefined, signal);
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${text.slice(0, 200)}`);
  return text;
}

/** The first `max` bytes of an answer as text. */
export async function textOf(response: ApiResponse, max = 50_000): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    if (size >= max) break;
  }
  return Buffer.concat(chunks).subarray(0, max).toString();
}
