// Remote commands over SPDY/3.1: one stream each for stdin, stdout, stderr, resize and the final status.
import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { systemClock } from '../run/index.ts';
import { SpdySession, type SpdyStream } from './spdy.ts';
import type { CommandStatus, RemoteCommand, TerminalSize, UpgradeRequest, WantedStreams } from './streams.ts';
import { TerminalSizes } from './terminal-sizes.ts';
import { acceptSpdy, chooseProtocol, headerOf, listOf, refuseUpgrade } from './upgrade.ts';

/** v5 exists over WebSocket only. */
const PROTOCOLS = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];
const WITH_RESIZE = ['v4.channel.k8s.io', 'v3.channel.k8s.io'];
const STREAMS_TIMEOUT_MS = 30_000;

function expectedStreams(wanted: WantedStreams, protocol: string): string[] {
  const names = ['error'];
  for (const name of ['stdin', 'stdout', 'stderr'] as const) if (wanted[name]) names.push(name);
  if (wanted.tty && WITH_RESIZE.includes(protocol)) names.push('resize');
  return names;
}

/** What goes to the error stream: JSON from v4 on, before that the message of a failure. */
export const statusText = (status: CommandStatus, protocol: string): string => {
  if (/^v[45]\./.test(protocol)) return JSON.stringify(status);
  return status.status === 'Failure' ? (status.message ?? 'the command failed') : '';
};

export async function acceptOverSpdy(
  request: UpgradeRequest,
  socket: Duplex,
  head: Uint8Array,
  wanted: WantedStreams,
): Promise<RemoteCommand> {
  const offered = listOf(headerOf(request, 'x-stream-protocol-version'));
  const protocol = chooseProtocol(offered, PROTOCOLS);
  if (protocol === undefined) {
    const accepted = PROTOCOLS.map((name) => `X-Accept-Stream-Protocol-Versions: ${name}`);
    refuseUpgrade(
      socket,
      403,
      `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${PROTOCOLS.join(' ')}]`,
      accepted,
    );
    throw new Error(`no common protocol in ${offered.join(', ')}`);
  }
  acceptSpdy(socket, protocol);
  const streams = new Map<string, SpdyStream>();
  const names = expectedStreams(wanted, protocol);
  const complete = Promise.withResolvers<void>();
  const session = new SpdySession(socket, head, 'server', (stream) => {
    streams.set(stream.headers['streamtype'] ?? '', stream);
    if (names.every((name) => streams.has(name))) complete.resolve();
  });
  const late = new AbortController();
  const deadline = systemClock.sleep(STREAMS_TIMEOUT_MS, AbortSignal.any([late.signal, session.signal])).then(() => {
    throw new Error(`the client opened only the streams ${[...streams.keys()].join(', ')} of ${names.join(', ')}`);
  });
  try {
    await Promise.race([complete.promise, deadline]);
  } catch (error) {
    session.close();
    throw error;
  } finally {
    late.abort();
    deadline.catch(() => {});
  }
  return overStreams(session, streams, protocol, wanted);
}

function overStreams(session: SpdySession, streams: Map<string, SpdyStream>, protocol: string, wanted: WantedStreams): RemoteCommand {
  const errorStream = streams.get('error')!;
  const outputs = [wanted.stdout ? streams.get('stdout') : undefined, wanted.stderr ? streams.get('stderr') : undefined];
  for (const stream of [errorStream, ...outputs]) stream?.resume(); // clients half-close what they only read
  const sizes = new TerminalSizes(session.signal);
  if (streams.has('resize')) void readSizes(streams.get('resize')!, sizes);
  let ending: Promise<void> | undefined;
  const end = async (status: CommandStatus): Promise<void> => {
    for (const stream of outputs) {
      if (!stream || stream.destroyed) continue;
      stream.end();
      await finished(stream, { readable: false }).catch(() => {});
    }
    if (!errorStream.destroyed) {
      errorStream.end(statusText(status, protocol));
      await finished(errorStream, { readable: false }).catch(() => {});
    }
    session.close();
  };
  return {
    protocol,
    stdin: wanted.stdin ? streams.get('stdin') : undefined,
    stdout: outputs[0],
    stderr: outputs[1],
    resizes: sizes,
    signal: session.signal,
    finish: (status) => (ending ??= end(status)),
  };
}

/** Sizes come as JSON objects one after the other, however the bytes are cut. */
async function readSizes(stream: SpdyStream, sizes: TerminalSizes): Promise<void> {
  let text = '';
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      text += chunk.toString();
      for (let end = text.indexOf('}'); end >= 0; end = text.indexOf('}')) {
        sizes.offer(text.slice(0, end + 1));
        text = text.slice(end + 1);
      }
      if (text.length > 1024) return;
    }
  } catch {
    // The session's end is told elsewhere.
  }
}

export type { TerminalSize };
