// One request to a registry: redirects, proxies of the environment, deadlines. What an answer means is the caller's.
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { connectionText } from '../../kit/net/index.ts';
import { agentFor } from './connections.ts';
import { registryCertificates } from './registry-certificates.ts';
import { RegistryError } from './registry-error.ts';

export interface HttpOptions {
  /** Milliseconds without a byte, before the answer or within it, after which a connection is given up. */
  stallMs: number;
  /** See registry-certificates.ts. */
  certsDir?: string;
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

async function sendOnce(url: URL, request: Request, options: HttpOptions): Promise<Answer> {
  try {
    const certificates = options.certsDir === undefined ? undefined : await registryCertificates(options.certsDir, url.host);
    return await exchange(begin(url, request, agentFor(url, certificates), options.signal), options.stallMs);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof RegistryError) throw error;
    throw new RegistryError('unavailable', `failed to do request: Get "${url.href}": ${causeOf(error, url)}`, error);
  }
}

function begin(url: URL, { headers, form }: Request, agent: http.Agent, signal: AbortSignal | undefined): ClientRequest {
  const request = (url.protocol === 'https:' ? https : http).request(url, {
    agent,
    method: form === undefined ? 'GET' : 'POST',
    headers: form === undefined ? headers : { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
    ...(signal ? { signal } : {}),
  });
  request.end(form);
  return request;
}

function exchange(request: ClientRequest, stallMs: number): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
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
  request.on('error', reject);
  return promise;
}

/** In Go's words. Of several addresses that were tried the first one's error; what it was that refused, a proxy perhaps, stands in it. */
function causeOf(error: unknown, url: URL): string {
  const first = error instanceof AggregateError ? (error.errors[0] ?? error) : error;
  const { address = url.hostname, port = Number(url.port || (url.protocol === 'https:' ? 443 : 80)) } = first as {
    address?: string;
    port?: number;
  };
  return connectionText(first, { host: address, port }, url.hostname.replace(/^\[|\]$/g, ''));
}

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
