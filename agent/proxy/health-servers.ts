// What the proxy answers over HTTP: the health check node ports of Services (load balancers ask them), and its own health and mode.
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Logger } from '../../kit/run/index.ts';
import type { HealthCheck } from './plan.ts';

/** As kube-proxy has them: health for everybody, its mode for the node itself. */
const HEALTH_PORT = 10_256;
const STATUS_PORT = 10_249;
const CONNECTIONS_MAX = 256;
const REQUEST_TIMEOUT_MS = 10_000;

export interface ProxyState {
  /** `iptables` or `nftables`. */
  readonly mode: string;
  /** Whether the rules are what they should be, and since when. */
  health(): { healthy: boolean; updatedMs: number };
  nowMs(): number;
  log: Logger;
}

interface Listening {
  server: Server;
  check: HealthCheck;
}

export class HealthServers {
  readonly #state: ProxyState;
  /** Where node ports are served; default everywhere. */
  readonly #address: string;
  readonly #byPort = new Map<number, Listening>();
  readonly #own: Server[] = [];

  constructor(state: ProxyState, address = '0.0.0.0') {
    this.#state = state;
    this.#address = address;
  }

  start(): void {
    const mode = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/plain' }).end(this.#state.mode);
    const health = (response: ServerResponse) => this.#ownHealth(response);
    this.#own.push(
      this.#listen(HEALTH_PORT, this.#address, (path) => (path === '/healthz' || path === '/livez' ? health : undefined)),
      this.#listen(STATUS_PORT, '127.0.0.1', (path) => (path === '/proxyMode' ? mode : path === '/healthz' ? health : undefined)),
    );
  }

  /** Serves these and no others. */
  keep(checks: readonly HealthCheck[]): void {
    const wanted = new Map(checks.map((check) => [check.port, check]));
    for (const [port, { server }] of this.#byPort) {
      if (wanted.has(port)) continue;
      close(server);
      this.#byPort.delete(port);
    }
    for (const [port, check] of wanted) {
      const present = this.#byPort.get(port);
      if (present) present.check = check;
      else this.#byPort.set(port, { check, server: this.#listen(port, this.#address, () => (response) => this.#answer(port, response)) });
    }
  }

  stop(): void {
    for (const server of this.#own.splice(0)) close(server);
    this.keep([]);
  }

  #answer(port: number, response: ServerResponse): void {
    const { namespace, name, endpoints } = this.#byPort.get(port)?.check ?? { namespace: '', name: '', endpoints: 0 };
    const { healthy } = this.#state.health();
    const body = { service: { namespace, name }, localEndpoints: endpoints, serviceProxyHealthy: healthy };
    const status = endpoints > 0 && healthy ? 200 : 503;
    respond(response, status, JSON.stringify(body, undefined, '\t'), { 'x-load-balancing-endpoint-weight': String(endpoints) });
  }

  #ownHealth(response: ServerResponse): void {
    const { healthy, updatedMs } = this.#state.health();
    const nowMs = this.#state.nowMs();
    const currentTime = new Date(nowMs).toISOString();
    // What has nothing to write is as good as written now.
    const lastUpdated = new Date(healthy ? nowMs : updatedMs).toISOString();
    respond(response, healthy ? 200 : 503, JSON.stringify({ lastUpdated, currentTime, healthy }));
  }

  #listen(port: number, host: string, answerOf: (path: string) => ((response: ServerResponse) => void) | undefined): Server {
    const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      const answer = answerOf(new URL(request.url ?? '/', 'http://proxy').pathname);
      if (answer) answer(response);
      else response.writeHead(404).end();
    });
    server.maxConnections = CONNECTIONS_MAX;
    // Somebody else has the port: rules are written all the same, and it is tried again with the next ones.
    server.on('error', (error) => {
      this.#state.log.warn(`port ${port} is not served: ${error.message}`);
      if (this.#byPort.get(port)?.server === server) this.#byPort.delete(port);
    });
    return server.listen(port, host);
  }
}

function respond(response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-content-type-options': 'nosniff', ...headers }).end(body);
}

function close(server: Server): void {
  server.close();
  server.closeAllConnections();
}
