// HTTP GET and TCP connect as probes and hooks do them: no keep-alive, no verification of certificates, errors in upstream's words.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Container, HTTPGetAction } from '../../api/gen/types/core.v1.ts';

export interface CheckAnswer {
  ok: boolean;
  /** For the event when it is not ok. */
  text: string;
}

const BODY_MAX = 10 * 1024;

/** A port by number or by its name in the container. @throws Error when there is no such port */
export function portNumber(container: Container, port: number | string): number {
  const number = typeof port === 'number' ? port : /^\d+$/.test(port) ? Number(port) : undefined;
  const found = number ?? container.ports?.find(({ name }) => name === port)?.containerPort;
  if (found === undefined) throw new Error(`couldn't find port: "${port}" in container ${container.name}`);
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

/** 200 to 399 is ok; redirects within the host are followed, up to ten. */
export async function httpCheck(
  url: URL,
  headers: readonly { name: string; value: string }[],
  timeoutMs: number,
  userAgent: string,
): Promise<CheckAnswer> {
  let at = url;
  for (let hops = 0; hops < 10; hops++) {
    const answer = await get(at, headers, timeoutMs, userAgent);
    if (typeof answer === 'string') return { ok: false, text: answer };
    const { statusCode = 0, location } = answer;
    if (location !== undefined && statusCode >= 300 && statusCode < 400) {
      const next = new URL(location, at);
      if (next.hostname !== at.hostname) return { ok: true, text: 'Probe terminated redirects' };
      at = next;
      continue;
    }
    return { ok: statusCode >= 200 && statusCode < 400, text: `HTTP probe failed with statuscode: ${statusCode}` };
  }
  return { ok: false, text: `Get "${url}": stopped after 10 redirects` };
}

function get(
  url: URL,
  headers: readonly { name: string; value: string }[],
  timeoutMs: number,
  userAgent: string,
): Promise<{ statusCode: number | undefined; location: string | undefined } | string> {
  return new Promise((resolve) => {
    const sent: Record<string, string | string[]> = { 'user-agent': userAgent, accept: '*/*' };
    for (const { name, value } of headers) sent[name.toLowerCase()] = value;
    const options = { headers: sent, agent: false, signal: AbortSignal.timeout(timeoutMs), rejectUnauthorized: false } as const;
    const onAnswer = (answer: IncomingMessage) => {
      let seen = 0;
      answer.on('data', (chunk: Buffer) => {
        seen += chunk.length;
        if (seen > BODY_MAX) answer.destroy();
      });
      answer.on('close', () => resolve({ statusCode: answer.statusCode, location: answer.headers.location }));
      answer.on('error', () => {});
    };
    const request = url.protocol === 'https:' ? httpsRequest(url, options, onAnswer) : httpRequest(url, options, onAnswer);
    request.on('error', (error: NodeJS.ErrnoException) =>
      resolve(`Get "${url}": ${networkError(error, url.hostname, Number(url.port || 80))}`),
    );
    request.end();
  });
}

export function tcpCheck(host: string, port: number, timeoutMs: number): Promise<CheckAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal: AbortSignal.timeout(timeoutMs) });
    socket.on('connect', () => {
      socket.destroy();
      resolve({ ok: true, text: '' });
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve({ ok: false, text: networkError(error, host, port) }));
  });
}

const TEXTS: Record<string, string> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
};

function networkError(error: NodeJS.ErrnoException, host: string, port: number): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError' || error.code === 'ABORT_ERR')
    return 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
  if (error.code === 'ECONNRESET') return 'EOF';
  const text = TEXTS[error.code ?? ''];
  return text ? `dial tcp ${host}:${port}: ${text}` : error.message;
}
