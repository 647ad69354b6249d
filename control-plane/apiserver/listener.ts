// Sockets: TLS with HTTP/2 and HTTP/1.1, bodies read within limits, answers and watches written out. Nothing past here knows of sockets.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer, type Http2SecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { gzip as gzipCallback } from 'node:zlib';
import { requestEntityTooLarge, StatusError } from '../../api/meta/index.ts';
import type { Logger } from '../../kit/run/index.ts';
import type { Seen } from './bodies.ts';
import { type Encoded, isWatch, type WatchLines } from './encode.ts';
import type { ApiRequest } from './request.ts';

const gzip = promisify(gzipCallback);

export interface Address {
  host: string;
  port: number;
}

export interface TlsOptions {
  /** PEM. */
  cert: string;
  key: string;
  /** PEM of the authority of client certificates. */
  clientCa?: string;
}

export interface ListenerOptions {
  addresses: readonly (Address | { fd: number })[];
  tls: TlsOptions;
  log: Logger;
  /** Answers one request; never rejects. */
  answer(request: ApiRequest): Promise<Encoded>;
}

export interface Listener {
  addresses: AddressInfo[];
  close(): Promise<void>;
}

/** Of idle HTTP/1.1 connections. */
const KEEP_ALIVE_MS = 120_000;
/** Upstream's limit of a request's body. */
const BODY_MAX = 3 * 1024 * 1024;
/** Answers longer than this are compressed when the client accepts it. */
const GZIP_FROM = 128 * 1024;
/** A watcher may lag by so many bytes before it is cut off; initial events wait from the first figure on. */
const WATCH_PAUSE_BYTES = 1 << 20;
const WATCH_CUT_BYTES = 16 << 20;

/** One reason for all: making one for each request is not free. */
const GONE = new Error('the client went away');

type Incoming = IncomingMessage | Http2ServerRequest;
type Outgoing = ServerResponse | Http2ServerResponse;

export async function listen(options: ListenerOptions): Promise<Listener> {
  const servers: Http2SecureServer[] = [];
  const sockets = new Set<Socket>();
  for (const address of options.addresses) {
    const server = createSecureServer({
      allowHTTP1: true,
      cert: options.tls.cert,
      key: options.tls.key,
      ...(options.tls.clientCa ? { ca: options.tls.clientCa, requestCert: true, rejectUnauthorized: false } : {}),
      settings: { maxConcurrentStreams: 1000, initialWindowSize: 1 << 20 },
      maxSessionMemory: 64,
    });
    // Longer than clients keep their idle connections: one that we close under a POST is an error for its sender.
    Object.assign(server, { keepAliveTimeout: KEEP_ALIVE_MS });
    server.on('request', (incoming, outgoing) => void serve(options, incoming, outgoing));
    server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void upgrade(options, incoming, socket, head));
    server.on('connection', (socket) => {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    server.on('sessionError', (error) => options.log.debug({ error }, 'an HTTP/2 session failed'));
    server.on('tlsClientError', () => {});
    server.on('clientError', (_, socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address, () => resolve());
    });
    server.on('error', (error) => options.log.error({ error }, 'a listener failed'));
    servers.push(server);
  }
  return {
    addresses: servers.map((server) => server.address() as AddressInfo),
    async close() {
      const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
}

function requestOf(incoming: Incoming, signal: AbortSignal): ApiRequest {
  const url = incoming.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const { peer, remoteAddress } = connectionOf(incoming);
  return {
    method: incoming.method ?? 'GET',
    path,
    query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
    headers: incoming.headers as Record<string, string | undefined>,
    body: () => readBody(incoming),
    signal,
    remoteAddress,
    ...(peer ? { peer } : {}),
    info: undefined as unknown as ApiRequest['info'], // the pipeline's first step
    warnings: [],
  };
}

interface Connection {
  peer: ApiRequest['peer'] | undefined;
  remoteAddress: string;
}

const connections = new WeakMap<object, Connection>();

/** Of an HTTP/2 session or an HTTP/1.1 socket: looked at once, reading a certificate costs a fifth of a millisecond. */
function connectionOf(incoming: Incoming): Connection {
  const key = (incoming as Http2ServerRequest).stream?.session ?? incoming.socket;
  let connection = connections.get(key);
  if (connection === undefined) {
    const socket = incoming.socket as TLSSocket;
    connection = { peer: peerOf(socket), remoteAddress: socket.remoteAddress ?? '' };
    connections.set(key, connection);
  }
  return connection;
}

/** Subject of a client certificate that our CA signed. */
function peerOf(socket: TLSSocket): ApiRequest['peer'] | undefined {
  if (!socket.authorized || typeof socket.getPeerCertificate !== 'function') return undefined;
  const subject = socket.getPeerCertificate()?.subject as unknown as Record<string, string | string[]> | undefined;
  if (subject?.['CN'] === undefined) return undefined;
  const organizations = subject['O'] ?? [];
  return { commonName: String(subject['CN']), organizations: Array.isArray(organizations) ? organizations : [organizations] };
}

function readBody(incoming: Incoming): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > BODY_MAX) {
        reject(requestEntityTooLarge(`limit is ${BODY_MAX}`));
        incoming.removeAllListeners('data');
        incoming.resume();
      } else chunks.push(chunk);
    });
    incoming.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    incoming.on('error', reject);
    incoming.on('aborted', () => reject(new StatusError(400, 'BadRequest', 'the client went away')));
  });
}

async function serve(options: ListenerOptions, incoming: Incoming, outgoing: Outgoing): Promise<void> {
  const gone = new AbortController();
  const leave = () => gone.abort(GONE);
  outgoing.on('close', leave);
  outgoing.on('error', leave);
  const encoded = await options.answer(requestOf(incoming, gone.signal));
  try {
    await send(incoming, outgoing, encoded, gone.signal);
  } catch (error) {
    options.log.debug({ error }, 'an answer was not sent');
    outgoing.destroy?.();
  }
}

async function send(incoming: Incoming, outgoing: Outgoing, encoded: Encoded, signal: AbortSignal): Promise<void> {
  const { status, headers } = encoded;
  let { body } = encoded;
  if (signal.aborted) return stopUnread(body);
  if (isWatch(body)) {
    if (incoming.httpVersionMajor < 2) headers['transfer-encoding'] = 'chunked';
    writeHead(outgoing, status, headers);
    (outgoing as ServerResponse).flushHeaders?.();
    pushWatch(outgoing, body, signal);
    return;
  }
  if (typeof body === 'string') body = Buffer.from(body);
  const zipped = headers['content-encoding'] === undefined && String(incoming.headers['accept-encoding'] ?? '').includes('gzip');
  if (body === undefined || body instanceof Uint8Array) {
    if (body && zipped && body.length > GZIP_FROM) {
      body = await gzip(body, { level: 1 });
      headers['content-encoding'] = 'gzip';
      headers['vary'] = 'Accept-Encoding';
    }
    headers['content-length'] = String(body?.length ?? 0);
    writeHead(outgoing, status, headers);
    if (incoming.method === 'HEAD' || body === undefined) outgoing.end();
    else outgoing.end(body);
    return;
  }
  writeHead(outgoing, status, headers);
  for await (const chunk of body) {
    if (signal.aborted) return;
    if (!(outgoing as ServerResponse).write(chunk)) await drained(outgoing, signal);
    else await nextTurn();
  }
  outgoing.end();
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

function writeHead(outgoing: Outgoing, status: number, headers: Record<string, string>): void {
  (outgoing as ServerResponse).writeHead(status, headers);
}

function stopUnread(body: Encoded['body']): void {
  if (isWatch(body)) body.watch.start({ event: () => true, ready: async () => {}, end: () => {} })();
}

const drained = (outgoing: Outgoing, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      outgoing.removeListener('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    outgoing.on('drain', done);
    signal.addEventListener('abort', done);
  });

/** Events go straight into the response's own buffer; a client that lets it fill is cut off. */
function pushWatch(outgoing: Outgoing, lines: WatchLines, signal: AbortSignal): void {
  const response = outgoing as ServerResponse;
  const lag = () => (outgoing as Http2ServerResponse).stream?.writableLength ?? response.writableLength;
  const stop = lines.watch.start({
    event(seen: Seen): boolean {
      response.write(lines.line(seen));
      const behind = lag();
      if (behind > WATCH_CUT_BYTES) {
        stop();
        (outgoing as Http2ServerResponse).stream?.close(0x8);
        outgoing.destroy?.();
      }
      return behind < WATCH_PAUSE_BYTES;
    },
    ready: () => drained(outgoing, signal),
    end: () => response.end(),
  });
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
}

/** HTTP/1.1 upgrade: the pipeline decides; a handler takes the socket over, or a plain answer is written on it. */
async function upgrade(options: ListenerOptions, incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const gone = new AbortController();
  const leave = () => gone.abort(GONE);
  socket.on('close', leave);
  socket.on('error', leave);
  const request = requestOf(incoming, gone.signal);
  request.upgrade = { socket, head };
  const encoded = await options.answer(request);
  if (encoded.hijacked || socket.destroyed) return;
  const body = typeof encoded.body === 'string' || encoded.body instanceof Uint8Array ? Buffer.from(encoded.body) : Buffer.alloc(0);
  const headers = { ...encoded.headers, 'content-length': String(body.length), connection: 'close' };
  const head1 = [`HTTP/1.1 ${encoded.status} ${encoded.status}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  socket.write(`${head1.join('\r\n')}\r\n\r\n`);
  socket.end(body);
}
