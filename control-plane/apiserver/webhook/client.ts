// One client for all webhooks: finds the address, keeps connections, posts a review and reads the answer within time and size.
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { goJson, readJson, type StatusError } from '../../../api/meta/index.ts';
import { statusErrorOf } from '../../../kit/client/index.ts';
import { connectionText } from '../../../kit/net/index.ts';
import type { Reader } from '../request.ts';
import { traceHeaders } from '../tracing/index.ts';
import { Agents } from './agents.ts';
import { authorityOf, type ClientConfig, DEFAULT_PORT, serverNameOf, shownUrl, urlOf } from './client-config.ts';
import { answerText } from './go-errors.ts';
import { type Address, resolveService } from './service-address.ts';

/** An answer holds at most the objects it was sent, changed: far below this. */
const ANSWER_MAX_BYTES = 32 << 20;

export interface PostOptions {
  timeoutSeconds: number;
  /** The client's departure ends the call too. */
  signal: AbortSignal;
  agent: string;
}

/** Why a webhook could not be asked; the text is what Go's client would say. */
export class WebhookFailure extends Error {
  /** The one who asked went away. */
  readonly canceled: boolean;
  constructor(message: string, canceled = false) {
    super(message);
    this.canceled = canceled;
  }
}

/** The configuration itself cannot be used. */
export class BadConfig extends WebhookFailure {}

const UNREADABLE = 'unable to load root certificates: unable to parse bytes as PEM block';

export class WebhookClient {
  readonly #reader: Reader;
  readonly #agents = new Agents();
  #turn = 0;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  close(): void {
    this.#agents.close();
  }

  /** Answers the parsed body. Throws WebhookFailure. */
  async post(config: ClientConfig, body: object, { timeoutSeconds, signal, agent }: PostOptions): Promise<unknown> {
    const url = urlOf(config, timeoutSeconds);
    const ca = authorityOf(config);
    if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----')) throw new BadConfig(UNREADABLE);
    const deadline = AbortSignal.timeout(timeoutSeconds * 1000);
    const bytes = Buffer.from(goJson(body));
    // Not AbortSignal.any: on a signal that lives as long as the server each call would leave something behind.
    const stop = new AbortController();
    const abort = () => stop.abort();
    deadline.addEventListener('abort', abort);
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    try {
      const call = (): Promise<Answer> => {
        const { serverName, at } = this.#way(config, url);
        return send({
          agent: this.#agents.for({ ca, serverName }),
          at,
          serverName,
          path: url.pathname + url.search,
          headers: { host: url.host, 'user-agent': agent },
          body: bytes,
          signal: stop.signal,
        });
      };
      const answer = await again(call);
      return parsed(answer);
    } catch (error) {
      if (error instanceof WebhookFailure) throw error;
      const why = deadline.aborted ? 'context deadline exceeded' : signal.aborted ? 'context canceled' : (error as Error).message;
      throw new WebhookFailure(`Post ${JSON.stringify(shownUrl(url, config))}: ${why}`, signal.aborted);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #way({ service }: ClientConfig, url: URL): { serverName: string; at: Address } {
    if (service) return { serverName: serverNameOf(service), at: resolveService(this.#reader, service, this.#turn++) };
    const host = url.hostname.replace(/^\[|\]$/g, '');
    return { serverName: host, at: { host, port: Number(url.port) || DEFAULT_PORT } };
  }
}

interface Call {
  agent: import('node:https').Agent;
  at: Address;
  serverName: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer;
  signal: AbortSignal;
}

interface Answer {
  code: number;
  contentType: string | undefined;
  text: string;
}

/** A kept connection that the server closed just now: the request never arrived. */
class StaleConnection extends Error {}

/** Each try takes another kept connection, at last a new one. */
async function again(call: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
    }
  }
}

function send({ agent, at, serverName, path, headers, body, signal }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({
      agent,
      host: at.host,
      port: at.port,
      method: 'POST',
      path,
      signal,
      headers: {
        ...headers,
        ...traceHeaders(),
        accept: 'application/json, */*',
        'content-type': 'application/json',
        'content-length': body.length,
      },
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const stale = outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      reject(stale && !signal.aborted ? new StaleConnection() : new Error(connectionText(error, at, serverName)));
    });
    outgoing.on('response', (response) => {
      read(response).then(
        (text) => resolve({ code: response.statusCode ?? 0, contentType: response.headers['content-type'], text }),
        (error: unknown) => {
          outgoing.destroy();
          reject(error);
        },
      );
    });
    outgoing.end(body);
  });
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > ANSWER_MAX_BYTES) throw new Error(`the answer is longer than ${ANSWER_MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Throws WebhookFailure for an answer that is an error or no JSON. */
function parsed({ code, contentType, text }: Answer): unknown {
  let body: unknown;
  let problem: string | undefined;
  try {
    body = readJson(text);
  } catch (error) {
    problem = (error as Error).message;
  }
  if (code < 200 || code > 299) {
    const isStatus = typeof body === 'object' && body !== null && (body as { kind?: unknown }).kind === 'Status';
    const status: StatusError | undefined = isStatus ? statusErrorOf(code, body, 'webhook') : undefined;
    throw new WebhookFailure(status?.message ?? answerText(code, contentType, text));
  }
  if (problem !== undefined || typeof body !== 'object' || body === null)
    throw new WebhookFailure(`couldn't get version/kind; json parse error: ${problem ?? 'the answer is no object'}`);
  return body;
}
