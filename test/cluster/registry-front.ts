// What stands before the registry of registries.test.ts, run inside a node: TLS, passwords, a forward proxy, and faults for as long as
// their repository is not healed. `node registry-front.ts CONFIG.json`; each request is a line of the log.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect } from 'node:net';

export interface FrontConfig {
  /** `host:port` of the registry. */
  upstream: string;
  /** Address to listen on. */
  address: string;
  log: string;
  /** A file of a repository's name in it ends that repository's fault. */
  healed: string;
  /** Values of the Authorization header that open what is private. */
  keys: string[];
  cert: string;
  key: string;
}

export const PORTS = { private: 5443, stranger: 5444, plain: 5080, faulty: 5090, proxy: 5128, nobody: 5999 } as const;
/** What is larger is a layer. */
const SMALL = 20_000;

type Respond = (request: IncomingMessage, response: ServerResponse) => void;

/** By the first part of the repository's name. What a layer's fault does gets the layer's size. */
const MANIFEST_FAULTS: Record<string, Respond> = {
  html: (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in'),
  broken: (_, response) => response.writeHead(500).end(),
  busy: (_, response) => response.writeHead(429, { 'retry-after': '3600' }).end(),
  loop: ({ url = '' }, response) => response.writeHead(307, { location: url }).end(),
};
const LAYER_FAULTS: Record<string, (response: ServerResponse, size: number) => void> = {
  forged: (response, size) => response.writeHead(200, { 'content-length': size }).end(Buffer.alloc(size)),
  short: (response) => response.writeHead(206, { 'content-length': 0 }).end(),
  silent: (response, size) => response.writeHead(200, { 'content-length': size }).flushHeaders(),
};

function front({ upstream, address, log, healed, keys, cert, key }: FrontConfig): void {
  const note = (where: string, { method, url }: IncomingMessage) => appendFileSync(log, `${where} ${method} ${url}\n`);
  const pass: Respond = (request, response) => forward(upstream, request, response);
  const noted =
    (where: string, respond: Respond): Respond =>
    (request, response) => {
      note(where, request);
      respond(request, response);
    };
  const locked: Respond = (request, response) =>
    keys.includes(request.headers.authorization ?? '')
      ? pass(request, response)
      : void response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end('{}');
  const faulty: Respond = (request, response) => {
    const [, repository = '', kind] = /^\/v2\/([^/]+)\/.*(manifests|blobs)\//.exec(request.url ?? '') ?? [];
    if (existsSync(`${healed}/${repository}`)) pass(request, response);
    else if (kind === 'manifests' && MANIFEST_FAULTS[repository]) MANIFEST_FAULTS[repository](request, response);
    else forward(upstream, request, response, LAYER_FAULTS[repository]);
  };
  createSecureServer({ cert, key }, noted('private', locked)).listen(PORTS.private, address);
  createSecureServer({ cert, key }, noted('stranger', pass)).listen(PORTS.stranger, address);
  createServer(noted('plain', pass)).listen(PORTS.plain, address);
  createServer(noted('faulty', faulty)).listen(PORTS.faulty, address);
  createServer(noted('proxy', pass))
    .on('connect', (request, socket) => {
      note('proxy', request);
      const target = connect(Number(request.url?.split(':')[1]), address, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
      for (const end of [target, socket]) end.on('error', () => {});
      target.pipe(socket).pipe(target);
    })
    .listen(PORTS.proxy, address);
}

/** The registry's own answer; `fault` takes the place of a layer. */
function forward(upstream: string, request: IncomingMessage, response: ServerResponse, fault?: (typeof LAYER_FAULTS)[string]): void {
  const path = (request.url ?? '').replace(/^http:\/\/[^/]+/, '');
  const { authorization: _, host: __, connection: ___, ...headers } = request.headers;
  const asked = httpRequest(`http://${upstream}${path}`, { method: request.method ?? 'GET', headers }, (answer) => {
    const size = Number(answer.headers['content-length'] ?? 0);
    if (fault && path.includes('/blobs/') && (size > SMALL || answer.statusCode === 206)) {
      answer.destroy();
      fault(response, size);
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  asked.on('error', () => response.destroy());
  asked.end();
}

if (process.argv[2]) front(JSON.parse(readFileSync(process.argv[2], 'utf8')) as FrontConfig);
