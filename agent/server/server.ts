// The agent's HTTPS API, as the kubelet's; routes.ts has its paths.
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Client } from '../../kit/client/index.ts';
import type { KeyPair } from '../../kit/net/index.ts';
import type { Logger, Service } from '../../kit/run/index.ts';
import { checkAccess } from './access.ts';
import { forwardPorts } from './forward-ports.ts';
import { HttpError, NoSuchPath } from './http-error.ts';
import { RequestMetrics } from './metrics/index.ts';
import { attachSession, execSession } from './remote-command.ts';
import { type RouteOptions, routes } from './routes.ts';
import { type Target, targetOf } from './target.ts';

export interface AgentServerOptions extends RouteOptions {
  nodeIP: string;
  port: number;
  /** What it serves with. It may change: connections go on, new ones meet the new one. */
  certificate: { readonly pair: KeyPair; onChange(listener: (pair: KeyPair) => void): void };
  /** PEM file. */
  clientCA: string;
  client: Client;
  log: Logger;
}

/** A command is part of the request's first line. As the API server, which sends it on. */
const HEADERS_MAX = 1 << 20;

export function createAgentServer(options: AgentServerOptions): Service {
  return {
    name: 'server',
    async start() {
      const { certificate } = options;
      const ca = await readFile(options.clientCA);
      const api = new AgentApi(options);
      // Clients without a certificate may come too, with a token: access.ts decides.
      const server = createServer(
        {
          ...certificate.pair,
          ...{ ca, requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'], maxHeaderSize: HEADERS_MAX },
        } as object,
        (request, response) => void api.answer(request, response),
      );
      certificate.onChange((pair) => server.setSecureContext({ ...pair, ca }));
      server.on('upgrade', (request, socket, head) => void api.upgrade(request, socket, head));
      const { promise: failed, reject } = Promise.withResolvers<never>();
      await new Promise<void>((resolve, refuse) => {
        server.once('error', refuse);
        server.listen(options.port, options.nodeIP, () => {
          server.off('error', refuse);
          server.on('error', reject);
          resolve();
        });
      });
      return {
        failed,
        async stop() {
          api.close();
          server.close();
          server.closeAllConnections();
        },
      };
    },
  };
}

class AgentApi {
  readonly #options: AgentServerOptions;
  readonly #routes: ReturnType<typeof routes>;
  readonly #requests = new RequestMetrics();
  readonly #stop = new AbortController();

  constructor(options: AgentServerOptions) {
    this.#options = options;
    this.#routes = routes({ ...options, families: [...options.families, ...this.#requests.families] });
  }

  close(): void {
    this.#stop.abort();
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const target = targetOf(request.url ?? '/');
      const method = request.method ?? 'GET';
      await this.#requests.count(method, target.parts, async () => {
        await checkAccess(request, target, this.#options.nodeName, this.#options.client);
        await this.#route(target, method, response);
      });
    } catch (error) {
      const status = error instanceof HttpError ? error.status : 500;
      if (status === 500) this.#options.log.warn({ err: error, url: request.url }, 'request failed');
      if (response.headersSent) response.destroy();
      else
        response
          .writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
          .end(status === 404 && error instanceof NoSuchPath ? `${error.message}\n` : errorText(error));
    }
  }

  async upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => {}); // a client that went away
    const { cri, pods, nodeName, client, log } = this.#options;
    try {
      const { parts, query } = targetOf(incoming.url ?? '/');
      await this.#requests.count(incoming.method ?? 'GET', parts, async () => {
        await checkAccess(incoming, { parts, query }, nodeName, client);
        const [verb, namespace = '', pod = '', ...rest] = parts;
        const common = { namespace, pod, query, incoming, socket, head, signal: this.#stop.signal };
        // /exec/{namespace}/{pod}/{container}, or with the pod's uid in between.
        const container = rest.at(-1) ?? '';
        if (verb === 'exec') await execSession(cri, pods, { ...common, container });
        else if (verb === 'attach') await attachSession(cri, pods, { ...common, container });
        else if (verb === 'portForward') await forwardPorts(cri, pods, common);
        else throw new NoSuchPath();
      });
    } catch (error) {
      if (!(error instanceof HttpError)) log.debug({ err: error, url: incoming.url }, 'session failed');
      refuse(socket, error instanceof HttpError ? error.status : 500, errorText(error));
    }
  }

  async #route({ parts: [first = '', ...rest], query }: Target, method: string, response: ServerResponse): Promise<void> {
    const handler = this.#routes.get(first);
    if (!handler) throw new NoSuchPath();
    await handler({ method, rest, query }, response);
  }
}

const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** An HTTP error on the raw socket, when the upgrade has not been accepted yet. */
function refuse(socket: Duplex, status: number, text: string): void {
  if (!socket.writable) return;
  const body = Buffer.from(text);
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\n\r\n${text}`,
  );
}
