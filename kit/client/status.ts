// From an answer that is not 2xx, or an ERROR event, to a StatusError.
import { type Status, StatusError } from '../../api/meta/index.ts';

/** `body` is what the server sent: a Status, or anything (proxies, plain text). */
export function statusErrorOf(code: number, body: unknown, what: string): StatusError {
  if (isStatus(body)) return new StatusError(body.code ?? code, body.reason ?? '', body.message ?? `${what}: ${code}`, body.details);
  const text = typeof body === 'string' ? body.trim().slice(0, 1024) : '';
  return new StatusError(code, REASONS[code] ?? 'Unknown', text === '' ? `${what}: the server answered ${code}` : text);
}

const isStatus = (body: unknown): body is Status =>
  typeof body === 'object' && body !== null && (body as { kind?: unknown }).kind === 'Status';

/** Reasons for answers without a Status body. */
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};
