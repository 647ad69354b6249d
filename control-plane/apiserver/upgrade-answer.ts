// The plain HTTP/1.1 answer to an upgrade that did not come about, written on the raw socket.
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Encoded, isWatch } from './encode.ts';

const head = (status: number, headers: Record<string, string>): string =>
  [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '\r\n',
  ].join('\r\n');

/** Writes the answer and closes: a body of unknown length ends with the connection. */
export async function answerUpgrade(socket: Duplex, { status, headers, body }: Encoded): Promise<void> {
  const all = { ...headers, connection: 'close' };
  if (body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array) && !isWatch(body)) {
    socket.write(head(status, all));
    await pipeline(body, socket).catch(() => socket.destroy());
    return;
  }
  const bytes = body === undefined || isWatch(body) ? Buffer.alloc(0) : Buffer.from(body as string);
  socket.write(head(status, { ...all, 'content-length': String(bytes.length) }));
  socket.end(bytes);
}
