// Sockets: TLS with HTTP/2 and HTTP/1.1, bodies read within limits, answers and watches written out. Nothing past here knows of sockets.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, createSecureServer, type Http2SecureServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { gzip as gzipCallback } from 'node:zlib';
import { requestEntityTooLarge, StatusError, tooManyRequests } from '../../api/meta/index.ts';
import { drained, type Logger, nextTurn, systemClock } from '../../kit/run/index.ts';
import { BodyRoom } from './body-room.ts';
import { refuseBroken, refuseTunnel } from './client-error.ts';
import { Connections } from './connections.ts';
import { type Encoded, isWatch } from './encode.ts';
import { dropWatch, pushWatch } from './push-watch.ts';
import type { ApiRequest, UserInfo } from './request.ts';
import { discardRest } from './unread-body.ts';
import { answerUpgrade } from './upgrade-answer.ts';

const gzip = promisify(gzipCallback);

export interface Address {
  host: string;
  port: number;
}

export interface TlsOptions {
  /** PEM. */
  cert: string;
  key: string;
  /** PEM of the authorities of client certificates. */
  clientCas?: readonly string[];
}

export interface ListenerOptions {
  addresses: readonly (Address | { fd: number })[];
  tls: TlsOptions;
  log: Logger;
  /** Of a request over HTTP/2 to end its connection behind it, so that clients spread over servers (--goaway-chance); default 0. */
  goawayChance?: number | undefined;
  /** Answers one request; never rejects. */
  answer(request: ApiRequest): Promise<Encoded>;
  /** The answer was given up while its client was still there. */
  onAbort(request: ApiRequest): void;
  /** A connection that never came to be. */
  onHandshakeError(): void;
}

export interface Listener {
  addresses: AddressInfo[];
  /** Stops to listen, lets what is under way end, then closes all. */
  close(): Promise<void>;
}

/** Of idle HTTP/1.1 connections. */
const KEEP_ALIVE_MS = 120_000;
/** A client that does not finish its handshake or its headers in this time is dropped. */
const HANDSHAKE_MS = 10_000;
const HEADERS_MS = 30_000;
/** Of all headers of a request, as Go's server has it. */
const HEADERS_MAX = 1 << 20;
/** A client may take so long over a piece of an answer. */
const STALLED_MS = 60_000;
/** When the server stops: for requests that are under way. */
const GRACE_MS = 20_000;
/** Upstream's limit of a request's body. */
const BODY_MAX = 3 * 1024 * 1024;
/** What all bodies that are still coming may hold together: those of two hundred clients at once may fill, and more that are small. */
const BODIES_MAX = 256 * 1024 * 1024;
/** Of a body that nobody reads yet, over HTTP/2: upstream's own. */
const UPLOAD_WINDOW = 256 * 1024;
/** Answers longer than this are compressed when the client accepts it. */
const GZIP_FROM = 128 * 1024;

/** One reason for all: making one for each request is not free. */
const GONE = new Error('the client went away');

/** An answer's way out: of HTTP/1.1, or an HTTP/2 stream itself. */
type Outgoing = ServerResponse | ServerHttp2Stream;

const isStream = (outgoing: Outgoing): outgoing is ServerHttp2Stream => 'respond' in outgoing;

/** Whether the client went away. The signal is made for those who ask: most requests never do, and it is not free. */
class Departure {
  gone = false;
  #controller: AbortController | undefined;

  /** `closed` is called once nothing more is owed. */
  constructor(outgoing: Outgoing | Duplex, closed?: () => void) {
    const leave = () => {
      this.gone = true;
      this.abort();
    };
    outgoing.on('close', () => {
      leave();
      closed?.();
    });
    outgoing.on('error', leave);
  }

  /** Whoever waits for the client's sake need not any more. */
  abort(): void {
    this.#controller?.abort(GONE);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.gone) this.#controller.abort(GONE);
    }
    return this.#controller.signal;
  }
}

export async function listen(options: ListenerOptions): Promise<Listener> {
  const { goawayChance = 0 } = options;
  const servers: Http2SecureServer[] = [];
  const connections = new Connections();
  for (const address of options.addresses) {
    const server = createSecureServer({
      allowHTTP1: true,
      cert: options.tls.cert,
      key: options.tls.key,
      ...(options.tls.clientCas?.length ? { ca: [...options.tls.clientCas], requestCert: true, rejectUnauthorized: false } : {}),
      // Streams that are reset as fast as they are made end the session: Node's own default, kept.
      settings: { maxConcurrentStreams: 1000, initialWindowSize: UPLOAD_WINDOW, maxHeaderListSize: HEADERS_MAX },
      maxHeaderListPairs: 1024,
      maxSessionMemory: 64,
      handshakeTimeout: HANDSHAKE_MS,
      ...{ maxHeaderSize: HEADERS_MAX, headersTimeout: HEADERS_MS, requestTimeout: 0, connectionsCheckingInterval: 5000 }, // of HTTP/1.1
    });
    // Longer than clients keep their idle connections: one that we close under a POST is an error for its sender.
    Object.assign(server, { keepAliveTimeout: KEEP_ALIVE_MS });
    const answerOn = (call: Call, outgoing: Outgoing) => {
      if (connections.draining && !isStream(outgoing)) outgoing.setHeader('connection', 'close');
      void serve(options, call, outgoing, new Departure(outgoing, connections.addAnswer(outgoing)));
    };
    server.on('request', (incoming, outgoing) => {
      answerOn(plainCall(incoming as unknown as IncomingMessage), outgoing as unknown as ServerResponse);
    });
    // HTTP/2 goes without the objects that imitate HTTP/1.1, which Node hangs on this event: they cost more than our own work.
    server.removeAllListeners('stream');
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) => {
      if (headers.expect === '100-continue') stream.additionalHeaders({ ':status': 100 });
      answerOn(streamCall(stream, headers, rawHeaders), stream);
      // What is under way on the connection goes on; the client makes another one for what it asks next.
      if (goawayChance > 0 && Math.random() < goawayChance) stream.session?.close();
    });
    server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void upgrade(options, incoming, socket, head));
    server.on('connection', (socket) => connections.addSocket(socket));
    server.on('session', (session) => connections.addSession(session));
    server.on('sessionError', (error) => options.log.debug({ error }, 'an HTTP/2 session failed'));
    server.on('tlsClientError', () => options.onHandshakeError());
    server.on('clientError', refuseBroken);
    server.on('connect', refuseTunnel);
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
      await connections.drain(GRACE_MS);
      await Promise.all(closed);
    },
  };
}

/** What came, whichever version of HTTP brought it. */
interface Call {
  method: string;
  url: string;
  headers: Record<string, string | undefined>;
  rawHeaders: readonly string[];
  body: Readable;
  connection: Connection;
}

const plainCall = (incoming: IncomingMessage): Call => ({
  method: incoming.method ?? 'GET',
  url: incoming.url ?? '/',
  headers: incoming.headers as Call['headers'],
  rawHeaders: incoming.rawHeaders,
  body: incoming,
  connection: connectionOf(incoming.socket, incoming.socket),
});

function streamCall(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): Call {
  if (headers.host === undefined && headers[':authority'] !== undefined) headers.host = headers[':authority'];
  const { session } = stream;
  return {
    method: headers[':method'] ?? 'GET',
    url: headers[':path'] ?? '/',
    headers: headers as Call['headers'],
    rawHeaders,
    body: stream,
    connection: session ? connectionOf(session, session.socket) : { peer: undefined, remoteAddress: '' },
  };
}

/** Nobody writes to a request's query: those without one share it. */
const NO_QUERY = new URLSearchParams();

/** A class, not an object made in place: of all that a request costs, making it was no small part. */
class SocketRequest implements ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: ApiRequest['headers'];
  readonly rawHeaders: readonly string[];
  readonly remoteAddress: string;
  declare readonly peer?: NonNullable<ApiRequest['peer']>;
  declare readonly badPeer?: true;
  declare info: ApiRequest['info']; // the pipeline's first step
  declare user?: UserInfo;
  declare served?: NonNullable<ApiRequest['served']>;
  declare flow?: NonNullable<ApiRequest['flow']>;
  declare waitedSeconds?: number;
  declare upgrade?: NonNullable<ApiRequest['upgrade']>;
  declare annotations?: Record<string, string>;
  readonly warnings: string[] = [];
  readonly onSent: (() => void)[] = [];
  // Not private to it: a request that is passed on is one that inherits from this one.
  readonly source: Readable;
  readonly departure: Departure;

  constructor({ method, url, headers, rawHeaders, body, connection }: Call, departure: Departure) {
    const mark = url.indexOf('?');
    this.method = method;
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = mark < 0 ? NO_QUERY : new URLSearchParams(url.slice(mark + 1));
    this.headers = headers;
    this.rawHeaders = rawHeaders;
    this.remoteAddress = connection.remoteAddress;
    if (connection.peer === 'bad') this.badPeer = true;
    else if (connection.peer) this.peer = connection.peer;
    this.source = body;
    this.departure = departure;
  }

  body(): Promise<Uint8Array> {
    return readBody(this.source);
  }

  get signal(): AbortSignal {
    return this.departure.signal;
  }

  abort(): void {
    this.departure.abort();
  }
}

interface Connection {
  peer: ApiRequest['peer'] | 'bad';
  remoteAddress: string;
}

const connections = new WeakMap<object, Connection>();

/** Of an HTTP/2 session or an HTTP/1.1 socket: looked at once, reading a certificate costs a fifth of a millisecond. */
function connectionOf(key: object, socket: Socket): Connection {
  let connection = connections.get(key);
  if (connection === undefined) {
    connection = { peer: peerOf(socket as TLSSocket), remoteAddress: socket.remoteAddress ?? '' };
    connections.set(key, connection);
  }
  return connection;
}

/** Attribute of a certificate's subject. */
const USER_ID = '1.3.6.1.4.1.57683.2';

/** The client's certificate, which one of the authorities must have signed; undefined when there is none, or none with a name. */
function peerOf(socket: TLSSocket): Connection['peer'] {
  if (typeof socket.getPeerCertificate !== 'function') return undefined;
  const certificate = socket.getPeerCertificate();
  const subject = certificate?.subject as unknown as Record<string, string | string[]> | undefined;
  if (subject === undefined) return undefined;
  if (!socket.authorized) return 'bad';
  if (subject['CN'] === undefined) return undefined;
  return {
    commonName: String(subject['CN']),
    organizations: [subject['O'] ?? []].flat(),
    uids: [subject[USER_ID] ?? []].flat(),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    issuer: String(certificate.issuer.CN),
  };
}

/** Of all listeners. */
const bodies = new BodyRoom(BODIES_MAX);

function readBody(incoming: Readable): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let size = 0;
    const give = (error: Error) => {
      reject(error);
      incoming.removeAllListeners('data');
      incoming.resume();
      place.leave();
      chunks = [];
    };
    const place = bodies.enter(() => give(tooManyRequests('the request was not sent in time, and others need its place')));
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > BODY_MAX) give(requestEntityTooLarge(`limit is ${BODY_MAX}`));
      else place.add(chunk.length);
    });
    incoming.on('end', () => {
      place.leave();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
    });
    incoming.on('error', give);
    incoming.on('aborted', () => give(new StatusError(400, 'BadRequest', 'the client went away')));
    incoming.on('close', () => place.leave());
  });
}

async function serve(options: ListenerOptions, call: Call, outgoing: Outgoing, departure: Departure): Promise<void> {
  const request = new SocketRequest(call, departure);
  const encoded = await options.answer(request);
  try {
    await send(call, outgoing, encoded, departure);
  } catch (error) {
    if (departure.gone) options.log.debug({ error }, 'an answer was not sent');
    else {
      options.log.error({ err: error, method: call.method, path: request.path }, 'an answer could not be sent');
      options.onAbort(request);
    }
    outgoing.destroy();
  } finally {
    for (const done of request.onSent) done();
  }
}

async function send(call: Call, outgoing: Outgoing, encoded: Encoded, departure: Departure): Promise<void> {
  const { status, headers } = encoded;
  let { body } = encoded;
  if (departure.gone) return stopUnread(body);
  if (isWatch(body)) {
    if (!isStream(outgoing)) headers['transfer-encoding'] = 'chunked';
    writeHead(outgoing, status, headers);
    if (!isStream(outgoing)) outgoing.flushHeaders();
    pushWatch(outgoing, body, departure.signal, () => {
      if (isStream(outgoing)) outgoing.close(constants.NGHTTP2_CANCEL);
      outgoing.destroy();
    });
    return;
  }
  if (typeof body === 'string') body = Buffer.from(body);
  const rest = restOf(call, outgoing);
  if (rest) headers['connection'] = 'close';
  const zipped = headers['content-encoding'] === undefined && String(call.headers['accept-encoding'] ?? '').includes('gzip');
  if (body === undefined || body instanceof Uint8Array) {
    if (body && zipped && body.length > GZIP_FROM) {
      body = await gzip(body, { level: 1 });
      headers['content-encoding'] = 'gzip';
      headers['vary'] = 'Accept-Encoding';
    }
    headers['content-length'] = String(body?.length ?? 0);
    writeHead(outgoing, status, headers);
    const sent = call.method === 'HEAD' ? undefined : body;
    if (rest) return endAfter(rest, outgoing as ServerResponse, sent);
    if (sent === undefined) outgoing.end();
    else outgoing.end(sent);
    return;
  }
  writeHead(outgoing, status, headers);
  for await (const chunk of body) {
    if (departure.gone) return;
    if (!outgoing.write(chunk)) await drainedInTime(outgoing, departure.signal);
    await nextTurn();
  }
  if (rest) await discardRest(rest);
  outgoing.end();
}

/** A body that the request was answered without: the connection ends behind it. HTTP/2 has streams for that. */
function restOf(call: Call, outgoing: Outgoing): IncomingMessage | undefined {
  if (isStream(outgoing)) return undefined;
  const incoming = call.body as IncomingMessage;
  return incoming.complete ? undefined : incoming;
}

/** The answer goes out at once, the connection stays until its client has sent what it wants to. */
async function endAfter(rest: IncomingMessage, outgoing: ServerResponse, body: Uint8Array | undefined): Promise<void> {
  if (body) outgoing.write(body);
  else outgoing.flushHeaders();
  await discardRest(rest);
  outgoing.end();
}

function writeHead(outgoing: Outgoing, status: number, headers: Record<string, string>): void {
  if (isStream(outgoing)) outgoing.respond({ ':status': status, ...headers });
  else outgoing.writeHead(status, headers);
}

function stopUnread(body: Encoded['body']): void {
  if (isWatch(body)) dropWatch(body);
}

/** @throws when the client takes nothing for too long: what the answer holds is needed by others */
async function drainedInTime(outgoing: Outgoing, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const stalled = systemClock.sleep(STALLED_MS, over.signal).then(
    () => Promise.reject(new Error('the client does not read its answer')),
    () => {},
  );
  await Promise.race([drained(outgoing, signal), stalled]).finally(() => over.abort());
}

/** HTTP/1.1 upgrade: the pipeline decides; a handler takes the socket over, or a plain answer is written on it. */
async function upgrade(options: ListenerOptions, incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const request = new SocketRequest(plainCall(incoming), new Departure(socket));
  request.upgrade = { socket, head };
  const encoded = await options.answer(request);
  for (const done of request.onSent) done();
  if (encoded.hijacked) return;
  if (socket.destroyed) return stopUnread(encoded.body);
  await answerUpgrade(request, request.upgrade, encoded);
}
