// The client's side of exec, attach and port-forward over SPDY/3.1: for runtimes that hand out a URL of their own streaming server.
// SPDY and not WebSocket, as every runtime speaks it and stdin can be half-closed with it in every version of the protocol.
import { request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { systemClock } from '../run/index.ts';
import { SpdySession, type SpdyStream } from './spdy.ts';
import type { CommandStatus, WantedStreams } from './streams.ts';

const COMMAND_PROTOCOL = 'v4.channel.k8s.io';
const PORT_PROTOCOL = 'portforward.k8s.io';
const UPGRADE_TIMEOUT_MS = 30_000;
/** Of a refusal's text. */
const TEXT_MAX = 1000;
/** How long a port-forward's other side may take to say that nobody listens. */
const REFUSAL_MS = 300;

/** Connects to a port of the streaming server's host; absent: by its URL. */
export type Connect = (port: number) => Socket;

export interface RemoteCommandClient {
  readonly stdin?: Duplex;
  readonly stdout?: Duplex;
  readonly stderr?: Duplex;
  resize(width: number, height: number): void;
  /** How the command ended; undefined when the connection was lost before it was told. */
  readonly status: Promise<CommandStatus | undefined>;
  close(): void;
}

/** Joins the command behind the URL. @throws Error with the server's text when it refuses */
export async function connectRemoteCommand(url: string, wanted: WantedStreams, connect?: Connect): Promise<RemoteCommandClient> {
  const session = await openSession(url, COMMAND_PROTOCOL, connect);
  const error = session.open({ streamtype: 'error' });
  const open = (streamtype: 'stdin' | 'stdout' | 'stderr'): { [name: string]: SpdyStream } =>
    wanted[streamtype] && !(wanted.tty && streamtype === 'stderr') ? { [streamtype]: session.open({ streamtype }) } : {};
  const streams = { ...open('stdin'), ...open('stdout'), ...open('stderr') };
  streams['stdin']?.resume(); // nothing comes on it but its end
  const sizes = wanted.tty ? session.open({ streamtype: 'resize' }) : undefined;
  sizes?.resume();
  return {
    ...streams,
    resize: (Width, Height) => void sizes?.write(JSON.stringify({ Width, Height })),
    status: said(error).then(parseStatus),
    close: () => session.close(),
  };
}

/** All that comes on a stream. Servers may close the connection behind their last word, without ending the stream first. */
async function said(stream: Duplex): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.once('end', resolve).once('close', resolve);
  await promise;
  return Buffer.concat(chunks).toString();
}

function parseStatus(body: string): CommandStatus | undefined {
  if (body === '') return undefined;
  try {
    return JSON.parse(body) as CommandStatus;
  } catch {
    return { metadata: {}, status: 'Failure', message: body };
  }
}

/** One connection to a port, in a session of its own. @throws Error with the server's text when it refuses at once */
export async function connectForwardedPort(url: string, port: number, connect?: Connect): Promise<Duplex> {
  const session = await openSession(url, PORT_PROTOCOL, connect);
  const headers = { port: String(port), requestid: '0' };
  const error = session.open({ streamtype: 'error', ...headers });
  error.end();
  const data = session.open({ streamtype: 'data', ...headers });
  const problem = said(error);
  data.once('close', () => session.close());
  const answered = new AbortController();
  const first = await Promise.race([
    problem,
    new Promise<string>((resolve) => data.once('readable', () => data.readableLength > 0 && resolve(''))), // else it is its end
    systemClock.sleep(REFUSAL_MS, answered.signal).then(
      () => '',
      () => '',
    ),
  ]);
  answered.abort();
  if (first !== '') {
    data.destroy();
    throw new Error(first.trim());
  }
  void problem.then((message) => message !== '' && data.destroy(new Error(message.trim())));
  return data;
}

async function openSession(url: string, protocol: string, connect: Connect | undefined): Promise<SpdySession> {
  const { promise, resolve, reject } = Promise.withResolvers<SpdySession>();
  const request = httpRequest(url, {
    method: 'POST',
    ...(connect ? { createConnection: () => connect(Number(new URL(url).port)) } : { agent: false }),
    timeout: UPGRADE_TIMEOUT_MS,
    headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol },
  });
  request.on('upgrade', (_response, socket, head) => {
    socket.setTimeout(0);
    resolve(new SpdySession(socket, head, 'client', (stream) => stream.destroy()));
  });
  request.on('response', (response) => {
    const refused = (body: string) =>
      reject(new Error(`${new URL(url).host} refused to stream: ${response.statusCode} ${body.slice(0, TEXT_MAX)}`));
    text(response).then(refused, reject);
  });
  request.on('timeout', () => request.destroy(new Error(`${new URL(url).host} did not answer within ${UPGRADE_TIMEOUT_MS} ms`)));
  request.on('error', reject);
  request.end();
  return await promise;
}
