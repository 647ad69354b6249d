// Remote commands over WebSocket: each message begins with its channel.
import { type Duplex, PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { WebSocket } from 'ws';
import { systemClock } from '../run/index.ts';
import { type Codec, channelWriter, codecOf, onMessage } from './channels.ts';
import { statusText } from './remote-command-spdy.ts';
import type { CommandStatus, RemoteCommand, UpgradeRequest, WantedStreams } from './streams.ts';
import { TerminalSizes } from './terminal-sizes.ts';
import { chooseProtocol, headerOf, listOf, refuseUpgrade } from './upgrade.ts';
import { acceptWebSocket, NORMAL_CLOSURE } from './web-socket.ts';

const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io', 'channel.k8s.io', 'base64.channel.k8s.io'];
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 };
/** kubectl to 1.32 begins to read before it has made its streams, and drops what comes until then: no frame leaves earlier than this. */
const CLIENT_READY_MS = 20;

export async function acceptOverWebSocket(
  request: UpgradeRequest,
  socket: Duplex,
  head: Uint8Array,
  wanted: WantedStreams,
): Promise<RemoteCommand> {
  const offered = listOf(headerOf(request, 'sec-websocket-protocol'));
  const protocol = chooseProtocol(offered, PROTOCOLS);
  if (protocol === undefined) {
    refuseUpgrade(
      socket,
      400,
      `unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${PROTOCOLS.join(' ')}]`,
    );
    throw new Error(`no common protocol in ${offered.join(', ')}`);
  }
  const webSocket = await acceptWebSocket(request, socket, head, protocol);
  return overChannels(webSocket, protocol, codecOf(protocol), wanted);
}

function overChannels(webSocket: WebSocket, protocol: string, codec: Codec, wanted: WantedStreams): RemoteCommand {
  const gone = new AbortController();
  const sizes = new TerminalSizes(gone.signal);
  const stdin = wanted.stdin ? new PassThrough() : undefined;
  stdin?.on('error', () => {});

  onMessage(webSocket, codec, (channel, data) => {
    if (channel === CHANNEL.close && protocol.startsWith('v5.') && data[0] === CHANNEL.stdin) stdin?.end();
    else if (channel === CHANNEL.resize) sizes.offer(data.toString());
    else if (channel === CHANNEL.stdin && stdin && !stdin.writableEnded && data.length > 0 && !stdin.write(data)) {
      webSocket.pause();
      stdin.once('drain', () => webSocket.resume());
    }
  });
  webSocket.on('close', () => {
    gone.abort(new Error('the connection was closed'));
    stdin?.end();
  });

  const stdout = wanted.stdout ? channelWriter(webSocket, codec, CHANNEL.stdout) : undefined;
  const stderr = wanted.stderr ? channelWriter(webSocket, codec, CHANNEL.stderr) : undefined;
  // A command takes longer than that to start and write: only what we say ourselves has to wait.
  const clientIsReady = systemClock.sleep(CLIENT_READY_MS, gone.signal).catch(() => {});
  // Tells the client that the connection stands, on the lowest channel that it reads.
  const lowest = stdout ? CHANNEL.stdout : stderr ? CHANNEL.stderr : CHANNEL.error;
  void clientIsReady.then(() => webSocket.send(codec.encode(lowest, Buffer.alloc(0))));

  let ending: Promise<void> | undefined;
  const end = async (status: CommandStatus): Promise<void> => {
    await clientIsReady;
    for (const stream of [stdout, stderr]) {
      if (!stream || stream.destroyed) continue;
      stream.end();
      await finished(stream).catch(() => {});
    }
    const text = statusText(status, protocol);
    if (text !== '') webSocket.send(codec.encode(CHANNEL.error, Buffer.from(text)), () => webSocket.close(NORMAL_CLOSURE));
    else webSocket.close(NORMAL_CLOSURE);
    sizes.end();
  };
  return { protocol, stdin, stdout, stderr, resizes: sizes, signal: gone.signal, finish: (status) => (ending ??= end(status)) };
}
