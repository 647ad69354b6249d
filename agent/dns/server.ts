// DNS over UDP and TCP on one address.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { framed } from './upstream.ts';

export type Answerer = (message: Buffer, protocol: 'udp' | 'tcp') => Promise<Buffer | undefined>;

export interface DnsServer {
  readonly port: number;
  /** Rejects when a socket dies. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

/** TCP connections at the same time; more are closed at once. */
const CONNECTIONS_MAX = 256;
const IDLE_MS = 10_000;
/** Questions of one connection that wait for an answer. */
const PIPELINE_MAX = 16;

/** @throws Error EADDRINUSE and its like, naming address and port */
export async function listenDns(address: string, port: number, answer: Answerer): Promise<DnsServer> {
  const udp = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  await new Promise<void>((resolve, reject) => {
    udp.once('error', reject);
    udp.bind(port, address, resolve);
  });
  const bound = udp.address().port;
  const tcp = createServer((socket) => serveConnection(socket, answer));
  tcp.maxConnections = CONNECTIONS_MAX;
  try {
    await new Promise<void>((resolve, reject) => {
      tcp.once('error', reject);
      tcp.listen(bound, address, resolve);
    });
  } catch (error) {
    udp.close();
    throw error;
  }
  udp.on('message', (message, from) => {
    void answer(message, 'udp')
      .then((reply) => reply && udp.send(reply, from.port, from.address, () => {}))
      .catch(() => {});
  });
  return { port: bound, failed: failureOf(udp, tcp), close: () => closeBoth(udp, tcp) };
}

function serveConnection(socket: Socket, answer: Answerer): void {
  let read = Buffer.alloc(0);
  let waiting = 0;
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    read = Buffer.concat([read, chunk]);
    while (read.length >= 2 && read.length >= 2 + read.readUInt16BE(0)) {
      const message = read.subarray(2, 2 + read.readUInt16BE(0));
      read = read.subarray(2 + message.length);
      if (++waiting > PIPELINE_MAX) socket.destroy();
      else void respond(message);
    }
  });
  const respond = async (message: Buffer) => {
    const reply = await answer(message, 'tcp').catch(() => undefined);
    waiting--;
    if (reply && socket.writable) socket.write(framed(reply));
  };
}

function failureOf(udp: UdpSocket, tcp: Server): Promise<never> {
  return new Promise((_, reject) => {
    udp.on('error', reject);
    tcp.on('error', reject);
  });
}

async function closeBoth(udp: UdpSocket, tcp: Server): Promise<void> {
  await Promise.all([new Promise<void>((resolve) => udp.close(resolve)), new Promise((resolve) => tcp.close(resolve))]);
}
