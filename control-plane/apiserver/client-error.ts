// What an HTTP/1.1 client is told whose bytes never became a request: broken lines, too many headers, headers that take too long.
import type { Duplex } from 'node:stream';
import { StatusError } from '../../api/meta/index.ts';

const REFUSALS: Readonly<Record<string, StatusError>> = {
  HPE_HEADER_OVERFLOW: new StatusError(431, 'RequestHeaderFieldsTooLarge', 'Request Header Fields Too Large'),
  ERR_HTTP_REQUEST_TIMEOUT: new StatusError(408, 'Timeout', 'the request did not arrive in time'),
};

export function refuseBroken(error: Error & { code?: string }, socket: Duplex): void {
  if (socket.destroyed || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  refuse(socket, REFUSALS[error.code ?? ''] ?? new StatusError(400, 'BadRequest', 'the request is no HTTP'));
}

/** CONNECT asks for a tunnel to anywhere, which Node would end without a word. */
export function refuseTunnel(_request: unknown, socket: Duplex): void {
  socket.on('error', () => {}); // who asked may be gone
  refuse(socket, new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource'));
}

function refuse(socket: Duplex, refusal: StatusError): void {
  const body = JSON.stringify(refusal.toStatus());
  const head = `HTTP/1.1 ${refusal.code} ${refusal.message}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}\r\n\r\n${body}`, () => socket.destroy());
}
