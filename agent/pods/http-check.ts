// HTTP GET and TCP connect as probes and hooks do them: no keep-alive, no verification of certificates, errors in upstream's words.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Container, HTTPGetAction } from '../../api/gen/types/core.v1.ts';
import { Deadline } from '../../kit/run/index.ts';

export interface CheckAnswer {
  ok: boolean;
  /** For the event when it is not ok, or only just. */
  text: string;
  /** Ok, but an event says why that may be an error of its author's. */
  warns?: true;
  /** The check itself went wrong and counts neither way: the state that upstream calls it. */
  erred?: 'unknown' | 'failure';
}

const BODY_MAX = 10 * 1024;
const HOPS_MAX = 10;
/** Go's client follows these only. */
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** One for all requests costs less than one for each, and keeps nothing of them; plain ones do without. */
const secure = new HttpsAgent({ keepAlive: false, maxCachedSessions: 0, rejectUnauthorized: false });
const connectPlainly = ({ host, port }: { host?: string | null; port?: number | string | null }) =>
  connect({ host: host ?? '', port: Number(port) });

/** A port by number or by its name in the container. @throws Error when there is no such port */
export function portNumber(container: Container, port: number | string): number {
  const number = typeof port === 'number' ? port : /^\d+$/.test(port) ? Number(port) : undefined;
  const found = container.ports?.find(({ name }) => name === port)?.containerPort ?? number;
  if (found === undefined) throw new Error(`strconv.Atoi: parsing "${port}": invalid syntax`);
  return found;
}

/** Where a GET goes: `host` of the action, else the pod. */
export function actionUrl(action: HTTPGetAction, container: Container, podIP: string): URL {
  const host = action.host || podIP;
  const scheme = (action.scheme ?? 'HTTP').toLowerCase();
  const path = action.path ?? '/';
  return new URL(
    `${scheme}://${host.includes(':') ? `[${host}]` : host}:${portNumber(container, action.port)}${path.startsWith('/') ? path : `/${path}`}`,
  );
}

/** Host and port, also where the port is the scheme's own. */
const authority = ({ hostname, protocol, port }: URL): string => `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
const shown = (url: URL): string => `${url.protocol}//${authority(url)}${url.pathname}${url.search}`;

/** 200 to 299 is ok; redirects within the host are followed, up to ten; one that leads elsewhere is taken for an answer. */
export async function httpCheck(
  url: URL,
  headers: readonly { name: string; value: string }[],
  timeoutMs: number,
  userAgent: string,
): Promise<CheckAnswer> {
  const sent = headersOf(headers, userAgent);
  using deadline = new Deadline(timeoutMs);
  let at = url;
  for (let hops = 1; ; hops++) {
    const answer = await get(at, sent, deadline);
    if ('text' in answer) return answer;
    const { statusCode, location, body } = answer;
    const next = REDIRECTS.has(statusCode) && location ? new URL(location, at) : undefined;
    if (next?.hostname === url.hostname) {
      if (hops === HOPS_MAX) return { ok: false, text: `Get "${shown(next)}": stopped after ${HOPS_MAX} redirects` };
      at = next;
      continue;
    }
    if (statusCode >= 300 && statusCode < 400)
      return { ok: true, text: `Probe terminated redirects, Response body: ${body.toString()}`, warns: true };
    return { ok: statusCode >= 200 && statusCode < 300, text: `HTTP probe failed with statuscode: ${statusCode}` };
  }
}

/** One that is given empty is not sent at all. */
function headersOf(given: readonly { name: string; value: string }[], userAgent: string): Record<string, string[]> {
  const sent: Record<string, string[]> = {};
  for (const { name, value } of given) (sent[name.toLowerCase()] ??= []).push(value);
  sent['user-agent'] ??= [userAgent];
  sent['accept'] ??= ['*/*'];
  for (const name of ['user-agent', 'accept']) if (sent[name]?.[0] === '') delete sent[name];
  return sent;
}

interface Answer {
  statusCode: number;
  location: string | undefined;
  /** Its beginning. */
  body: Buffer;
}

function get(url: URL, { host, ...headers }: Record<string, string[]>, deadline: Deadline): Promise<Answer | CheckAnswer> {
  return new Promise((resolve) => {
    const sent = { ...headers, host: host?.[0] ?? authority(url) };
    let isAnswered = false;
    const onAnswer = (answer: IncomingMessage) => {
      isAnswered = true;
      const chunks: Buffer[] = [];
      let seen = 0;
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        seen += chunk.length;
        if (seen > BODY_MAX) answer.destroy(); // enough: its beginning is all that is shown
      });
      answer.on('close', () => {
        if (!answer.complete && seen <= BODY_MAX) resolve({ ok: false, erred: 'failure', text: bodyError(deadline) });
        const { statusCode = 0, headers } = answer;
        resolve({ statusCode, location: headers.location, body: Buffer.concat(chunks).subarray(0, BODY_MAX) });
      });
      answer.on('error', () => {});
    };
    const request =
      url.protocol === 'https:'
        ? httpsRequest(url, { headers: sent, agent: secure }, onAnswer)
        : httpRequest(url, { headers: sent, createConnection: connectPlainly }, onAnswer);
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (!isAnswered) resolve({ ok: false, text: `Get "${shown(url)}": ${httpError(error, url)}` });
    });
    deadline.cuts(() => request.destroy(TOO_LATE));
    request.end();
  });
}

export async function tcpCheck(host: string, port: number, timeoutMs: number): Promise<CheckAnswer> {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  using deadline = new Deadline(timeoutMs);
  return await new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.on('connect', () => {
      socket.destroy();
      resolve({ ok: true, text: '' });
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      resolve({ ok: false, text: error === TOO_LATE ? `dial tcp ${address}: i/o timeout` : dialError(error, address) }),
    );
    deadline.cuts(() => socket.destroy(TOO_LATE));
  });
}

/** What a deadline cuts off ends with it; made once, nobody sees it. */
const TOO_LATE: NodeJS.ErrnoException = new Error('too late');

const TEXTS: Record<string, string> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
};

const bodyError = (deadline: Deadline): string =>
  deadline.isOver ? 'context deadline exceeded (Client.Timeout or context cancellation while reading body)' : 'unexpected EOF';

/** In the words of Go's client. */
function httpError(error: NodeJS.ErrnoException, url: URL): string {
  if (error === TOO_LATE) return 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
  if (error.code === 'ECONNRESET') return 'EOF';
  if (url.protocol === 'https:' && error.code === 'EPROTO') return 'http: server gave HTTP response to HTTPS client';
  return dialError(error, authority(url));
}

function dialError({ code = '', message }: NodeJS.ErrnoException, address: string): string {
  const text = TEXTS[code];
  return text ? `dial tcp ${address}: ${text}` : message;
}
