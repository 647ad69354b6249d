// The HTTP server behind Exec, Attach and PortForward: each answers a URL with a token that works once and soon.
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { acceptPortForward, acceptRemoteCommand, type WantedStreams } from '../../kit/net/index.ts';
import type { Clock } from '../../kit/run/index.ts';
import { type ContainerStatus, type Cri, CriError, type PodSandboxStatus, serveForwardedPort, serveSession } from '../cri/index.ts';

/** As in other runtimes: a URL is for the client that has just asked. */
const TOKEN_MS = 60_000;
const TOKENS_MAX = 1000;

type Serve = (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;

interface Waiting {
  serve: Serve;
  expiresAtMs: number;
}

export class StreamingServer {
  readonly #cri: Cri;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly #waiting = new Map<string, Waiting>();
  readonly #server: Server;

  private constructor(cri: Cri, clock: Clock) {
    this.#cri = cri;
    this.#clock = clock;
    this.#server = createServer((request, response) => {
      const known = this.#waiting.has(tokenOf(request));
      response.writeHead(known ? 400 : 404, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(known ? 'Upgrade request required' : '404 page not found');
    });
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Listens on a free port of `address`. */
  static async start(cri: Cri, clock: Clock, address: string): Promise<StreamingServer> {
    const streaming = new StreamingServer(cri, clock);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    streaming.#server.once('error', reject);
    streaming.#server.listen(0, address, resolve);
    await promise;
    return streaming;
  }

  stop(): void {
    this.#stop.abort();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  exec(container: ContainerStatus, command: readonly string[], streams: WantedStreams): string {
    return this.#offer('exec', async (request, socket, head) => {
      const remote = await acceptRemoteCommand(request, socket, head, streams);
      await serveSession(remote, 'executing command in container', () => this.#cri.exec(container.id, command, streams), 'exit code');
    });
  }

  attach(container: ContainerStatus, streams: WantedStreams): string {
    // The container decides whether there is a terminal, not the client.
    const wanted = { ...streams, tty: container.tty, stderr: streams.stderr && !container.tty, stdin: streams.stdin && container.stdin };
    return this.#offer('attach', async (request, socket, head) => {
      const remote = await acceptRemoteCommand(request, socket, head, wanted);
      await serveSession(remote, 'attaching to container', () => this.#cri.attach(container.id, wanted), 'success');
    });
  }

  /** `ports` empty: any. */
  portForward(sandbox: PodSandboxStatus, ports: readonly number[]): string {
    return this.#offer('portforward', async (request, socket, head) => {
      for await (const forwarded of acceptPortForward(request, socket, head, this.#stop.signal)) {
        if (ports.length > 0 && !ports.includes(forwarded.port)) forwarded.fail(`port ${forwarded.port} was not asked for`);
        else void serveForwardedPort(forwarded, (port) => this.#cri.openPort(sandbox.id, port), sandbox.id);
      }
    });
  }

  #offer(verb: string, serve: Serve): string {
    const nowMs = this.#clock.nowMs();
    for (const [token, { expiresAtMs }] of this.#waiting) if (expiresAtMs <= nowMs) this.#waiting.delete(token);
    if (this.#waiting.size >= TOKENS_MAX) throw new CriError('Unknown', 'maximum number of in-flight requests exceeded');
    const token = randomBytes(24).toString('base64url');
    this.#waiting.set(token, { serve, expiresAtMs: nowMs + TOKEN_MS });
    const { address, port, family } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/${verb}/${token}`;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => {}); // a client that went away
    const token = tokenOf(request);
    const waiting = this.#waiting.get(token);
    this.#waiting.delete(token);
    if (!waiting || waiting.expiresAtMs <= this.#clock.nowMs()) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const abort = () => socket.destroy();
    this.#stop.signal.addEventListener('abort', abort, { once: true });
    waiting
      .serve(request, socket, head)
      .catch(() => socket.destroy()) // refused: the client was told
      .finally(() => this.#stop.signal.removeEventListener('abort', abort));
  }
}

const tokenOf = (request: IncomingMessage): string => (request.url ?? '').split('?')[0]!.split('/').at(-1) ?? '';
