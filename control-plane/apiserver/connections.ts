// What is open on a listener: sockets, HTTP/2 sessions, answers on their way; so that it can stop without cutting anything off.
import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { settledWithin, systemClock } from '../../kit/run/index.ts';

/** Dead peers and half-open connections are found by the kernel's own probes after this much silence. */
const KEEP_ALIVE_PROBE_MS = 30_000;

export class Connections {
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #answers = new Set<object>();
  #whenQuiet: (() => void) | undefined;
  /** No more requests are wanted: answers over HTTP/1.1 close their connection. */
  draining = false;

  addSocket(socket: Socket): void {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_PROBE_MS);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  addSession(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.on('close', () => this.#sessions.delete(session));
    if (this.draining) session.close();
  }

  /** An answer that is owed, a watch's included: until what is returned is called, because it was sent or its client is gone. */
  addAnswer(outgoing: object): () => void {
    this.#answers.add(outgoing);
    return () => {
      this.#answers.delete(outgoing);
      if (this.#answers.size === 0) this.#whenQuiet?.();
    };
  }

  /** GOAWAY to HTTP/2 clients; what is under way goes on for at most `graceMs`, then everything is closed. */
  async drain(graceMs: number): Promise<void> {
    this.draining = true;
    for (const session of this.#sessions) session.close();
    if (this.#answers.size > 0) {
      const quiet = new Promise<void>((resolve) => (this.#whenQuiet = resolve));
      await settledWithin(quiet, graceMs, systemClock);
    }
    for (const socket of this.#sockets) socket.destroy();
  }
}
