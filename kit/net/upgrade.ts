// HTTP/1.1 upgrades on a raw socket: which protocol was asked for, accepting and refusing.
import type { Duplex } from 'node:stream';
import type { UpgradeRequest } from './streams.ts';

export function headerOf(request: UpgradeRequest, name: string): string {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : (value ?? '');
}

export const listOf = (header: string): string[] =>
  header
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

export const wantsWebSocket = (request: UpgradeRequest): boolean => headerOf(request, 'upgrade').toLowerCase() === 'websocket';
export const wantsSpdy = (request: UpgradeRequest): boolean => headerOf(request, 'upgrade').toLowerCase() === 'spdy/3.1';

/** Writes an HTTP error to the raw socket and closes it. */
export function refuseUpgrade(socket: Duplex, status: number, text: string, headers: readonly string[] = []): void {
  const body = Buffer.from(text);
  const lines = [
    `HTTP/1.1 ${status} Refused`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    ...headers,
  ];
  socket.on('error', () => {});
  socket.end(`${lines.join('\r\n')}\r\n\r\n${text}`);
}

/** Answers 101 for SPDY with the sub-protocol (none when ''). */
export function acceptSpdy(socket: Duplex, protocol: string): void {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: SPDY/3.1'];
  if (protocol !== '') lines.push(`X-Stream-Protocol-Version: ${protocol}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
}

/** The first protocol of ours that the client offers; '' when it offers none at all, undefined when nothing fits. */
export function chooseProtocol(offered: readonly string[], ours: readonly string[]): string | undefined {
  if (offered.length === 0) return '';
  return ours.find((protocol) => offered.includes(protocol));
}
