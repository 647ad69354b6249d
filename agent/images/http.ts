// One request to a registry: redirects, proxies of the environment, deadlines. What an answer means is the caller's.
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import { RegistryError } from './registry-error.ts';

export interface HttpOptions {
  /** Milliseconds without a byte, before the answer or within it, after which a connection is given up. */
  stallMs: number;
  signal?: AbortSignal;
}

export interface Request {
  headers: Record<string, string>;
  /** A form to post; absent: GET. */
  form?: string;
}

/** The body is a stream that fails when it ends early or stalls; who does not read it must destroy it. */
export interface Answer {
  status: number;
  reason: string;
  header(name: string): string;
  body: IncomingMessage;
}

/** As Go's client, which registries are tried with. */
const REDIRECTS_MAX = 10;
/** How the error of a connection begins that was given up for its silence. */
export const STALLED = /^no bytes for /;
const REDIRECTS = [301, 302, 303, 307, 308];

/** Connections are kept for the layers of an image; proxies are those of HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
let agents: { http: http.Agent; https: https.Agent } | undefined;
const agentsOf = () =>
  (agents ??= {
    http: new http.Agent({ keepAlive: true, proxyEnv: process.env }),
    // Private registries often have a certificate of a company's authority, which only the system knows.
    https: new https.Agent({
      keepAlive: true,
      proxyEnv: process.env,
      ca: [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])],
    }),
  });

/** Follows redirects; credentials stay with the host (and scheme) that they are for. @throws RegistryError unavailable */
export async function send(url: string, request: Request, options: HttpOptions): Promise<Answer> {
  let target = new URL(url);
  let { headers } = request;
  let { form } = request;
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const answer = await sendOnce(target, { headers, ...(form === undefined ? {} : { form }) }, options);
    const location = answer.header('location');
    if (!REDIRECTS.includes(answer.status) || location === '') return answer;
    answer.body.destroy();
    const next = locationOf(location, target);
    if (next.origin !== target.origin) {
      const { authorization: _, ...others } = headers;
      headers = others;
      form = undefined;
    }
    target = next;
  }
  throw new RegistryError('other', `Get "${url}": stopped after ${REDIRECTS_MAX} redirects`);
}

function locationOf(location: string, base: URL): URL {
  const next = URL.canParse(location, base.href) ? new URL(location, base) : undefined;
  if (next?.protocol !== 'http:' && next?.protocol !== 'https:')
    throw new RegistryError('other', `Get "${base.href}": redirect to ${JSON.stringify(location)}`);
  return next;
}

function sendOnce(url: URL, { headers, form }: Request, { stallMs, signal }: HttpOptions): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const secure = url.protocol === 'https:';
  const request = (secure ? https : http).request(url, {
    agent: secure ? agentsOf().https : agentsOf().http,
    method: form === undefined ? 'GET' : 'POST',
    headers: form === undefined ? headers : { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
    ...(signal ? { signal } : {}),
  });
  let body: IncomingMessage | undefined;
  request.setTimeout(stallMs, () => {
    if (body && body.readableLength > 0) return; // it is we who are slow
    const stalled = new Error(`no bytes for ${stallMs / 1000} s`);
    body?.destroy(stalled);
    request.destroy(stalled);
  });
  request.once('response', (response) => {
    body = response;
    resolve({
      status: response.statusCode ?? 0,
      reason: response.statusMessage ?? '',
      header: (name) => String(response.headers[name] ?? ''),
      body: response,
    });
  });
  request.on('error', (error: NodeJS.ErrnoException) => {
    if (signal?.aborted) reject(signal.reason);
    else reject(new RegistryError('unavailable', `failed to do request: Get "${url.href}": ${causeOf(error)}`, error));
  });
  request.end(form);
  return promise;
}

/** Of several addresses that were tried the first one's error; Node's own text for it is empty. */
const causeOf = (error: Error): string =>
  error instanceof AggregateError ? String(error.errors[0]?.message ?? error.message) : error.message;

/** The whole body as text. @throws RegistryError when it has more than `maxBytes` or does not come whole */
export async function textOf(answer: Answer, what: string, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new RegistryError('other', `${what} has more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof RegistryError) throw error;
    throw new RegistryError('unavailable', `${what}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  return Buffer.concat(chunks).toString('utf8');
}
