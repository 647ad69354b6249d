// Connections to webhooks and extension servers, kept and used again: one pool for each authority and name.
import { createHash } from 'node:crypto';
import { Agent } from 'node:https';
import { isIP } from 'node:net';

/** Pools beyond this are closed, the least used first. */
const POOLS_MAX = 64;
const SOCKETS_MAX = 64;
const IDLE_SOCKETS_MAX = 8;
/** Shorter than servers usually keep idle connections. */
const IDLE_MS = 30_000;

export interface Trust {
  /** PEM; absent: the machine's authorities. */
  ca?: string | undefined;
  serverName: string;
  /** The certificate of the server is not checked. */
  insecure?: boolean;
  /** Client certificate. */
  client?: { cert: string; key: string };
}

export class Agents {
  /** In the order of last use. */
  readonly #pools = new Map<string, Agent>();

  for(trust: Trust): Agent {
    const key = keyOf(trust);
    const agent = this.#pools.get(key) ?? make(trust);
    this.#pools.delete(key);
    this.#pools.set(key, agent);
    if (this.#pools.size > POOLS_MAX) {
      const [oldest, pool] = this.#pools.entries().next().value!;
      this.#pools.delete(oldest);
      pool.destroy();
    }
    return agent;
  }

  close(): void {
    for (const agent of this.#pools.values()) agent.destroy();
    this.#pools.clear();
  }
}

const keyOf = ({ ca, serverName, insecure, client }: Trust): string =>
  createHash('sha256')
    .update(JSON.stringify([ca, serverName, insecure, client?.cert]))
    .digest('base64');

const make = ({ ca, serverName, insecure, client }: Trust): Agent =>
  new Agent({
    keepAlive: true,
    maxSockets: SOCKETS_MAX,
    maxFreeSockets: IDLE_SOCKETS_MAX,
    timeout: IDLE_MS,
    // An address is compared as one; a name in the greeting (SNI) it is not.
    servername: isIP(serverName) ? '' : serverName,
    ...(ca === undefined ? {} : { ca }),
    ...(insecure ? { rejectUnauthorized: false } : {}),
    ...client,
  });
