// The node's own resolvers: names that are not of this cluster are asked there.
import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { backoffMs } from '../../kit/run/index.ts';

export interface UpstreamOptions {
  /** Default /etc/resolv.conf; read again when it is older than 5 s. */
  file?: string;
  /** Addresses that lead back to ourselves. */
  except: readonly string[];
}

const TIMEOUT_MS = 2000;
/** A server that did not answer is passed over for so long, longer each time. */
const AVOID_MS = 10_000;
const AVOID_MAX_MS = 60_000;
const REREAD_MS = 5000;
/** Questions on their way; more are refused. */
const IN_FLIGHT_MAX = 512;

export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #silent = new Map<string, { failures: number; untilMs: number }>();
  #servers: string[] = [];
  #readAt = Number.NEGATIVE_INFINITY;
  #inFlight = 0;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /** Sends the very question and returns the very answer; undefined when nobody answers. */
  async ask(question: Buffer, protocol: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    if (this.#inFlight >= IN_FLIGHT_MAX) return undefined;
    this.#inFlight++;
    try {
      const servers = await this.#inOrder();
      for (const server of servers) {
        const answer = await (protocol === 'udp' ? overUdp(server, question) : overTcp(server, question)).catch(() => undefined);
        if (answer) {
          this.#silent.delete(server);
          return answer;
        }
        const failures = (this.#silent.get(server)?.failures ?? 0) + 1;
        this.#silent.set(server, { failures, untilMs: performance.now() + backoffMs(failures, AVOID_MS, AVOID_MAX_MS) });
      }
      return undefined;
    } finally {
      this.#inFlight--;
    }
  }

  async #inOrder(): Promise<string[]> {
    if (performance.now() - this.#readAt > REREAD_MS) {
      this.#readAt = performance.now();
      this.#servers = parseNameservers(
        await readFile(this.#options.file ?? '/etc/resolv.conf', 'utf8').catch(() => ''),
        this.#options.except,
      );
      for (const server of this.#silent.keys()) if (!this.#servers.includes(server)) this.#silent.delete(server);
    }
    const now = performance.now();
    // When all are silent nobody is kept waiting until one of them is due again.
    return this.#servers.filter((server) => (this.#silent.get(server)?.untilMs ?? 0) <= now);
  }
}

/** Pure: IPv4 and IPv6 servers of a resolv.conf, at most three as the C library takes. */
export function parseNameservers(text: string, except: readonly string[]): string[] {
  const servers = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1]!);
  return servers.filter((server) => !except.includes(server)).slice(0, 3);
}

function overUdp(server: string, question: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4');
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const end = (error?: Error, answer?: Buffer) => {
      timeout.onabort = null;
      socket.close();
      if (answer) resolve(answer);
      else reject(error);
    };
    timeout.onabort = () => end(new Error(`${server} did not answer`));
    socket.once('error', (error) => end(error));
    // Connected: an unreachable server is told at once, and only it can answer.
    socket.connect(53, server, () => {
      socket.send(question);
      socket.on('message', (answer) => {
        if (answer.length >= 12 && answer.readUInt16BE(0) === question.readUInt16BE(0)) {
          socket.removeAllListeners('message');
          end(undefined, answer);
        }
      });
    });
  });
}

function overTcp(server: string, question: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(53, server);
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`${server} did not answer`)));
    let read = Buffer.alloc(0);
    socket.once('connect', () => socket.write(framed(question)));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`${server} closed the connection`)));
    socket.on('data', (chunk) => {
      read = Buffer.concat([read, chunk]);
      if (read.length < 2 || read.length < 2 + read.readUInt16BE(0)) return;
      resolve(read.subarray(2, 2 + read.readUInt16BE(0)));
      socket.destroy();
    });
  });
}

/** With the length in front, as DNS over TCP has it. */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}
