// The agent's HTTPS API, as the kubelet's: one line a path.
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Client } from '../../kit/client/index.ts';
import type { Clock, Logger, Service } from '../../kit/run/index.ts';
import type { Cri } from '../cri/index.ts';
import { checkAccess } from './access.ts';
import { containerLogs } from './container-logs.ts';
import type { PodSource } from './find-container.ts';
import { forwardPorts } from './forward-ports.ts';
import { HttpError } from './http-error.ts';
import { attachSession, execSession } from './remote-command.ts';
import { statsSummary } from './stats.ts';

export interface AgentServerOptions {
  nodeName: string;
  nodeIP: string;
  port: number;
  /** PEM files. */
  servingCert: string;
  servingKey: string;
  clientCA: string;
  cri: Cri;
  pods: PodSource;
  client: Client;
  clock: Clock;
  log: Logger;
}

export function createAgentServer(options: AgentServerOptions): Service {
  return {
    name: 'server',
    async start() {
      const [cert, key, ca] = await Promise.all([options.servingCert, options.servingKey, options.clientCA].map((path) => readFile(path)));
      const api = new AgentApi(options);
      // Clients without a certificate may come too, with a token: access.ts decides.
      const server = createServer(
        { cert, key, ca, requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] } as object,
        (request, response) => void api.answer(request, response),
      );
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
  readonly #stop = new AbortController();

  constructor(options: AgentServerOptions) {
    this.#options = options;
  }

  close(): void {
    this.#stop.abort();
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = new URL(request.url ?? '/', 'https://agent');
      if (url.pathname !== '/healthz') await checkAccess(request, this.#options.nodeName, this.#options.client);
      await this.#route(url, response);
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
      await checkAccess(incoming, nodeName, client);
      const url = new URL(incoming.url ?? '/', 'https://agent');
      const [, verb, namespace = '', pod = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
      const common = { namespace, pod, query: url.searchParams, incoming, socket, head, signal: this.#stop.signal };
      // /exec/{namespace}/{pod}/{container}, or with the pod's uid in between.
      const container = rest.at(-1) ?? '';
      if (verb === 'exec') await execSession(cri, pods, { ...common, container });
      else if (verb === 'attach') await attachSession(cri, pods, { ...common, container });
      else if (verb === 'portForward') await forwardPorts(cri, pods, common);
      else throw new NoSuchPath();
    } catch (error) {
      if (!(error instanceof HttpError)) log.debug({ err: error, url: incoming.url }, 'session failed');
      refuse(socket, error instanceof HttpError ? error.status : 500, errorText(error));
    }
  }

  async #route(url: URL, response: ServerResponse): Promise<void> {
    const { cri, pods, nodeName, clock } = this.#options;
    const [, first = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
    if (first === 'healthz') response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('ok');
    else if (first === 'pods') json(response, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: pods.list() });
    else if (first === 'containerLogs' && rest.length === 3) {
      const [namespace = '', pod = '', container = ''] = rest;
      await containerLogs(cri, clock, pods, { namespace, pod, container, query: url.searchParams }, response);
    } else if (first === 'stats' && (rest.length === 0 || rest[0] === 'summary'))
      json(response, await statsSummary(cri, pods.list(), nodeName, clock));
    else if (first === 'configz')
      json(response, {
        kubeletconfig: {
          kind: 'KubeletConfiguration',
          apiVersion: 'kubelet.config.k8s.io/v1beta1',
          maxPods: 110,
          serializeImagePulls: true,
          port: this.#options.port,
        },
      });
    else throw new NoSuchPath();
  }
}

class NoSuchPath extends HttpError {
  constructor() {
    super(404, '404 page not found');
  }
}

const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function json(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** An HTTP error on the raw socket, when the upgrade has not been accepted yet. */
function refuse(socket: Duplex, status: number, text: string): void {
  if (!socket.writable) return;
  const body = Buffer.from(text);
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\n\r\n${text}`,
  );
}
