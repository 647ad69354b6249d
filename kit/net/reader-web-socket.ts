// A WebSocket that only sends: logs and watches, for clients that can open nothing else (browsers). What the client says is not heard.
import { type Duplex, Writable } from 'node:stream';
import type { UpgradeRequest } from './streams.ts';
import { chooseProtocol, headerOf, listOf, refuseUpgrade } from './upgrade.ts';
import { acceptWebSocket, NORMAL_CLOSURE } from './web-socket.ts';

const PROTOCOLS = ['binary.k8s.io', 'base64.binary.k8s.io'];

/**
 * Accepts, with one of the sub-protocols of k8s.io/streaming's wsstream.Reader: what is written leaves as one message a chunk, binary or, for
 * base64, text; `lines` is for watches, whose every chunk is one text message whatever the sub-protocol. The end closes the socket, as does
 * the client. An empty message comes first for streams of bytes: clients see that the connection stands.
 * @throws when the handshake was refused
 */
export async function acceptReader(request: UpgradeRequest, socket: Duplex, head: Uint8Array, form: 'bytes' | 'lines'): Promise<Writable> {
  const offered = listOf(headerOf(request, 'sec-websocket-protocol'));
  const protocol = form === 'lines' ? (offered[0] ?? '') : chooseProtocol(offered, PROTOCOLS);
  if (protocol === undefined) {
    refuseUpgrade(socket, 403, `requested protocol(s) are not supported: [${offered.join(' ')}]; supports [${PROTOCOLS.join(' ')}]`);
    throw new Error(`no common protocol in ${offered.join(', ')}`);
  }
  const webSocket = await acceptWebSocket(request, socket, head, protocol);
  const base64 = form === 'bytes' && protocol === 'base64.binary.k8s.io';
  const text = base64 || form === 'lines';
  if (form === 'bytes') webSocket.send('', { binary: !text });
  const writer = new Writable({
    write: (chunk: Buffer, _encoding, done) => webSocket.send(base64 ? chunk.toString('base64') : chunk, { binary: !text }, done),
    final(done) {
      webSocket.close(NORMAL_CLOSURE);
      done();
    },
    destroy(error, done) {
      if (error || !writer.writableFinished) webSocket.terminate();
      done(error);
    },
  });
  writer.on('error', () => {}); // a client that left
  webSocket.once('close', () => writer.destroy());
  webSocket.on('message', () => {});
  return writer;
}
