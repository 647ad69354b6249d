// The answer to an upgrade that no handler took over: logs and watches go over a WebSocket, all else is plain HTTP/1.1 on the raw socket.
import { STATUS_CODES } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { acceptReader, wantsWebSocket } from '../../kit/net/index.ts';
import { type Encoded, isWatch } from './encode.ts';
import { dropWatch, pushWatch } from './push-watch.ts';
import type { ApiRequest } from './request.ts';

const head = (status: number, headers: Record<string, string>): string =>
  [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '\r\n',
  ].join('\r\n');

type Upgrade = NonNullable<ApiRequest['upgrade']>;

const isStream = (body: Encoded['body']): body is AsyncIterable<Uint8Array> =>
  typeof body === 'object' && !(body instanceof Uint8Array) && !isWatch(body);

/** Streams go as messages (upstream's responsewriters.StreamObject and WatchServer.HandleWS). */
async function overWebSocket(request: ApiRequest, { socket, head }: Upgrade, body: Encoded['body']): Promise<boolean> {
  if (!wantsWebSocket(request) || !(isWatch(body) || isStream(body))) return false;
  const writer = await acceptReader(request, socket, head, isWatch(body) ? 'lines' : 'bytes').catch(() => undefined);
  if (isStream(body)) {
    if (writer) await pipeline(body, writer).catch(() => {});
    else await (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]().return?.();
  } else if (writer) pushWatch(writer, body, request.signal, () => writer.destroy());
  else dropWatch(body);
  return true;
}

/** Writes the answer and closes: a body of unknown length ends with the connection. */
export async function answerUpgrade(request: ApiRequest, upgrade: Upgrade, { status, headers, body }: Encoded): Promise<void> {
  if (status === 200 && (await overWebSocket(request, upgrade, body))) return;
  const { socket } = upgrade;
  const all = { ...headers, connection: 'close' };
  if (isStream(body)) {
    socket.write(head(status, all));
    await pipeline(body, socket).catch(() => socket.destroy());
    return;
  }
  if (isWatch(body)) dropWatch(body);
  const bytes = body === undefined || isWatch(body) ? Buffer.alloc(0) : Buffer.from(body as string);
  socket.write(head(status, { ...all, 'content-length': String(bytes.length) }));
  socket.end(bytes);
}
